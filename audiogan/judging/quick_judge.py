"""A glance at generated clips while a run trains: seconds to prepare, a second or two for a few hundred clips."""

from dataclasses import dataclass

import numpy as np

from audiogan import metrics
from audiogan.judging import flaws
from audiogan.judging.embedders import MelStatistics
from audiogan.judging.hearing import Prepared

MOST_FITTING_CLIPS = 500
MOST_TRAIN_CLIPS = 2_000
MOST_HELD_OUT_CLIPS = 500

ENOUGH_HELD_OUT = 100
"""With fewer held-out clips, chance in choosing them outweighs what they are better at than training clips, of which
a copy is as near as a good sound: copies are then told by the ratio of nearest neighbours alone."""


@dataclass(frozen=True)
class Glance:
    """What a glance shows, in the mel statistics alone. NaN where there are too few sound clips to say."""

    kernel_distance: float
    """0: as real as real clips; the smaller, the better."""
    nearest_neighbour_ratio: float
    """1: as new as real clips; under 0.7: close to the training clips; near 0: copies."""
    diversity: float
    """1: as varied as real clips; under 0.5: collapse."""
    silent_share: float
    """Of all clips: silent ones, and ones that are broken (NaN or infinite)."""


@dataclass(frozen=True, eq=False)
class QuickJudge:
    """Compares by mel statistics, without a classifier: what a training can afford at each snapshot."""

    embedder: MelStatistics
    train: np.ndarray
    """(n, d)"""
    held_out: np.ndarray
    """(m, d)"""
    bandwidth: float
    clip_samples: int

    @classmethod
    def fit(cls, clips: np.ndarray, rate: int, held_out: np.ndarray) -> "QuickJudge":
        """From int16 clips (N, T), of which `held_out` (bool (N,)) were not trained on.

        Raises ValueError with fewer than 2 training clips, and where all are alike.
        """
        random = np.random.default_rng(0)
        train_indices = random.permutation(np.flatnonzero(~held_out))[:MOST_TRAIN_CLIPS]
        held_out_indices = random.permutation(np.flatnonzero(held_out))[:MOST_HELD_OUT_CLIPS]
        if len(train_indices) < 2:
            raise ValueError("At least 2 training clips are needed to compare with: add more sounds.")
        clip_samples = clips.shape[1]
        embedder = MelStatistics.fit(Prepared(clips, clip_samples, train_indices[:MOST_FITTING_CLIPS]), rate)
        train = embedder(Prepared(clips, clip_samples, train_indices), rate)
        bandwidth = metrics.median_distance(train)
        return cls(embedder, train, _embedded(embedder, clips, held_out_indices), bandwidth, clip_samples)

    @property
    def reference(self) -> np.ndarray:
        """(n, d): the real clips that others are held against, in a random order; copies are told by all of `train`."""
        return self.held_out if len(self.held_out) >= ENOUGH_HELD_OUT else self.train

    def floor(self, count: int) -> float:
        """The kernel distance under which `count` real clips stay 39 times in 40; NaN with too few to say."""
        real = self.train[:count]
        reference = self.held_out
        if self.reference is self.train:
            real, reference = self.train[::2][:count], self.train[1::2]
        try:
            return metrics.kernel_distance_interval(reference, real, self.bandwidth)[1]
        except metrics.TooFew:
            return np.nan

    def glance(self, waves: np.ndarray) -> Glance:
        """At clips (n, T), float in [-1, 1] or int16, at the data set's rate."""
        whole = np.flatnonzero(np.isfinite(waves).all(1))
        prepared = Prepared(waves, self.clip_samples, whole)
        peaks = flaws.peaks_db(prepared.as_they_are(slice(None))) if len(whole) else np.zeros(0)
        silent_share = 1 - float((peaks >= flaws.SILENT_DB).sum()) / max(1, len(waves))
        if len(whole) < 2:
            return Glance(np.nan, np.nan, np.nan, silent_share)
        fake = self.embedder(prepared, self.embedder.levels.rate)
        real = self.reference[: max(len(fake), MOST_FITTING_CLIPS)]
        return Glance(
            metrics.kernel_distance(real, fake, self.bandwidth),
            metrics.nearest_neighbour_ratio(fake, self.train, self.held_out),
            metrics.diversity(real, fake),
            silent_share,
        )


def _embedded(embedder: MelStatistics, clips: np.ndarray, indices: np.ndarray) -> np.ndarray:
    if len(indices) == 0:
        return np.zeros((0, embedder.components.shape[1] + 1))
    return embedder(Prepared(clips, clips.shape[1], indices), embedder.levels.rate)
