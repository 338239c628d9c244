"""Sounds whose attack, decay, pitch, colour and ringing follow from their equations."""

import numpy as np
import pytest

from audiogan import audio, descriptors, synthesis
from audiogan.synthesis import decay

RATES = (8_000, 22_050, 44_100)

EVERY = {
    "attack": descriptors.attack_seconds,
    "decay": descriptors.decay_seconds,
    "harmonicity": lambda waves, rate: descriptors.periodicity(waves, rate).harmonicity,
    "voiced share": lambda waves, rate: descriptors.periodicity(waves, rate).voiced_share,
    "pitch": lambda waves, rate: descriptors.periodicity(waves, rate).pitch_hz,
    "ringing": descriptors.ringing_db,
}


def times(rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.arange(round(seconds * rate)) / rate


def tone(hz: float, rate: int) -> np.ndarray:
    """One second of a sine of half the full scale."""
    return 0.5 * np.sin(2 * np.pi * hz * times(rate))


def white(rate: int, seed: int = 0) -> np.ndarray:
    """One second of noise of the deviation 0.1."""
    return 0.1 * np.random.default_rng(seed).standard_normal(rate)


def sawtooth(hz: float, rate: int) -> np.ndarray:
    """All partials below half the rate, each of amplitude 1 / k."""
    return 0.3 * sum(tone(k * hz, rate) / k for k in range(1, int(rate / 2 / hz)))


# attack and decay


@pytest.mark.parametrize("rate", RATES)
def test_an_attack_along_a_line_takes_80_percent_of_it(rate):
    t = times(rate)
    ramps = np.stack([tone(1000, rate) * (t / length).clip(max=1) for length in (0.04, 0.1)])
    expected = pytest.approx([0.032, 0.08], abs=0.0015)
    assert descriptors.attack_seconds(ramps, rate) == expected
    later = np.pad(ramps, ((0, 0), (rate // 3, 0)))
    assert descriptors.attack_seconds(later, rate) == expected
    # the way down does not matter: backwards the attack is the sudden end
    assert (descriptors.attack_seconds(ramps[:, ::-1], rate) < 0.002).all()


def test_an_instant_start_is_no_longer_than_the_window_wherever_it_stands():
    starts = np.zeros((3, 8_000))
    for row, start in zip(starts, (0, 4_001, 7_990), strict=True):
        row[start:] = 0.5
    assert descriptors.attack_seconds(starts, 8_000) == pytest.approx([0.0015] * 3, abs=0.0005)


def test_the_attack_of_a_kick_is_the_rise_of_its_first_swing():
    # sin(2 pi 60 t) rises from 10 to 90 % in (1.120 - 0.100) / 377 s = 2.7 ms, to which the window adds half of one
    kick = tone(60, 22_050) * decay(times(22_050), 0.4)
    assert descriptors.attack_seconds(kick[None], 22_050) == pytest.approx(0.0032, abs=2e-4)


@pytest.mark.parametrize("rate", RATES)
def test_a_decay_of_60_db_has_lost_20_after_a_third_of_it(rate):
    falls = np.stack([tone(1000, rate) * decay(times(rate), t60) for t60 in (0.3, 1.2)])
    assert descriptors.decay_seconds(falls, rate) == pytest.approx([0.1, 0.4], abs=0.003)


def test_a_decay_ends_with_its_clip_at_the_latest_and_swings_do_not_end_it():
    rate = 8_000
    lasting = tone(1000, rate) * decay(times(rate), 9)
    # |sin| of 25 Hz is silent every 20 ms; the last of its peaks within 20 dB are those up to 0.2 s
    swinging = tone(25, rate) * decay(times(rate), 0.6)
    found = descriptors.decay_seconds(np.stack([lasting, swinging]), rate)
    assert found == pytest.approx([1, 0.19], abs=0.012)


def test_two_hits_of_which_the_first_is_louder_last_until_the_second_has_decayed():
    rate = 8_000
    hit = tone(1000, rate) * decay(times(rate), 0.06)
    twice = hit + np.roll(hit, round(0.3 * rate)) * 0.5
    # 6 dB are gone already: 14 of 60 dB take 14 ms
    assert descriptors.decay_seconds(twice[None], rate) == pytest.approx(0.314, abs=0.003)


# periods


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [60.0, 220.0, 441.7, 930.0])
def test_a_sine_and_a_sawtooth_are_periodic_at_their_pitch(rate, hz):
    found = descriptors.periodicity(np.stack([tone(hz, rate), sawtooth(hz, rate)]), rate)
    assert found.harmonicity == pytest.approx([1, 1], abs=0.01)
    assert found.voiced_share.tolist() == [1, 1]
    assert found.pitch_hz == pytest.approx([hz, hz], rel=0.003)


@pytest.mark.parametrize("rate", RATES)
def test_noise_is_not_periodic_and_has_no_pitch(rate):
    # nor does an offset make it so
    found = descriptors.periodicity(np.stack([white(rate), white(rate) + 0.2]), rate)
    assert found.harmonicity == pytest.approx([0.15, 0.15], abs=0.1)
    assert found.voiced_share.tolist() == [0, 0]
    assert np.isnan(found.pitch_hz).all()


def test_harmonicity_is_the_periodic_share_of_the_power():
    # the sine has a power of 1/8; noise of 1/32 leaves 4/5, noise of 1/12 leaves 3/5; the highest of several maxima
    # is a little over the true one
    rate = 22_050
    mixed = np.stack([tone(220, rate) + 10 * white(rate) * power**0.5 for power in (1 / 32, 1 / 12)])
    found = descriptors.periodicity(mixed, rate)
    assert found.harmonicity == pytest.approx([0.81, 0.625], abs=0.015)
    assert found.pitch_hz[0] == pytest.approx(220, rel=0.01)


def test_a_sound_is_voiced_for_as_long_as_it_is_periodic():
    rate = 8_000
    voiced = np.where(times(rate) < 0.7, tone(220, rate), 3 * white(rate))
    hushed = voiced * np.where(times(rate) < 0.7, 1, 0.01)
    reverse = np.where(times(rate) < 0.3, tone(220, rate), 3 * white(rate))
    found = descriptors.periodicity(np.stack([voiced, hushed, reverse]), rate)
    # noise 36 dB down is silence
    assert found.voiced_share == pytest.approx([0.7, 1, 0.3], abs=0.05)
    assert np.isnan(found.pitch_hz).tolist() == [False, False, True]


def test_harmonics_over_noise_in_decibels():
    found = descriptors.harmonics_to_noise_db(np.array([0.5, 0.9, 0.99, 1, 0, np.nan]))
    assert found == pytest.approx([0, 9.54, 19.96, 40, -40, np.nan], abs=0.01, nan_ok=True)


# ringing


def burst(rate: int, t60: float = 0.3, seed: int = 0) -> np.ndarray:
    return white(rate, seed) * decay(times(rate), t60)


@pytest.mark.parametrize("rate", RATES)
def test_a_whistle_40_db_under_a_burst_rings_and_the_burst_does_not(rate):
    whistle = 0.01 * 0.2 * tone(2300, rate) * decay(times(rate), 3)
    plain, ringing = descriptors.ringing_db(np.stack([burst(rate), burst(rate) + whistle]), rate)
    assert plain < 7
    assert ringing > 12


def test_a_tone_that_dies_with_its_burst_does_not_ring_though_it_is_louder_than_one_that_outlasts_it():
    rate = 22_050
    t = times(rate)
    together = burst(rate) + 0.3 * tone(2300, rate) * decay(t, 0.3)
    outlasting = burst(rate) + 0.05 * tone(2300, rate) * decay(t, 0.6)
    found = descriptors.ringing_db(np.stack([together, outlasting]), rate)
    assert found[0] < 7
    assert found[1] > 12


def test_the_edge_of_a_spectrum_does_not_ring():
    # noise up to 3 kHz lasts, the rest is gone at once: a step is no peak
    rate = 22_050
    low = synthesis.noise(rate, rate, np.random.default_rng(0), lambda hz: np.where(hz < 3_000, 0.1, 1e-4))
    assert descriptors.ringing_db((burst(rate, 0.05) + 0.02 * low * decay(times(rate), 0.6))[None], rate)[0] < 8


@pytest.mark.parametrize(("level", "rings"), [(1e-3, True), (2e-5, False)])
def test_what_is_too_faint_to_be_heard_does_not_ring_however_still_it_is_around_it(level, rings):
    # the hit's 15 bands below 600 Hz have a 15th of 1/100 each: a tone of 2e-5 is 71 dB under them
    rate = 22_050
    low = synthesis.noise(rate, rate, np.random.default_rng(0), lambda hz: np.where(hz < 600, 1.0, 0.0))
    hit = 0.1 * low * decay(times(rate), 0.6)
    swelling = level * tone(2300, rate) * (times(rate) / 0.3).clip(max=1)
    assert (descriptors.ringing_db((hit + swelling)[None], rate)[0] > 12) == rings


def test_what_has_no_tail_does_not_ring():
    # noise that is gone after 50 ms falls from -20 to -50 dB in three frames at most
    rate = 8_000
    waves = np.stack([tone(440, rate), white(rate), burst(rate, 0.05), burst(rate, 0.2)])
    assert np.isnan(descriptors.ringing_db(waves, rate)).tolist() == [True, True, True, False]


# every one of them


@pytest.mark.parametrize("measure", EVERY.values(), ids=EVERY)
def test_silent_and_broken_clips_have_no_number_and_change_no_other(measure):
    rate = 8_000
    sound = sawtooth(150, rate) * decay(times(rate), 0.3)
    broken = np.where(times(rate) < 0.5, sound, np.nan)
    found = measure(np.stack([0 * sound, sound, broken, 1e-5 * sound, np.full(rate, np.inf)]), rate)
    assert np.isnan(found).tolist() == [True, False, True, True, True]
    assert found[1] == measure(sound[None], rate)[0]
    assert measure(np.zeros((0, rate)), rate).shape == (0,)
    assert np.isnan(measure(audio.to_int16(5e-4 * sound)[None], rate)).all()


@pytest.mark.parametrize("measure", EVERY.values(), ids=EVERY)
def test_level_and_number_format_change_nothing(measure):
    rate = 8_000
    sound = ((sawtooth(150, rate) + white(rate)) * decay(times(rate), 0.3)).clip(-1, 1)
    expected = measure(sound[None], rate)
    assert np.isfinite(expected).all()
    assert measure(0.5 * sound[None], rate) == pytest.approx(expected, rel=1e-3)
    # rounding is a noise at -98 dB, which the very end of the tail knows
    assert measure(audio.to_int16(sound)[None], rate) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("measure", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("samples", [1, 7, 300])
def test_clips_shorter_than_any_window_are_measured_without_complaint(measure, samples):
    assert measure(np.full((2, samples), 0.5), 8_000).shape == (2,)
