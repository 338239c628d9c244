"""What is measured of clips beside the training clips: every number with its interval.

Each measure is a function of (training clips, other clips). For generated clips it is the value on the report card; for
held-out real clips it is the floor, what real sounds reach that training has never heard.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from audiogan import metrics
from audiogan.judging import flaws
from audiogan.judging.hearing import Heard

TWIN = 0.2
"""Clips nearer than this part of the usual distance between neighbours are called the same sound."""

MISSING = 0.2
"""A label that comes up less than this part of what was expected is called missing, when chance does not explain it."""

CHANCE = 3.0
"""Standard errors beyond which chance explains nothing: one of 370 for a single label, one of 37 among ten."""

STUDENT = 2.262
"""Standard errors that hold 95 % where these are known from ten parts: Student's t with 9 degrees of freedom."""

MOST_SEMITONES = 12
"""Either way, by which clips are moved to see whether their pitch is wrong."""

PITCH_CLIPS, PITCH_TRAIN_CLIPS = 500, 2_000
"""A third of a second of one core for the 25 moves."""


@dataclass(frozen=True)
class Reading:
    """A number and what is known of it."""

    value: float
    low: float
    """Of a 95 % interval."""
    high: float
    detail: str = ""
    """What the number alone does not say, such as the names of labels."""


@dataclass(frozen=True, eq=False)
class Basis:
    """The training clips, and what belongs to the data set."""

    train: Heard
    mel_bandwidth: float
    sound_bandwidth: float
    own_bandwidth: float
    bands_hz: np.ndarray
    labels: tuple[str, ...]
    """Names; empty where the classifier was trained on something else than labels."""
    expected: np.ndarray
    """(labels,) the shares that the labels should have."""


Measure = Callable[[Basis, Heard], Reading]


def share(hits: np.ndarray, detail: str = "") -> Reading:
    """The share of true values with its Wilson score interval (1927), which holds for shares of 0 and 1 too."""
    n, p, z = len(hits), float(np.mean(hits)), 1.96
    middle, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return Reading(p, max(0.0, (middle - half) / (1 + z**2 / n)), min(1.0, (middle + half) / (1 + z**2 / n)), detail)


def bootstrapped(statistic: Callable[..., float], *samples: np.ndarray, detail: str = "") -> Reading:
    return Reading(statistic(*samples), *metrics.bootstrap_interval(statistic, *samples), detail)


def subsampled(statistic: Callable[..., float], *samples: np.ndarray, detail: str = "") -> Reading:
    return Reading(statistic(*samples), *metrics.subsample_interval(statistic, *samples), detail)


def jackknifed(statistic: Callable[..., float], *sides: Heard, detail: str = "") -> Reading:
    """With an interval from leaving out each tenth of the clips of all sides (Quenouille 1956): for a statistic that
    is never below 0 and smallest without noise, which every way of drawing clips anew pushes up."""
    fewest = min(map(len, sides))
    if fewest < 20:
        raise metrics.TooFew(f"The spectrum needs at least 20 clips: there are {fewest}.")
    without = [[side.some(np.arange(len(side)) % 10 != tenth) for side in sides] for tenth in range(10)]
    error = np.std([statistic(*rest) for rest in without]) * math.sqrt(9)
    value, reach = statistic(*sides), STUDENT * float(error)
    return Reading(value, value - reach, value + reach, detail)


def within_one(reading: Reading) -> Reading:
    """A share's reading with an interval that ends where shares do: one from halves is symmetric and may pass them."""
    return replace(reading, low=min(max(reading.low, 0.0), 1.0), high=min(max(reading.high, 0.0), 1.0))


# real?


def kernel_distance(real: np.ndarray, fake: np.ndarray, bandwidth: float) -> Reading:
    real = real[: metrics.LARGEST_SAMPLE]
    return Reading(
        metrics.kernel_distance(real, fake, bandwidth), *metrics.kernel_distance_interval(real, fake, bandwidth)
    )


def mel_kernel_distance(basis: Basis, other: Heard) -> Reading:
    return kernel_distance(basis.train.mel_statistics, other.mel_statistics, basis.mel_bandwidth)


def sound_kernel_distance(basis: Basis, other: Heard) -> Reading:
    return kernel_distance(basis.train.sounds, other.sounds, basis.sound_bandwidth)


def own_kernel_distance(basis: Basis, other: Heard) -> Reading:
    return kernel_distance(basis.train.own, other.own, basis.own_bandwidth)


