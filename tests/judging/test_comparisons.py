"""Measures with their intervals, on clips that are nothing but a few numbers."""

import numpy as np
import pytest

from audiogan.judging.comparisons import (
    Basis,
    Reading,
    background,
    direction,
    jackknifed,
    labels,
    of_the_same_kinds,
    share,
    within_one,
)
from audiogan.judging.hearing import Heard
from audiogan.metrics import TooFew


def heard(kinds: list[int], **known) -> Heard:
    """Clips of which the classifier is sure, and of which nothing else is known but what is given."""
    empty = {name: np.zeros((len(kinds), 0)) for name in Heard.__dataclass_fields__}
    return Heard(**empty | {"peaks_db": np.zeros(len(kinds)), "probabilities": np.eye(3)[kinds]} | known)


def basis(train: Heard) -> Basis:
    return Basis(train, 1.0, 1.0, 1.0, np.zeros(0), ("kick", "snare", "hat"), np.array([0.5, 0.25, 0.25]))


def test_a_share_has_wilson_s_interval():
    # Wilson 1927 for 3 of 10: (0.3 + 0.192 -+ 1.96 sqrt(0.021 + 0.0096)) / 1.384
    found = share(np.arange(10) < 3)
    assert (found.value, found.low, found.high) == pytest.approx((0.3, 0.108, 0.603), abs=1e-3)
    assert share(np.zeros(10, bool)).low == 0
    assert share(np.zeros(10, bool)).high == pytest.approx(0.278, abs=1e-3)


def test_training_clips_are_weighed_to_the_mixture_of_the_others():
    weights = of_the_same_kinds(basis(heard([0, 0, 1, 2])), heard([1, 1, 1, 0]))
    assert weights.tolist() == [0.5, 0.5, 3, 0]
    assert of_the_same_kinds(basis(heard([0, 0])), heard([2])).tolist() == [1, 1]


def test_the_background_is_that_of_the_same_kinds():
    train = heard([0, 0, 1, 2], backgrounds_db=np.array([-60.0, -60, -20, -80]))
    others = heard([1] * 10, backgrounds_db=np.full(10, -15.0))
    assert background(basis(train), others).value == 5


def test_labels_that_are_off_by_chance_reach_down_to_nothing():
    train = heard([0, 0, 1, 2] * 20)
    few, many = (labels(basis(train), heard([0, 0, 0, 1] * count)) for count in (2, 100))
    assert few.value == many.value == 0.25
    assert few.low == 0
    assert many.low > 0.15
    assert many.detail == "missing labels: hat"
    assert labels(basis(train), heard([1] * 40)).detail == "nearly all are 'snare', one label only"


def test_direction_is_1_where_backwards_is_worse_and_minus_1_where_it_is_better():
    points, far = np.random.default_rng(0).normal(size=(2, 40, 2)) * 0.1 + np.array([0, 30])[:, None, None]
    train = heard([0] * 40, mel_statistics=points)
    for seen, turned, expected in ((points, far, 1), (far, points, -1)):
        others = heard([0] * 40, mel_statistics=seen, backwards=turned, backwards_in_place=far)
        assert direction(basis(train), others).value == pytest.approx(expected, abs=0.05)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    clips = np.random.default_rng(0).normal(size=1000)
    found = jackknifed(np.mean, clips)
    # ten groups alone: the error is known to a quarter
    assert (found.high - found.low) / 2 == pytest.approx(1.96 / np.sqrt(1000), rel=0.5)
    with pytest.raises(TooFew, match="at least 20 clips: there are 19"):
        jackknifed(np.mean, clips[:19])


def test_the_interval_of_a_share_ends_where_shares_do():
    assert within_one(Reading(0.98, 0.9, 1.04, "so")) == Reading(0.98, 0.9, 1.0, "so")
    assert within_one(Reading(0.01, -0.02, 0.05)) == Reading(0.01, 0.0, 0.05)
