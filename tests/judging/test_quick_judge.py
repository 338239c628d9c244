"""A glance at clips during training."""

import numpy as np
import pytest

from audiogan import audio
from audiogan.judging.quick_judge import QuickJudge

RATE, SAMPLES = 8_000, 2_000


def hits(count: int, seed: int) -> np.ndarray:
    """Decaying tones of different pitch: float32 (count, 2000)."""
    rng = np.random.default_rng(seed)
    t = np.arange(SAMPLES) / RATE
    pitches, decays = rng.uniform(200, 1500, (count, 1)), rng.uniform(0.02, 0.08, (count, 1))
    return (0.8 * np.sin(2 * np.pi * pitches * t) * np.exp(-t / decays)).astype(np.float32)


@pytest.fixture(scope="module")
def clips() -> np.ndarray:
    return audio.to_int16(hits(200, 1))


@pytest.fixture(scope="module")
def judge(clips) -> QuickJudge:
    return QuickJudge.fit(clips, RATE, np.arange(200) >= 150)


def test_real_clips_are_real_new_and_varied(judge):
    glance = judge.glance(hits(100, 2))
    assert abs(glance.kernel_distance) < 1
    assert glance.nearest_neighbour_ratio == pytest.approx(1, abs=0.2)
    assert glance.diversity == pytest.approx(1, abs=0.1)
    assert glance.silent_share == 0


def test_noise_is_far_from_real(judge):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (50, SAMPLES))
    assert judge.glance(noise).kernel_distance > 50


def test_training_clips_are_not_new_and_held_out_ones_are(judge, clips):
    assert judge.glance(clips[:150]).nearest_neighbour_ratio < 0.01
    assert judge.glance(clips[150:]).nearest_neighbour_ratio == pytest.approx(1, abs=1e-3)


def test_one_sound_is_no_variety(judge):
    assert judge.glance(hits(1, 3).repeat(40, 0)).diversity < 1e-3


def test_silent_and_broken_clips_are_counted(judge):
    waves = hits(8, 4)
    waves[0] = 0
    waves[1, 7] = np.nan
    glance = judge.glance(waves)
    assert glance.silent_share == 0.25
    assert np.isfinite(glance.kernel_distance)


@pytest.mark.parametrize("waves", [np.full((4, SAMPLES), np.nan), np.zeros((0, SAMPLES)), hits(1, 5)])
def test_too_few_clips_have_no_numbers(judge, waves):
    assert np.isnan(judge.glance(waves).kernel_distance)


def test_without_held_out_clips_training_clips_are_compared_with_each_other(clips):
    glance = QuickJudge.fit(clips, RATE, np.zeros(200, bool)).glance(hits(100, 2))
    assert glance.nearest_neighbour_ratio == pytest.approx(1, abs=0.25)