def direction(basis: Basis, other: Heard) -> Reading:
    """By how much the kernel distance grows when the clips are played backwards, as a part of the larger one (of 1 at
    least): near 1 for sounds that begin and end differently, near -1 for those that run backwards."""
    real = basis.train.mel_statistics[: metrics.LARGEST_SAMPLE]
    forwards, whole, in_place = (
        metrics.kernel_distance(real, fake, basis.mel_bandwidth)
        for fake in (other.mel_statistics, other.backwards, other.backwards_in_place)
    )
    backwards = min(whole, in_place)
    growth = (backwards - forwards) / max(forwards, backwards, 1.0)
    return Reading(growth, growth, growth)


def precision(basis: Basis, other: Heard) -> Reading:
    return within_one(subsampled(metrics.precision, basis.train.sounds, other.sounds))


def inception_score(basis: Basis, other: Heard) -> Reading:
    return bootstrapped(metrics.inception_score, other.probabilities)


def whiteness(basis: Basis, other: Heard) -> Reading:
    return bootstrapped(np.median, flaws.flatness(other.powers))


def frechet_distance(basis: Basis, other: Heard) -> Reading:
    return subsampled(metrics.frechet_distance, basis.train.mel_statistics[: len(other)], other.mel_statistics)


def frechet_distance_at_infinity(basis: Basis, other: Heard) -> Reading:
    value, error = metrics.frechet_distance_at_infinity(
        basis.train.mel_statistics[: metrics.LARGEST_SAMPLE], other.mel_statistics
    )
    return Reading(value, value - 1.96 * error, value + 1.96 * error)


# varied?


def coverage(basis: Basis, other: Heard) -> Reading:
    return within_one(subsampled(metrics.coverage, basis.train.sounds, other.sounds))


def diversity(basis: Basis, other: Heard) -> Reading:
    return subsampled(metrics.diversity, basis.train.sounds, other.sounds)


def repetition(basis: Basis, other: Heard) -> Reading:
    """The share of clips that have a twin among the others."""
    usual = np.median(metrics.nearest_distances_within(basis.train.mel_statistics[: len(other)]))
    return share(metrics.nearest_distances_within(other.mel_statistics) < TWIN * usual)


def labels(basis: Basis, other: Heard) -> Reading:
    """Half the sum of the differences of the label shares: the share of clips that would have to change their label.

    Even a perfect mixture misses its shares by chance, few clips by much: the interval reaches down by what 39 of 40
    random sets of this size stay under.
    """
    count = len(other)
    value = _total_variation(metrics.label_histogram(other.probabilities), basis.expected)
    random = np.random.default_rng(0).multinomial(count, basis.expected, 200) / count
    by_chance = np.quantile([_total_variation(shares, basis.expected) for shares in random], 0.975)
    return Reading(value, max(0.0, value - float(by_chance)), value, _label_sentence(basis, other))


def _total_variation(shares: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(shares - expected).sum() / 2)


def _label_sentence(basis: Basis, other: Heard) -> str:
    shares = metrics.label_histogram(other.probabilities)
    surprises = metrics.label_surprise(shares, basis.expected, len(other), len(basis.train))
    if shares.max() > 0.85 > basis.expected.max() + 0.1:
        return f"nearly all are '{basis.labels[shares.argmax()]}', one label only"
    missing = (shares < MISSING * basis.expected) & (surprises < -CHANCE)
    if missing.any():
        return "missing labels: " + ", ".join(np.array(basis.labels)[missing])
    most = np.abs(shares - basis.expected).argmax()
    return (
        f"'{basis.labels[most]}' comes up in {shares[most]:.0%} of the clips where {basis.expected[most]:.0%} were due"
    )


# new?


def copies(basis: Basis, other: Heard) -> Reading:
    """The share of clips that have a twin among the training clips."""
    usual = np.median(metrics.nearest_distances_within(basis.train.mel_statistics))
    return share(metrics.nearest_distances(other.mel_statistics, basis.train.mel_statistics) < TWIN * usual)


def nearest_neighbour_ratio(basis: Basis, other: Heard) -> Reading:
    """Median distance to the nearest training clip, beside that of the training clips to each other."""
    train = basis.train.mel_statistics
    usual = np.median(metrics.nearest_distances_within(train))
    distances = metrics.nearest_distances(other.mel_statistics, train)
    return bootstrapped(lambda some: float(np.median(some) / usual), distances)


