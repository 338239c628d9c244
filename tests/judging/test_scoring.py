"""A training's sounds beside the real clips: near ones score low, copies and silence are told."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from audiogan.examples import Clips, float_waves
from audiogan.judging import quick_judge
from audiogan.judging.scoring import Scorer

RATE, SAMPLES = 8_000, 2_000


def tones(count: int, seed: int, lowest_hz: float = 300.0) -> np.ndarray:
    """int16 (count, T): decaying tones of random pitch and length, an octave wide."""
    rng = np.random.default_rng(seed)
    t = np.arange(SAMPLES) / RATE
    pitches, lengths = lowest_hz * 2 ** rng.random((count, 1)), 0.02 + 0.1 * rng.random((count, 1))
    return (20_000 * np.sin(2 * np.pi * pitches * t) * np.exp(-t / lengths)).astype(np.int16)


@pytest.fixture(scope="module")
def clips() -> Clips:
    """160 clips of which every fourth is held out."""
    return Clips(tones(160, 0), np.zeros(160, int), np.arange(160) % 4 == 0)


@pytest.fixture(scope="module")
def scorer(clips) -> Scorer:
    return Scorer(clips, RATE)


def test_new_sounds_of_the_same_kind_stay_under_the_floor(scorer):
    score = scorer(float_waves(tones(64, 1)))
    assert score.distance < score.floor
    assert score.nearest_ratio == pytest.approx(1, abs=0.25)
    assert score.diversity == pytest.approx(1, abs=0.15)
    assert score.silent == 0


def test_sounds_of_another_kind_are_further_away_the_more_they_differ(scorer):
    near, far = (scorer(float_waves(tones(64, 1, lowest_hz))) for lowest_hz in (400, 1_200))
    assert scorer(float_waves(tones(64, 1))).floor < near.distance < far.distance


def test_copies_and_sameness_are_told(scorer, clips):
    copies = scorer(float_waves(clips.waves[~clips.held_out][:64]))
    assert copies.nearest_ratio < 0.01
    same = scorer(float_waves(np.repeat(tones(1, 1), 64, axis=0)))
    assert same.diversity < 0.01


def test_silent_and_broken_sounds_are_as_far_away_as_can_be(scorer):
    silent = scorer(torch.zeros(8, SAMPLES))
    assert silent.silent == 1
    broken = scorer(torch.full((8, SAMPLES), math.nan))
    assert (broken.distance, broken.silent) == (math.inf, 1)


def test_held_out_clips_are_what_counts_once_there_are_a_hundred(clips, monkeypatch):
    odd = replace(clips, waves=np.where(clips.held_out[:, None], tones(160, 0, 1_200), clips.waves))
    like_held_out = float_waves(tones(64, 1, 1_200))
    assert Scorer(odd, RATE)(like_held_out).distance > 10
    monkeypatch.setattr(quick_judge, "ENOUGH_HELD_OUT", 40)
    assert Scorer(odd, RATE)(like_held_out).distance < 5


def test_what_cannot_be_judged_is_not_scored():
    assert Scorer(Clips(tones(1, 0), np.zeros(1, int)), RATE)(float_waves(tones(8, 1))) is None
    few = Scorer(Clips(tones(6, 0), np.zeros(6, int)), RATE)(float_waves(tones(8, 1)))
    assert math.isnan(few.floor)
