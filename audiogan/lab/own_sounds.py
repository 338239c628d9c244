"""A sound of one's own, and what a model makes of it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiogan import datasets, worker
from audiogan.files import Upload
from audiogan.lab.keeping import Keeping
from audiogan.lab.playing import Playing
from audiogan.runs import Run, RunError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from audiogan.encoder import Encoder
    from audiogan.examples import Clips
    from audiogan.instrument import Instrument, Point

RANDOM_SOUNDS = 8
"""Sounds of random latents that a reconstruction is held against."""


@dataclass(frozen=True)
class Reconstruction:
    """A sound, what a model makes of it, and how far apart the two are."""

    original: bytes
    """WAV."""

    wav: bytes
    point: "Point"
    label: str
    """Empty for a model without labels."""

    spectral_distance: float
    """Multi-resolution spectral distance from the original, 0 when equal."""

    usual_distance: float
    """The same of sounds that the model makes of random latents, on average: what a mere guess would reach."""

    wave_error: float
    """Mean squared difference of the samples."""

    silence_error: float
    """The same of silence."""

    draws_samples: bool
    """Whether the model makes the waveform itself; others make spectra, whose phases are found anew."""

    def sentences(self) -> tuple[str, str]:
        """Both measures in words, each beside what it would be without any effort."""
        phases = "" if self.draws_samples else " This model draws spectra and finds the phases anew, which counts here."
        return (
            f"Spectral distance {self.spectral_distance:.2f}: 0 would be equal, random sounds of this model are at "
            f"{self.usual_distance:.2f}.",
            f"Waveform error {self.wave_error:.4f} (mean square): 0 would be equal, silence is at "
            f"{self.silence_error:.4f}.{phases}",
        )


class OwnSounds(Playing, Keeping):
    """Sounds are encoded, and decoded again. Needs the instrument, and to hear of runs that are deleted."""

    def __init__(self, home: Path | str | None = None) -> None:
        super().__init__(home)
        self._encoders: dict[tuple[Path, int], dict[str, Tensor]] = {}

    def clip_for(self, run: Run, source: Path | Upload) -> "np.ndarray":
        """The first clip (T,) of a sound file, made as the run's own clips were: mono, trimmed, of its rate and length.

        Raises NoSounds when there is no sound in it, RunError when there are several files.
        """
        from audiogan import audio

        found = self.survey([source])
        if len(found.files) != 1:
            raise RunError(f"There are {len(found.files)} files in '{source}': name one of them.")
        config = run.config
        known = {dataset.fingerprint: dataset for dataset in self.datasets()}.get(config.fingerprint)
        loudness = known.settings["loudness"] if known else datasets.LOUDNESS[0]
        cutting = datasets.Cutting(config.rate, config.clip_samples / config.rate, loudness)
        clip = cutting.clips(found.sound(0), found.files[0].rate)[:1]
        return audio.from_int16(audio.pad(clip, config.clip_samples)[0])

    def has_encoder(self, run: Run, step: int | None = None) -> bool:
        """Whether sounds can be encoded at once; otherwise the first call trains for up to two minutes."""
        snapshot = run.snapshot(step)
        return (run.folder, snapshot.step) in self._encoders or run.load_encoder(snapshot) is not None

    def encoder(
        self, run: Run, step: int | None = None, progress: Callable[[int, int], None] | None = None
    ) -> "Encoder":
        """The encoder of that snapshot, trained on first use and kept in the run."""
        from audiogan.encoder import Encoder, train_encoder

        instrument, snapshot = self.instrument(run, step), run.snapshot(step)
        tensors = run.load_encoder(snapshot) or self._encoders.get((run.folder, snapshot.step))
        if tensors is None:
            tensors = train_encoder(instrument, self._clips(run), _discriminator(run), progress).state_dict()
            # a starter model inside an installed package may not be writable
            with contextlib.suppress(OSError):
                run.save_encoder(snapshot, tensors)
            self._encoders[run.folder, snapshot.step] = tensors
        encoder = Encoder(run.config, instrument.transform.shape)
        encoder.load_state_dict(tensors)
        return encoder

    def _clips(self, run: Run) -> "Clips | None":
        """The clips a run was trained on, None where they are gone or have changed."""
        try:
            return worker.load_clips(self.dataset(run.config.dataset).folder, run.config)
        except RunError:
            return None

    def reconstruct(
        self,
        run: Run,
        clip: "np.ndarray",
        label: str | None = None,
        step: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> "Reconstruction":
        """A clip (T,) encoded and decoded again; `progress` tells of the encoder's training, which happens once."""
        from audiogan.encoder import encode

        instrument, encoder = self.instrument(run, step), self.encoder(run, step, progress)
        point = encode(encoder, instrument, clip, instrument.label_number(label) if label else None)
        return _compare(instrument, clip, point)

    def delete_run(self, run: Run) -> None:
        """As in `Keeping`, with its encoders in memory: another run of this name would otherwise find them."""
        super().delete_run(run)
        self._encoders = {key: value for key, value in self._encoders.items() if key[0] != run.folder}


def _compare(instrument: "Instrument", clip: "np.ndarray", point: "Point") -> Reconstruction:
    """A clip (T,) beside the sound of a point, measured on what is heard."""
    import torch

    from audiogan import audio, distance

    others = [instrument.point(seed, point.label) for seed in range(RANDOM_SOUNDS)]
    made = torch.stack([instrument.heard(item) for item in (point, *others)])
    original = torch.from_numpy(clip).expand_as(made)
    spectral = distance.multi_resolution_stft_distance(made, original)
    return Reconstruction(
        original=audio.encode_wav(clip, instrument.config.rate),
        wav=instrument.wav(point),
        point=point,
        label=instrument.labels[point.label] if instrument.labels else "",
        spectral_distance=float(spectral[0]),
        usual_distance=float(spectral[1:].mean()),
        wave_error=float(distance.mean_square_error(made[:1], original[:1])),
        silence_error=float(original[0].square().mean()),
        draws_samples=instrument.config.settings.transform == "waveform",
    )


def _discriminator(run: Run) -> dict | None:
    """The weights of a run's discriminator by name, None where no save of them is left."""
    try:
        saved = run.load_resume()
    except RunError:
        return None
    prefix = "discriminator."
    return saved and {name[len(prefix) :]: value for name, value in saved[0].items() if name.startswith(prefix)}