# clean?


def silence(basis: Basis, other: Heard) -> Reading:
    return share(other.peaks_db < flaws.SILENT_DB)


def of_the_same_kinds(train: Heard, other: Heard) -> np.ndarray:
    """(training clips,) weights with which the classifier hears the training clips in the other clips' mixture.

    A set that lacks its bass drums has other spectra than the whole, though each of its sounds may be right.
    """
    kinds = train.probabilities.argmax(1)
    shares = metrics.label_histogram(train.probabilities)
    wanted = metrics.label_histogram(other.probabilities)
    weights = wanted[kinds] / shares[kinds]
    return weights if weights.any() else np.ones(len(kinds))


def background(basis: Basis, other: Heard) -> Reading:
    usual = np.average(basis.train.backgrounds_db, weights=of_the_same_kinds(basis.train, other))
    return bootstrapped(lambda levels: float(levels.mean() - usual), other.backgrounds_db)


def highs(basis: Basis, other: Heard) -> Reading:
    goal = flaws.levels_db(basis.train.powers, of_the_same_kinds(basis.train, other))
    return bootstrapped(lambda powers: flaws.highs_db(goal, flaws.levels_db(powers), basis.bands_hz), other.powers)


def pitch(basis: Basis, other: Heard) -> Reading:
    """By how much nearer the clips' spectra come to the training clips' when all are moved by one interval, as a part
    of their distance; 0 where they are nearest as they are.

    Each clip is held against the training clip that is nearest to it after the move, so that nothing depends on which
    sounds there are, or how often. Mean spectra of 62 drum hits could not say it: those hits are further apart by
    themselves than an octave moves them.
    """
    clips, train = (
        flaws.by_semitones(flaws.colours_db(heard.powers), basis.bands_hz)
        for heard in (other.some(slice(PITCH_CLIPS)), basis.train.some(slice(PITCH_TRAIN_CLIPS)))
    )
    moves = range(-MOST_SEMITONES, MOST_SEMITONES + 1)
    apart_db = {move: flaws.transposed_apart_db(clips, train, move) for move in moves}
    best = min(moves, key=lambda move: (apart_db[move].mean(), abs(move)))
    detail = f"{abs(best)} semitone{'s' * (abs(best) > 1)} too {'high' if best > 0 else 'low'}" if best else ""
    return bootstrapped(_saved, np.stack([apart_db[0], apart_db[best]], 1), detail=detail)


def _saved(pairs: np.ndarray) -> float:
    """What part of the distances (n, 2), now and after a move, the move saves; of copies, 0 of 0, nothing."""
    now, then = pairs.mean(0)
    return float((now - then) / max(now, 1e-9))


def spectrum(basis: Basis, other: Heard) -> Reading:
    """How far the mean colour of the clips is from that of the training clips, in dB, whatever the level."""

    def colours(train: Heard, clips: Heard) -> tuple[np.ndarray, np.ndarray]:
        """(what the mean should be, what it is): both move with the kinds of sounds that there are."""
        goal = np.average(flaws.colours_db(train.powers), axis=0, weights=of_the_same_kinds(train, clips))
        return goal, flaws.colours_db(clips.powers).mean(0)

    goal, found = colours(basis.train, other)
    difference = found - goal
    worst = np.abs(difference - np.median(difference)).argmax()
    detail = f"{'too much' if difference[worst] > 0 else 'too little'} around {basis.bands_hz[worst]:,.0f} Hz"
    return jackknifed(
        lambda *sides: flaws.misfit_db(*colours(*sides), basis.bands_hz), basis.train, other, detail=detail
    )


MEASURES: dict[str, Measure] = {
    "silence": silence,
    "whiteness": whiteness,
    "copies": copies,
    "nearest_neighbour_ratio": nearest_neighbour_ratio,
    "repetition": repetition,
    "labels": labels,
    "direction": direction,
    "highs": highs,
    "background": background,
    "pitch": pitch,
    "spectrum": spectrum,
    "coverage": coverage,
    "diversity": diversity,
    "mel_kernel_distance": mel_kernel_distance,
    "sound_kernel_distance": sound_kernel_distance,
    "own_kernel_distance": own_kernel_distance,
    "precision": precision,
    "inception_score": inception_score,
    "frechet_distance": frechet_distance,
    "frechet_distance_at_infinity": frechet_distance_at_infinity,
}
