"""Measures with their intervals, on clips that are nothing but a few numbers."""

from dataclasses import replace

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
    pitch,
    share,
    spectrum,
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
    assert of_the_same_kinds(heard([0, 0, 1, 2]), heard([1, 1, 1, 0])).tolist() == [0.5, 0.5, 3, 0]
    assert of_the_same_kinds(heard([0, 0]), heard([2])).tolist() == [1, 1]


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


def test_the_jackknife_of_a_difference_of_means_knows_the_noise_of_both():
    rng = np.random.default_rng(0)
    wide, narrow = (heard([0] * 1000, backgrounds_db=rng.normal(0, spread, 1000)) for spread in (4, 1))

    def reach(*sides: Heard) -> float:
        found = jackknifed(lambda one, other: one.backgrounds_db.mean() - other.backgrounds_db.mean(), *sides)
        return (found.high - found.low) / 2

    # 1.96 standard errors, sqrt((16 + 1) / 1000); ten parts alone: the error is known to a quarter
    for sides in ((wide, narrow), (narrow, wide)):
        assert reach(*sides) == pytest.approx(1.96 * np.sqrt(17 / 1000), rel=0.5)
    with pytest.raises(TooFew, match="at least 20 clips: there are 19"):
        reach(wide, narrow.some(slice(19)))


BANDS_HZ = 100 * 2 ** (np.arange(49) / 12)


def hummed(places: np.ndarray, kinds: np.ndarray, louder: np.ndarray | float = 1.0) -> Heard:
    """Clips whose power stands in one hump each, so many semitones over 100 Hz, and which have a level of their own."""
    levels_db = -30 * (1 - np.exp(-(((np.arange(49) - places[:, None]) / 2) ** 2)))
    return heard(list(kinds), powers=10 ** (levels_db / 10) * np.reshape(louder, (-1, 1)))


@pytest.mark.parametrize(
    ("moved", "detail"),
    [(5, "5 semitones too high"), (-7, "7 semitones too low"), (-1, "1 semitone too low"), (0, "")],
)
def test_a_pitch_that_is_wrong_is_named_whatever_sounds_there_are(moved, detail):
    rng = np.random.default_rng(1)
    # kicks far under hats, and two in three of the clips that are judged are hats
    train = hummed(np.repeat([12, 30], 40) + rng.normal(0, 0.3, 80), np.repeat([0, 2], 40))
    places = np.repeat([12, 30, 30], 10) + moved + rng.normal(0, 0.3, 30)
    others = hummed(places, np.repeat([0, 2, 2], 10), rng.uniform(0.1, 10, 30))
    found = pitch(replace(basis(train), bands_hz=BANDS_HZ), others)
    assert found.detail == detail
    if moved:
        assert found.value > 0.7
        assert found.low > 0.6
    else:
        assert (found.value, found.low, found.high) == (0, 0, 0)


def test_copies_have_the_right_pitch():
    train = hummed(np.linspace(5, 40, 30), np.zeros(30, int))
    assert pitch(replace(basis(train), bands_hz=BANDS_HZ), train) == Reading(0.0, 0.0, 0.0)


def test_a_spectrum_s_interval_knows_nothing_of_the_mixture_of_kinds():
    # all clips of a kind are alike: which kinds come up how often is chance, how the spectrum should be is not
    rng = np.random.default_rng(2)
    kinds, others = rng.integers(0, 3, 60), rng.integers(0, 3, 40)
    places = np.array([10, 24, 38])
    known = replace(basis(hummed(places[kinds], kinds)), bands_hz=BANDS_HZ)
    found = spectrum(known, hummed(places[others], others))
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0), abs=1e-9)
    dented = hummed(places[others], others)
    dented.powers[:, 24] /= 100
    assert spectrum(known, dented).detail == f"too little around {BANDS_HZ[24]:,.0f} Hz"


def test_a_spectrum_s_interval_knows_how_few_training_clips_there_are():
    rng = np.random.default_rng(3)
    others = hummed(np.full(400, 20.0), np.zeros(400, int))
    reaches = []
    for count in (20, 2000):
        train = hummed(20 + rng.normal(0, 3, count), np.zeros(count, int))
        found = spectrum(replace(basis(train), bands_hz=BANDS_HZ), others)
        reaches.append(found.high - found.low)
    # a hundred times as many clips, a tenth of the error; ten parts know it to a quarter
    assert reaches[0] > 4 * reaches[1] > 0


def test_the_interval_of_a_share_ends_where_shares_do():
    assert within_one(Reading(0.98, 0.9, 1.04, "so")) == Reading(0.98, 0.9, 1.0, "so")
    assert within_one(Reading(0.01, -0.02, 0.05)) == Reading(0.01, 0.0, 0.05)
