"""Clips as the measures hear them: real and generated ones on one path, then points, probabilities and powers."""

from dataclasses import dataclass, fields, replace

import numpy as np

from audiogan import audio
from audiogan.judging import flaws
from audiogan.judging.embedders import BATCH, Embedder, MelStatistics, SoundClassifier
from audiogan.judging.spectrum import band_powers
from audiogan.judging.stages import Progress


class Prepared:
    """Clips (n, T) on the path that all take: 16 bits, cut or padded to one length, brought to a peak of -1 dB.

    A slice of it is float32 (m, T); nothing is held but what it is made of, which may lie on disk.
    """

    def __init__(self, clips: np.ndarray, clip_samples: int, indices: np.ndarray | None = None) -> None:
        self.clips, self.indices = clips, np.arange(len(clips)) if indices is None else indices
        self.shape = (len(self.indices), clip_samples)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, rows: slice) -> np.ndarray:
        waves = self.as_they_are(rows)
        for number in np.flatnonzero(flaws.peaks_db(waves) >= flaws.SILENT_DB):
            waves[number] = audio.normalise_peak(waves[number])
        return waves

    def as_they_are(self, rows: slice) -> np.ndarray:
        """float32 (m, T), at their own level."""
        clips = self.clips[self.indices[rows]]
        if clips.dtype != np.int16:
            clips = audio.to_int16(clips)
        return audio.from_int16(audio.pad([clip[: self.shape[1]] for clip in clips], self.shape[1]))


@dataclass(frozen=True, eq=False)
class Heard:
    """What the measures know of n clips."""

    mel_statistics: np.ndarray
    """(n, d)"""
    backwards: np.ndarray
    """(n, d): the same of the clips played backwards; (n, 0) where this is not asked."""
    backwards_in_place: np.ndarray
    """(n, d): of the clips whose sounds run backwards between the same silences."""
    powers: np.ndarray
    """(n, M): of each mel band."""
    backgrounds_db: np.ndarray
    """(n,)"""
    peaks_db: np.ndarray
    """(n,)"""
    sounds: np.ndarray
    """(n, 96): features of the classifier."""
    probabilities: np.ndarray
    """(n, labels)"""
    own: np.ndarray
    """(n, d): of the user's own embedder; (n, 0) without one."""

    def __len__(self) -> int:
        return len(self.peaks_db)

    def some(self, chosen: np.ndarray | slice) -> "Heard":
        """The clips of these indices, of this slice, or where this mask is true."""
        return replace(self, **{item.name: getattr(self, item.name)[chosen] for item in fields(self)})


@dataclass(frozen=True, eq=False)
class Ears:
    """The embedders of one data set."""

    mel_statistics: MelStatistics
    classifier: SoundClassifier
    own: Embedder | None
    rate: int

    @property
    def bands_hz(self) -> np.ndarray:
        """(M,) the middles of the bands of `powers`."""
        return band_powers(np.zeros((0, self.rate), np.float32), self.rate)[0]

    def hear(self, clips: Prepared, both_ways: bool = True, progress: Progress | None = None) -> Heard:
        """Everything about the clips, if `both_ways` also backwards. `progress` is told (clips heard, clips)."""
        batches = []
        for at in range(0, len(clips), BATCH):
            rows = slice(at, at + BATCH)
            batches.append(self._hear_batch(clips[rows], flaws.peaks_db(clips.as_they_are(rows)), both_ways))
            if progress:
                progress(min(at + BATCH, len(clips)), len(clips))
        return Heard(*(np.concatenate([getattr(batch, item.name) for batch in batches]) for item in fields(Heard)))

    def _hear_batch(self, waves: np.ndarray, peaks_db: np.ndarray, both_ways: bool) -> Heard:
        nothing = np.zeros((len(waves), 0))
        turned = [waves[:, ::-1], flaws.reversed_in_place(waves)] if both_ways else []
        backwards, in_place = [self.mel_statistics(clips, self.rate) for clips in turned] or [nothing, nothing]
        sounds, probabilities = self.classifier.features_and_probabilities(waves, self.rate)
        return Heard(
            mel_statistics=self.mel_statistics(waves, self.rate),
            backwards=backwards,
            backwards_in_place=in_place,
            powers=band_powers(waves, self.rate)[1],
            backgrounds_db=flaws.backgrounds_db(waves, self.rate),
            peaks_db=peaks_db,
            sounds=sounds,
            probabilities=probabilities,
            own=np.asarray(self.own(waves, self.rate), np.float64) if self.own else nothing,
        )
