"""A glance at generated clips while a run trains: seconds to prepare, a second or two for a few hundred clips."""

from dataclasses import dataclass

import numpy as np

from audiogan import flaws, metrics
from audiogan.embedders import MelStatistics
from audiogan.hearing import Prepared

MOST_FITTING_CLIPS = 500
MOST_TRAIN_CLIPS = 2_000
MOST_HELD_OUT_CLIPS = 500


@dataclass(frozen=True)
class Glance:
    """What a glance shows, in the mel statistics alone. NaN where there are too few sound clips to say."""

    kernel_distance: float
    """0 as real as held-out clips; the smaller, the better."""
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
        clip_samples = clips.shape[1]
        embedder = MelStatistics.fit(Prepared(clips, clip_samples, train_indices[:MOST_FITTING_CLIPS]), rate)
        train = embedder(Prepared(clips, clip_samples, train_indices), rate)
        bandwidth = metrics.median_distance(train)
        return cls(embedder, train, _embedded(embedder, clips, held_out_indices), bandwidth, clip_samples)

    def glance(self, waves: np.ndarray) -> Glance:
        """At clips (n, T), float in [-1, 1] or int16, at the data set's rate."""
        whole = np.flatnonzero(np.isfinite(waves).all(1))
        prepared = Prepared(waves, self.clip_samples, whole)
        peaks = flaws.peaks_db(prepared.as_they_are(slice(None))) if len(whole) else np.zeros(0)
        silent_share = 1 - float((peaks >= flaws.SILENT_DB).sum()) / max(1, len(waves))
        if len(whole) < 2:
            return Glance(np.nan, np.nan, np.nan, silent_share)
        fake = self.embedder(prepared, self.embedder.levels.rate)
        # of 2,000 training clips a sample does for what is a mean; copies are looked for among all
        real = self.train[: max(len(fake), MOST_FITTING_CLIPS)]
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
