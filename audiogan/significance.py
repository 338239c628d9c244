"""How far a number from few observations can be trusted. NumPy alone.

Every interval is one of 95 %: of a hundred such intervals, about five miss the truth.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

Z = NormalDist().inv_cdf(0.975)
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution: 1.96."""

LIKELY_BY_CHANCE = 0.05
"""A p-value from here on is called chance; the counterpart of intervals of 95 %."""


def wilson_interval(successes: int, total: int) -> tuple[float, float]:
    """Bounds in [0, 1] of a share of which `successes` of `total` cases were seen (Wilson 1927); (0, 1) of none."""
    if total == 0:
        return 0.0, 1.0
    share, spread = successes / total, Z**2 / total
    middle = (share + spread / 2) / (1 + spread)
    reach = Z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    # at a share of 0 or 1 a bound is reached exactly, but for rounding
    return max(0.0, middle - reach), min(1.0, middle + reach)


def coin_p_value(successes: int, total: int) -> float:
    """Chance in [0, 1] that a fair coin strays at least as far from half as `successes` of `total`, to either side.

    The exact binomial test of a share of 1/2, in whole numbers until the division.
    """
    tail = sum(math.comb(total, count) for count in range(min(successes, total - successes) + 1))
    return min(1.0, 2 * tail / 2**total)


def mean_interval(values: Sequence[float], resolution: float = 0.0) -> tuple[float, float]:
    """Bounds of the mean of a population from which the values were drawn, by Student's t; of fewer than 3 unknown.

    Values that are told in steps of `resolution` are taken to spread by the rounding error at least, resolution / √12:
    three listeners who all say 4 have not shown that it is 4.00.

    The quantile of t is Z's expansion in 1 / degrees of freedom (Abramowitz and Stegun 26.7.5): 3 % too small at 2
    degrees, less than 0.3 % from 4 on.
    """
    if len(values) < 3:
        return -math.inf, math.inf
    freedom = len(values) - 1
    quantile = (
        Z
        + (Z**3 + Z) / (4 * freedom)
        + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)
        + (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / (384 * freedom**3)
    )
    deviation = max(float(np.std(values, ddof=1)), resolution / math.sqrt(12))
    mean, reach = float(np.mean(values)), quantile * deviation / math.sqrt(len(values))
    return mean - reach, mean + reach


def bradley_terry(wins: np.ndarray, tolerance: float = 1e-9, most_rounds: int = 10_000) -> np.ndarray:
    """Strengths (..., P) of P players, whose `wins` (..., P, P) count how often the row's beat the column's.

    A player whose strength is s above another's is to win with the odds exp(s). The strengths' mean is 0. Maximum
    likelihood by the rounds of Hunter (2004, "MM algorithms for generalized Bradley-Terry models", eq. 3); there is one
    only when no group of players lost all its games against the others.
    """
    won = wins.sum(axis=-1)
    games = wins + np.swapaxes(wins, -1, -2)
    strengths = np.zeros(won.shape)
    for _ in range(most_rounds):
        power = np.exp(strengths)
        faced = (games / (power[..., :, None] + power[..., None, :])).sum(axis=-1)
        next_strengths = np.log(won / faced)
        next_strengths -= next_strengths.mean(axis=-1, keepdims=True)
        change = np.abs(next_strengths - strengths).max()
        strengths = next_strengths
        if change < tolerance:
            break
    return strengths


def bradley_terry_intervals(
    games: np.ndarray, prior: np.ndarray, seed: int = 0, resamples: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """(lower, upper) bounds (P,) of the strengths of P players after G `games` (G, P, P), by the bootstrap.

    Each game holds its own wins; `prior` (P, P) are the wins that are added to every resample, as to the games
    themselves, so that each has strengths.
    """
    counts = np.random.default_rng(seed).multinomial(len(games), np.full(len(games), 1 / len(games)), resamples)
    wins = np.tensordot(counts, games, axes=1) + prior
    lower, upper = np.quantile(bradley_terry(wins, tolerance=1e-4), (0.025, 0.975), axis=0)
    return lower, upper
