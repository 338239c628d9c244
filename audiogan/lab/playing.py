"""A run's model as an instrument, and the real sounds beside which it is heard."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from audiogan import datasets, worker
from audiogan.config import RunConfig
from audiogan.lab.following import Following
from audiogan.lab.sounds import Sounds, wav_of_clip
from audiogan.runs import Run, RunError

if TYPE_CHECKING:
    from audiogan.instrument import Instrument

INSTRUMENTS_IN_MEMORY = 4


@dataclass(frozen=True)
class RealSound:
    """A clip of a data set, beside which generated ones are heard."""

    wav: bytes
    file: str
    """Name of the file that it comes from."""

    label: str
    """Empty for a data set without labels."""

    held_out: bool
    """Whether it was kept back from training."""


class Playing(Sounds, Following):
    """One sound at a time, at once, and clips of the run's data set. Needs the runs and the data sets."""

    def __init__(self, home: Path | str | None = None) -> None:
        super().__init__(home)
        self._instrument = functools.lru_cache(INSTRUMENTS_IN_MEMORY)(self._open_instrument)
        self._group_examples = functools.lru_cache(INSTRUMENTS_IN_MEMORY)(self._find_group_examples)

    def instrument(self, run: Run, step: int | None = None) -> "Instrument":
        """The run's generator of that snapshot (the newest by default), kept in memory for the next call."""
        snapshot = run.snapshot(step)
        return self._instrument(run.folder, snapshot.step, snapshot.path.stat().st_mtime_ns)

    def _open_instrument(self, folder: Path, step: int, _written: int) -> "Instrument":
        import torch

        from audiogan.instrument import Instrument

        # one sound is too small to be shared between cores, and a trainer may be at work on the others
        torch.set_num_threads(1)
        run = Run(folder)
        return Instrument(run, run.snapshot(step))

    def audition(
        self,
        run_name: str,
        step: int | None,
        seed: int,
        label: int | None = None,
        sliders: Sequence[float] | None = None,
        origin: Sequence[float] | None = None,
        clean: bool = False,
        kind: int | None = None,
    ) -> tuple[bytes, list[float]]:
        """(WAV bytes, slider positions) of one sound."""
        instrument = self.instrument(self.run(run_name), step)
        point = instrument.point(seed, label, sliders, origin, kind)
        return instrument.wav(point, clean), instrument.sliders(point)

    def real_sound(self, run: Run, draw: int, label: str = "") -> RealSound:
        """A random clip of the run's data set, another one for each `draw`, of that label where there is one.

        It was kept back from training if any such clip was. Raises RunError when the data set is gone or has changed.
        """
        import numpy as np

        dataset = self.dataset(run.config.dataset)
        clips = worker.load_clips(dataset.folder, run.config)
        names = run.config.label_names or dataset.labels
        labels = clips.classes // run.config.kinds_per_label
        fits = labels == names.index(label) if label in names else np.ones(len(labels), bool)
        kept_back = fits & (False if clips.held_out is None else clips.held_out)
        index = int(np.random.default_rng(draw).choice(np.flatnonzero(kept_back if kept_back.any() else fits)))
        return RealSound(
            wav=wav_of_clip(dataset, index),
            file=dataset.files[dataset.clip_files()[index]].path,
            label=names[labels[index]] if names else "",
            held_out=bool(kept_back[index]),
        )

    def group_examples(self, run: Run) -> list[str]:
        """For each of the run's groups the name of the file that is most like it, without its ending; empty without
        groups, and without the data set that they were found in."""
        if not run.config.has_groups:
            return []
        try:
            # a page asks again whenever anything on it is touched
            return self._group_examples(run.config.to_json(), self._dataset_of(run).folder)
        except RunError:
            return []

    def _find_group_examples(self, config_json: str, dataset_folder: Path) -> list[str]:
        from audiogan.clustering import open_groups

        config = RunConfig.from_json(config_json)
        dataset, clips = datasets.open_dataset(dataset_folder), worker.load_clips(dataset_folder, config)
        groups = open_groups(dataset_folder, clips, dataset.rate, config.settings.groups)
        files = dataset.clip_files()[list(groups.examples)]
        return [PurePosixPath(dataset.files[file].path).stem for file in files]
