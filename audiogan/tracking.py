"""A run in TensorBoard, for those who have it: its numbers as curves, its sounds to be heard and seen.

Event files are made from the run folder and nothing else, so that old runs, and runs on other machines, can be shown
too. Needs the extra: `pip install audiogan[tensorboard]`.
"""

import math
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import torch

from audiogan import audio
from audiogan.mel import mel_filters
from audiogan.runs import METRICS, SCORES, Run, RunError
from audiogan.spectra import stft

BANDS = 128
RANGE_DB = 80.0
"""What a spectrogram shows under its loudest point."""


class Mirror:
    """Event files that follow a run folder."""

    def __init__(self, run: Run, folder: Path) -> None:
        """Begin anew in that folder. Raises RunError when TensorBoard is not installed."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise RunError("TensorBoard is not installed here: pip install audiogan[tensorboard].") from None
        self._open = lambda: SummaryWriter(str(folder), max_queue=10_000)
        self.run, self.folder = run, folder
        self._began = datetime.fromisoformat(run.config.created).timestamp() if run.config.created else 0.0
        self._begin()

    def _begin(self) -> None:
        # what an earlier mirror left would show every point twice
        for old in self.folder.glob("events.out.tfevents.*"):
            old.unlink()
        self._last = dict.fromkeys(("metrics", "scores", "sounds"), -1.0)
        self._writer = self._open()
        self._writer.add_text("config", f"```\n{self.run.config.to_json()}\n```", walltime=self._began)

    def update(self) -> int:
        """Add what the run folder has gained; how many rows and snapshots these were.

        A run that went back to its last save is written anew.
        """
        metrics, scores, snapshots = self.run.metrics(), self.run.scores(), self.run.snapshots()
        if max(metrics["step"], default=-1.0) < self._last["metrics"]:
            self._writer.close()
            self._begin()
        added = self._add_numbers("metrics", METRICS, metrics) + self._add_numbers("scores", SCORES, scores)
        for snapshot in snapshots:
            if snapshot.step > self._last["sounds"]:
                seconds = np.interp(snapshot.step, metrics["step"] or [0], metrics["seconds"] or [0])
                self._add_sounds(snapshot.step, self._began + float(seconds), snapshot.previews)
                self._last["sounds"] = snapshot.step
                added += 1
        self._writer.flush()
        return added

    def close(self) -> None:
        self._writer.close()

    def _add_numbers(self, table: str, columns: Sequence[str], values: dict[str, list[float]]) -> int:
        """The rows of a table after the last one that was added; how many these were."""
        rows = [row for row in zip(*values.values(), strict=True) if row[0] > self._last[table]]
        for step, seconds, *numbers in rows:
            for name, number in zip(columns[2:], numbers, strict=True):
                # 'loss_d' -> 'loss/d': TensorBoard puts what stands before the stroke under one heading
                group = name.replace("_", "/", 1) if table == "metrics" else f"score/{name}"
                self._writer.add_scalar(group, number, int(step), walltime=self._began + seconds)
            self._last[table] = step
        return len(rows)

    def _add_sounds(self, step: int, walltime: float, previews: Sequence[Path]) -> None:
        for index, path in enumerate(previews):
            try:
                sound, rate = audio.decode(path)
            except FileNotFoundError:
                continue  # thinned out meanwhile
            wave = torch.from_numpy(audio.downmix(sound))
            self._writer.add_audio(f"sound/{index}", wave[None], step, rate, walltime=walltime)
            picture = spectrogram(wave, rate)
            self._writer.add_image(f"spectrogram/{index}", picture, step, walltime=walltime, dataformats="HW")


def spectrogram(wave: torch.Tensor, rate: int) -> torch.Tensor:
    """(T,) -> (128, F) in [0, 1]: mel bands, the lowest at the bottom, every 5 ms; 0 is 80 dB under the loudest."""
    n_fft = 2 ** round(math.log2(rate * 0.05))
    spectra = stft(wave[None], n_fft, round(rate * 0.005), torch.hann_window(n_fft))[0]
    power = mel_filters(rate, n_fft, BANDS) @ spectra.abs().square()
    levels = 10 * (power / power.max().clamp(min=1e-10)).clamp(min=10 ** (-RANGE_DB / 10)).log10()
    return (levels / RANGE_DB + 1).flip(0)


def follow(mirrors: Sequence[Mirror], every_seconds: float) -> None:
    """Keep the event files up with their runs until none of these is being trained."""
    while any(mirror.run.status.is_active for mirror in mirrors):
        time.sleep(every_seconds)
        for mirror in mirrors:
            mirror.update()
    # what came between the last look and the end
    for mirror in mirrors:
        mirror.update()
