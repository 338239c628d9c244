"""Whether generated clips are real, varied and new: pure functions of embeddings, label probabilities and clips.

`real`, `fake`, `train`, `held_out` are embeddings (n, d), one row a clip, of one embedder. No number stands alone: each
depends on how many clips it saw and is blind to something, so it is read beside the same number for held-out real clips
of the same count. The docstrings say what that gives, and what each measure does not hear.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.floating]

LARGEST_SAMPLE = 2_000
"""Clips of one set that are compared with each other for a mean or a median: two million pairs, and 32 MB."""

TWINS = 1 / 3
"""Of the distance of held-out clips to the training clips: nearer to each other than that, training clips are twins and
not clips of one recording, which are half as far."""

FEW_HELD_OUT = 10
"""With fewer held-out clips their median distance says too little."""

BLOCK = 1_000
"""Clips that are compared with the whole training set at once."""


class TooFew(ValueError):
    """There are fewer clips than a measure needs."""


class Pair(NamedTuple):
    """A generated clip and the training clip that it comes near."""

    fake: int
    train: int
    distance: float


def median_distance(reference: Floats) -> float:
    """The median distance between two different clips of the reference, over 0: the bandwidth of `kernel_distance`.

    The choice of Chung et al. 2025 (KAD, arXiv 2502.15602, section 3). Taken once for each data set and embedder: with
    a new bandwidth for each snapshot, the numbers of two snapshots would be on two scales. Of more than 2,000 clips, a
    fixed random 2,000 are asked. Needs 2 clips.
    """
    _require("A bandwidth", 2, reference)
    distances = _between(reference)
    if not distances.any():
        raise ValueError("All reference clips are alike to this embedding: measure with another one, or add clips.")
    return float(np.median(distances[distances > 0]))


def kernel_distance(real: Floats, fake: Floats, bandwidth: float) -> float:
    """100 x the unbiased squared maximum mean discrepancy (Gretton et al. 2012, eq. 3), as KAD (arXiv 2502.15602):

        mean k(x, x') + mean k(y, y') - 2 mean k(x, y),  k(a, b) = exp(-|a - b|^2 / (2 bandwidth^2))

    over pairs of different clips. From about 0 (equal distributions) to 200. Real against real gives 0 on average at
    every count, so it is below 0 half of the time, and that is correct. It does not see copies of training clips, nor
    what the embedding does not hear. Needs 2 clips on each side.
    """
    _require("The kernel distance", 2, real, fake)
    return float(_discrepancies(_kernels(real, fake, bandwidth), np.ones((1, len(real))), np.ones((1, len(fake))))[0])


def kernel_distance_interval(
    real: Floats, fake: Floats, bandwidth: float, resamples: int = 200, seed: int = 0
) -> tuple[float, float]:
    """A 95 % interval (low, high) of `kernel_distance`.

    Percentiles of a bootstrap over the Gram matrices: each side is drawn anew with replacement, and a clip is never
    paired with its own twin, whose kernel of 1 would push every resample up. Where the distributions are equal the
    statistic is degenerate, and no bootstrap of this kind is exact (Arcones and Giné 1992): the interval is then about
    1.6 times too wide and nearly always holds 0. Needs 8 clips on each side.
    """
    _require("The interval of the kernel distance", 8, real, fake)
    rng = np.random.default_rng(seed)
    draws = [rng.multinomial(n, np.full(n, 1 / n), resamples).astype(float) for n in (len(real), len(fake))]
    return _central(_discrepancies(_kernels(real, fake, bandwidth), *draws))


def frechet_distance(real: Floats, fake: Floats) -> float:
    """The Fréchet distance between two Gaussians with the sets' means and covariances (Heusel et al. 2017, eq. 6):

        |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2)

    From 0 up, in squared units of the embedding. Real against real is far above 0 and falls with the count: 52 for 50
    clips and 2.5 for 1,400, in 96 dimensions. So it compares only equal counts, beside real against real. It sees means
    and covariances alone, and copies of training clips win it. Works with fewer clips than dimensions; needs 2 on
    each side.
    """
    _require("The Fréchet distance", 2, real, fake)
    shift = np.mean(real, 0) - np.mean(fake, 0)
    real_root, fake_root = _covariance_root(real), _covariance_root(fake)
    # the square roots of C1 C2's eigenvalues are the singular values of R1 R2^T, where C = R^T R: no root of a
    # matrix, and no eigenvalue that rounding makes negative or complex
    overlap = np.linalg.norm(real_root @ fake_root.T, "nuc")
    return max(0.0, float(shift @ shift + (real_root**2).sum() + (fake_root**2).sum() - 2 * overlap))


def frechet_distance_at_infinity(real: Floats, fake: Floats, seed: int = 0) -> tuple[float, float]:
    """(value, standard error): where `frechet_distance` would be with endless clips on both sides.

    The distance against 1/n is nearly a line, whose intercept this is (Chong and Forsyth 2020, FID-infinity): a fit
    through n, n/2, n/3 and n/4, n the smaller count, where the clips are dealt into that many parts, each used. The
    standard error is the jackknife's over tenths of the clips (the fit's own sees only how they were dealt), and for
    equal distributions up to twice too large. Real against real gives 0 on average, so it is often below. Needs 40
    clips on each side and 4 for each dimension: with fewer the line bends.
    """
    dimensions = np.shape(real)[1]
    _require("The Fréchet distance at infinity", max(40, 4 * dimensions), real, fake)
    rng = np.random.default_rng(seed)
    real, fake = (np.asarray(side)[rng.permutation(len(side))] for side in _equal_count(real, fake))
    tenth = np.arange(len(real)) % 10
    without = [_frechet_intercept(real[tenth != out], fake[tenth != out]) for out in range(10)]
    return _frechet_intercept(real, fake), float(np.std(without) * math.sqrt(9))


def precision(real: Floats, fake: Floats, k: int = 5) -> float:
    """The share of generated clips that lie within a real clip's distance to its k-th nearest real neighbour.

    Kynkäänniemi et al. 2019, eqs. 1 and 2. From 0 to 1; real against real is a little under 1. One perfect clip,
    repeated, scores 1, and one far-off real clip makes a ball in which everything is right. Of the larger set a fixed
    random part is taken, as large as the smaller set, because the number depends on it. Needs k + 1 clips on each side.
    """
    _require("Precision", k + 1, real, fake)
    real, fake = _equal_count(real, fake)
    return float((_distances(real, fake) <= _radii(real, k)[:, None]).any(0).mean())


def coverage(real: Floats, fake: Floats, k: int = 5) -> float:
    """The share of real clips with a generated one nearer than their own k-th nearest real neighbour.

    Naeem et al. 2020, section 3. From 0 to 1: does every kind of real clip come up? Real against real gives 1 - 2^-k on
    average, 0.97 for k = 5, in any embedding and at nearly any equal count. Of the larger set a fixed random part is
    taken, as large as the smaller set: more generated clips cover more, whatever they are. Copies of training clips
    score 1. Needs k + 1 clips on each side.
    """
    _require("Coverage", k + 1, real, fake)
    real, fake = _equal_count(real, fake)
    return float((_distances(real, fake).min(1) <= _radii(real, k)).mean())


def inception_score(probabilities: Floats) -> float:
    """exp of the mean divergence of each clip's label probabilities (n, labels) from their mean (Salimans et al. 2016):

        exp( mean_x KL( p(y | x) || mean_x p(y | x) ) )

    From 1 (all clips alike, or none recognisable) to the number of labels. Held-out real clips score less than that
    number by what the classifier mistakes: show the ratio. A little low on few clips. Blind within a label: one
    perfect clip for each label scores best. Needs 2 clips.
    """
    _require("The Inception Score", 2, probabilities)
    probabilities = np.asarray(probabilities, np.float64)
    return math.exp(_entropy(probabilities.mean(0)) - _entropy(probabilities).mean())


def label_histogram(probabilities: Floats) -> Floats:
    """(labels,) the share of clips for which each label is the most probable of (n, labels). Needs 1 clip."""
    _require("The label histogram", 1, probabilities)
    count, labels = np.shape(probabilities)
    return np.bincount(np.argmax(probabilities, 1), minlength=labels) / count


def label_surprise(shares: Floats, expected: Floats, n: int, n_expected: float = math.inf) -> Floats:
    """(labels,) how many standard errors the shares of n clips lie above (or below) the expected shares.

    The two-proportion z of NDB (Richardson and Weiss 2018), with a label for a cell: the difference over
    sqrt(P (1 - P) (1/n + 1/n_expected)), P the share in both sets together. `n_expected` is the count of clips from
    which the expected shares were found; endless by default, for shares that are certain. Equal mixtures give each
    label a standard normal, so of ten labels seldom one beyond 3; mind labels of fewer than 5 expected clips. Infinite
    where a label comes up that never could. Blind within a label. Needs 1 clip on each side.
    """
    if min(n, n_expected) < 1:
        raise TooFew("The label mixture needs at least 1 clip on each side: there are 0.")
    shares, expected = np.asarray(shares, np.float64), np.asarray(expected, np.float64)
    difference = shares - expected
    together = expected + difference / (1 + n_expected / n)
    error = np.sqrt(together * (1 - together) * (1 / n + 1 / n_expected))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / error)


def nearest_distances(clips: Floats, train: Floats) -> Floats:
    """(n,) the distance of each clip to the nearest training clip; 0 for a copy. Needs 1 clip on each side."""
    _require("The nearest neighbour", 1, clips, train)
    return np.concatenate([distances.min(1) for _, distances in _blocks(clips, train)])


def nearest_distances_within(train: Floats) -> Floats:
    """(n,) the distance of each training clip to the nearest other one. Needs 2 clips."""
    _require("The nearest neighbour", 2, train)
    nearest = []
    for start, distances in _blocks(train, train):
        np.fill_diagonal(distances[:, start:], np.inf)
        nearest.append(distances.min(1))
    return np.concatenate(nearest)


def nearest_neighbour_ratio(fake: Floats, train: Floats, held_out: Floats | None = None) -> float:
    """Median distance of generated clips to the nearest training clip, over the same median of real ones: held-out
    clips, or the training clips beside each other where these are nearer, as clips of one recording are.

    After |D|_train of Donahue et al. 2019 (WaveGAN), in an embedding. 1: as new as real sounds; near 0: copies of
    training clips, which every other measure prefers; above 1.5: far from any real sound. Held-out clips alone would be
    too much to ask where a recording gives many clips: they come from other recordings, and no generator makes new
    ones. Blind while fewer than half are copies, and to copies that the embedding takes for other sounds. With fewer
    than 10 held-out clips, or None, the training clips alone are asked. Needs 1 clip and 2 training clips.
    """
    usual = float(np.median(nearest_distances_within(train)))
    if held_out is not None and len(held_out) >= FEW_HELD_OUT:
        new = float(np.median(nearest_distances(held_out, train)))
        # twins among the training clips say nothing of what is new, nor do held-out clips that are all trained on
        if new and not TWINS * new <= usual < new:
            usual = new
    if usual == 0:
        raise ValueError("Half of the real clips have an exact twin in the training set: remove the twins first.")
    return float(np.median(nearest_distances(fake, train)) / usual)


def closest_pairs(fake: Floats, train: Floats, count: int = 5) -> list[Pair]:
    """The generated clips that come nearest to a training clip, nearest first; no clip is in two pairs.

    As many as there are, up to `count`. Needs 1 clip on each side.
    """
    _require("The closest pairs", 1, fake, train)
    distances, pairs = _distances(fake, train), []
    for _ in range(min(count, *distances.shape)):
        row, column = np.unravel_index(distances.argmin(), distances.shape)
        pairs.append(Pair(int(row), int(column), float(distances[row, column])))
        distances[row, :] = distances[:, column] = np.inf
    return pairs


def diversity(real: Floats, fake: Floats) -> float:
    """Mean distance between two generated clips, over that between two real ones.

    1: as varied as real; under 0.5: collapse; 0: one sound. Real against real gives 1 at every count. Blind to gaps:
    the two most different sounds of a set, repeated, are very diverse. Of more than 2,000 clips on a side, a fixed
    random 2,000 are asked. Needs 2 clips on each side.
    """
    _require("Diversity", 2, real, fake)
    usual = _between(real).mean()
    if usual == 0:
        raise ValueError("All real clips are alike to this embedding: there is no variety to compare with.")
    return float(_between(fake).mean() / usual)


def mean_square_error(real: Floats, fake: Floats) -> float:
    """Mean squared difference of generated clips (n, T) from real clips (m, T), over all n x m pairings.

    The sources' measure, who subtract clips that do not belong together: the mean over every pairing is what their
    random one gives on average. For unrelated clips it is the power of the real ones plus that of the generated ones,
    so that silence (a row of zeros) wins with the real power alone, and real against real scores twice that: never a
    measure of quality. Needs 1 clip on each side.
    """
    _require("The mean squared error", 1, real, fake)
    powers = sum(np.mean(np.square(side, dtype=np.float64)) for side in (real, fake))
    return float(powers - 2 * np.mean(np.mean(real, 0, dtype=np.float64) * np.mean(fake, 0, dtype=np.float64)))


def bootstrap_interval(
    statistic: Callable[..., float], *samples: Floats, resamples: int = 200, seed: int = 0
) -> tuple[float, float]:
    """A 95 % interval (low, high) of statistic(*samples), each set drawn anew with replacement.

    For what is a mean or a median over clips: Inception Score, mean squared error, shares of labels, and the median
    of `nearest_distances`. A clip drawn twice is its own nearest neighbour: where clips of one set are compared with
    each other, use `subsample_interval`. Needs 8 clips in each set.
    """
    _require("A bootstrap interval", 8, *samples)
    rng = np.random.default_rng(seed)
    return _central(
        [statistic(*(side[rng.integers(len(side), size=len(side))] for side in samples)) for _ in range(resamples)]
    )


def subsample_interval(
    statistic: Callable[..., float], *samples: Floats, resamples: int = 50, seed: int = 0
) -> tuple[float, float]:
    """A 95 % interval (low, high) of statistic(*samples), from random halves of each set, without any clip twice.

    For precision, coverage, Fréchet distance and diversity. A mean over half of the clips, drawn without replacement,
    spreads around that of all by sigma^2 (2/n - 1/n): as much as the whole set's own mean does (McCarthy 1969, half
    samples). The level is another matter, since these measures depend on the count: the interval is moved to the value
    of the whole sets, so it may reach over the end of a range. Needs 16 clips in each set.
    """
    _require("A subsample interval", 16, *samples)
    rng = np.random.default_rng(seed)
    halves = np.array(
        [statistic(*(side[rng.permutation(len(side))[: len(side) // 2]] for side in samples)) for _ in range(resamples)]
    )
    return _central(halves - halves.mean() + statistic(*samples))


def _require(measure: str, count: int, *samples: Floats) -> None:
    if not all(np.isfinite(side).all() for side in samples):
        raise ValueError(
            f"{measure} reads numbers alone: leave out clips that are broken (NaN or infinite), and say so."
        )
    fewest = min(len(side) for side in samples)
    if fewest < count:
        raise TooFew(
            f"{measure} needs at least {count} clips{' on each side' * (len(samples) > 1)}: there are {fewest}."
        )


def _distances(rows: Floats, columns: Floats) -> Floats:
    """(n, m) Euclidean distances, exactly 0 between equal clips."""
    middle = np.mean(columns, 0, dtype=np.float64)
    rows, columns = (torch.from_numpy(np.asarray(side, np.float64) - middle) for side in (rows, columns))
    norms = rows.square().sum(1)[:, None] + columns.square().sum(1)
    squares = torch.addmm(norms, rows, columns.T, alpha=-2)
    # what the cancellation leaves of a distance of 0 is about 1e-15 of the norms
    return squares.masked_fill_(squares < 1e-13 * norms, 0).sqrt_().numpy()


def _blocks(clips: Floats, train: Floats) -> Iterator[tuple[int, Floats]]:
    """(where the block starts, its distances (up to BLOCK, m)): all at once would be gigabytes."""
    for start in range(0, len(clips), BLOCK):
        yield start, _distances(clips[start : start + BLOCK], train)


def _between(clips: Floats) -> Floats:
    """(n (n - 1) / 2,) distances between every two different clips, or LARGEST_SAMPLE of them."""
    clips = _draw(clips, min(len(clips), LARGEST_SAMPLE))
    return _distances(clips, clips)[np.triu_indices(len(clips), 1)]


def _draw(clips: Floats, count: int) -> Floats:
    """That many clips, always the same ones, drawn at random since labels may lie in any pattern."""
    return np.asarray(clips)[np.sort(np.random.default_rng(0).permutation(len(clips))[:count])]


def _equal_count(real: Floats, fake: Floats) -> list[Floats]:
    """Both sets at the smaller one's count."""
    return [_draw(side, min(len(real), len(fake))) for side in (real, fake)]


