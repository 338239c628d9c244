"""Intervals and tests against numbers worked out by hand, strengths against cases with a closed form."""

import math

import numpy as np
import pytest

from audiogan.significance import (
    bradley_terry,
    bradley_terry_intervals,
    coin_p_value,
    mean_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [
        # middle (0.675 + 3.8415 / 80) / (1 + 3.8415 / 40) = 0.6597, reach 1.96 * 0.07800 / 1.0960 = 0.1395
        (27, 40, 0.5202, 0.7991),
        # of none: 0, and 3.8415 / 10 / (1 + 3.8415 / 10)
        (0, 10, 0, 0.2775),
        (10, 10, 0.7225, 1),
        (0, 0, 0, 1),
    ],
)
def test_wilson_interval(successes, total, low, high):
    assert wilson_interval(successes, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("successes", "total", "chance"),
    [
        (10, 10, 2 / 1024),
        (9, 10, 2 * (1 + 10) / 1024),
        (1, 10, 2 * (1 + 10) / 1024),
        (0, 3, 2 / 8),
        (5, 10, 1),
        (0, 0, 1),
        (1000, 2000, 1),  # the sum alone is beyond what a float holds
    ],
)
def test_a_coin_strays_as_far_with_the_exact_chance(successes, total, chance):
    assert coin_p_value(successes, total) == pytest.approx(chance)


@pytest.mark.parametrize(("count", "t"), [(5, 2.7764), (6, 2.5706), (11, 2.2281), (31, 2.0423)])
def test_mean_interval_has_student_s_width(count, t):
    values = np.random.default_rng(0).normal(3, 1, count)
    reach = t * np.std(values, ddof=1) / math.sqrt(count)
    assert mean_interval(values) == pytest.approx((values.mean() - reach, values.mean() + reach), abs=0.004 * reach)


def test_a_mean_of_few_or_equal_values_is_not_sure():
    assert mean_interval([3, 4]) == (-math.inf, math.inf)
    assert mean_interval([4.0] * 5) == (4, 4)
    # 2.776 standard errors of 1 / sqrt(12) / sqrt(5)
    assert mean_interval([4] * 5, resolution=1)[1] == pytest.approx(4 + 0.3584, abs=2e-3)


def test_two_players_differ_by_the_logarithm_of_their_wins():
    first, second = bradley_terry(np.array([[0, 7], [3, 0]]))
    assert first - second == pytest.approx(math.log(7 / 3))
    assert first + second == pytest.approx(0)


def test_strengths_are_found_again_from_the_wins_that_they_expect():
    # strengths 4 : 2 : 1, sixty games of each two
    wins = np.array([[0, 40, 48], [20, 0, 40], [12, 20, 0]])
    assert np.diff(bradley_terry(wins)) == pytest.approx([-math.log(2), -math.log(2)])
    both = bradley_terry(np.stack([wins, wins.T]))
    assert both[0] == pytest.approx(-both[1], abs=1e-8)


def test_who_never_met_is_compared_through_the_others():
    # 3 : 1 and 3 : 1 make 9 : 1
    strengths = bradley_terry(np.array([[0, 30, 0], [10, 0, 30], [0, 10, 0]]))
    assert strengths[0] - strengths[2] == pytest.approx(math.log(9))


def test_bootstrap_intervals_have_the_width_of_the_log_odds():
    games = np.zeros((40, 2, 2))
    games[:30, 0, 1] = games[30:, 1, 0] = 1
    lower, upper = bradley_terry_intervals(games, 0.5 * (1 - np.eye(2)))
    # each strength is half the log odds, whose standard error is sqrt(1/30 + 1/10)
    reach = 1.96 * math.sqrt(1 / 30 + 1 / 10) / 2
    assert (lower[0], upper[0]) == pytest.approx((math.log(3) / 2 - reach, math.log(3) / 2 + reach), abs=0.1)
    assert (lower[1], upper[1]) == pytest.approx((-upper[0], -lower[0]))