def _radii(real: Floats, k: int) -> Floats:
    """(n,) the distance of each clip to its k-th nearest neighbour; itself is the 0th."""
    return np.partition(_distances(real, real), k, axis=1)[:, k]


def _kernels(real: Floats, fake: Floats, bandwidth: float) -> list[Floats]:
    """Gaussian Gram matrices real-real, fake-fake and real-fake, the first two without their diagonals."""
    grams = [
        np.exp(-(_distances(*sides) ** 2) / (2 * bandwidth**2)) for sides in ((real, real), (fake, fake), (real, fake))
    ]
    for gram in grams[:2]:
        np.fill_diagonal(gram, 0)
    return grams


def _discrepancies(grams: list[Floats], real: Floats, fake: Floats) -> Floats:
    """(R,) 100 x the squared discrepancy, where clip i counts real[r, i] and fake[r, i] times."""

    def within(gram: Floats, counts: Floats) -> Floats:
        return (counts @ gram * counts).sum(1) / (counts.sum(1) ** 2 - (counts**2).sum(1))

    across = (real @ grams[2] * fake).sum(1) / (real.sum(1) * fake.sum(1))
    return 100 * (within(grams[0], real) + within(grams[1], fake) - 2 * across)


def _covariance_root(clips: Floats) -> Floats:
    """R (min(n, d), d) with R^T R the unbiased covariance."""
    clips = np.asarray(clips, np.float64)
    return np.linalg.qr(clips - clips.mean(0), mode="r") / math.sqrt(len(clips) - 1)


def _frechet_intercept(real: Floats, fake: Floats) -> float:
    """At 1/n = 0, the line through the mean Fréchet distances of 1, 2, 3 and 4 parts of the clips."""
    parts = range(1, 5)
    levels = [np.mean([frechet_distance(real[at::p], fake[at::p]) for at in range(p)]) for p in parts]
    return float(np.polyfit([p / len(real) for p in parts], levels, 1)[1])


def _entropy(probabilities: Floats) -> Floats:
    """In nats, over the last axis; 0 log 0 is 0."""
    return -np.where(probabilities > 0, probabilities * np.log(np.maximum(probabilities, 1e-300)), 0).sum(-1)


def _central(values: Floats) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
