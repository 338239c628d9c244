"""Cleaning: noise goes, and with it nothing else."""

import numpy as np
import pytest
import torch

from audiogan import cleaning, synthesis
from audiogan.cleaning import clean

RATES = (8_000, 16_000, 22_050, 48_000)


def tone(hz: float, rate: int, seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def white_noise(count: int, level_db: float) -> np.ndarray:
    """Gaussian noise (T,) with that mean square in dB."""
    return (10 ** (level_db / 20) * np.random.default_rng(0).standard_normal(count)).astype(np.float32)


def level_db(x: np.ndarray) -> float:
    """Mean square in dB of full scale."""
    return float(10 * np.log10(np.mean(np.square(x)) + 1e-30))


def middle(x: np.ndarray) -> np.ndarray:
    """Without the faded ends."""
    return x[len(x) // 8 : -len(x) // 8]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", [0.25, 2.0])
@pytest.mark.parametrize("hz", [110, 440, 1500])
def test_a_tone_in_noise_gains_ten_decibels(rate, seconds, hz):
    signal = tone(hz, rate, seconds)
    noisy = signal + white_noise(len(signal), level_db(signal) - 20)
    before, after = (level_db(middle(x - signal)) for x in (noisy, clean(noisy, rate)))
    assert after < before - 10
    # the tone itself is as loud as before
    kept = np.dot(middle(clean(noisy, rate)), middle(signal)) / np.dot(middle(signal), middle(signal))
    assert kept == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [440, 1500])
def test_a_tone_without_noise_changes_by_less_than_minus_fifty_decibels(rate, hz):
    signal = tone(hz, rate, 1.0)
    assert level_db(middle(clean(signal, rate) - signal)) < level_db(signal) - 50


def test_silence_stays_silence_with_an_offset_too():
    assert not clean(np.zeros(5_000, np.float32), 22_050).any()
    assert np.abs(clean(np.full(5_000, 0.1, np.float32), 22_050)).max() < 1e-6


def test_an_offset_leaves_a_tone_and_not_a_silence():
    shifted = tone(440, 22_050, 0.5) + np.float32(0.1)
    assert abs(middle(clean(shifted, 22_050)).mean()) < 2e-3
    # half a wave, whose mean is far from 0, and then nothing
    lone = np.concatenate([np.abs(tone(50, 22_050, 0.01)), np.zeros(9_000, np.float32)])
    assert not clean(lone, 22_050)[1_000:].any()


@pytest.mark.parametrize("label", synthesis.LABELS)
def test_an_attack_is_not_smeared_and_not_dulled(label):
    (drum,) = (sound for sound in synthesis.built_in_sounds(22_050, 1) if sound.label == label)
    onset, lead = 2_205, 441  # a tenth of a second of silence; what is looked at is 20 ms
    struck = np.concatenate([np.zeros(onset, np.float32), drum.samples])
    before, attack = slice(onset - lead, onset), slice(onset, onset + lead)

    # nothing to clean: nothing appears ahead of the onset, and the attack stays
    cleaned = clean(struck, 22_050)
    assert level_db(cleaned[before]) < -70
    assert level_db((cleaned - struck)[attack]) < level_db(struck[attack]) - 50

    # noise 45 dB under full scale: less of it ahead of the onset, and the attack as loud as it was
    noisy = struck + white_noise(len(struck), -45)
    cleaned = clean(noisy, 22_050)
    assert level_db(cleaned[before]) < level_db(noisy[before]) - 1.5
    assert level_db(cleaned[: onset - 2 * lead]) < level_db(noisy[: onset - 2 * lead]) - 10
    assert level_db(cleaned[attack]) == pytest.approx(level_db(struck[attack]), abs=0.3)


def test_noise_is_turned_down_under_a_tone_that_is_no_louder_in_all():
    # as a young waveform model makes it: the tone stands out of its bins, and has no more power than the noise
    hiss, hum = white_noise(22_050, -20), tone(1_000, 22_050, 1.0) * 10 ** (-20 / 20)
    cleaned = middle(clean(hum + hiss, 22_050))
    assert level_db(cleaned - middle(hum)) < level_db(middle(hiss)) - 8


def test_noise_that_is_the_sound_itself_stays():
    wind = white_noise(22_050, -20)
    assert np.array_equal(
        middle(clean(wind, 22_050)), middle(wind - cleaning.offset(torch.from_numpy(wind), 512).item())
    )


def test_both_ends_begin_and_end_at_zero():
    faded = clean(np.cos(np.arange(8_000, dtype=np.float32)), 8_000)
    assert faded[0] == faded[-1] == 0
    # 0.5 ms are 4 samples, 10 ms are 80
    original = clean_without_fades(np.cos(np.arange(8_000, dtype=np.float32)), 8_000)
    assert faded[:5] == pytest.approx(original[:5] * [0, 0.25, 0.5, 0.75, 1], abs=1e-6)
    assert faded[-81:] == pytest.approx(original[-81:] * np.minimum(1, np.arange(80, -1, -1) / 80), abs=1e-6)


def clean_without_fades(samples: np.ndarray, rate: int) -> np.ndarray:
    wave = torch.from_numpy(samples)
    return cleaning.suppress_noise(wave - cleaning.offset(wave, 256), rate, 256).numpy()


def test_the_floor_is_the_mean_power_of_the_noise_whatever_tone_stands_in_it():
    torch.manual_seed(0)
    # a spectrum of noise with mean power 3: two Gaussians squared, each of variance 3 / 2
    power = 1.5 * (torch.randn(257, 200).square() + torch.randn(257, 200).square())
    # the tenth that happens to be quietest is a little under the mean
    assert 2.6 < cleaning.noise_floor(power, 22).mean() < 3
    power[40:44] += 1e6
    assert cleaning.noise_floor(power, 22).max() < 2 * 3
    # and of the quietest tenth: a noise of 3 for a quarter of the time, of 300 for the rest
    power[:, 50:] *= 100
    assert 2.6 < cleaning.noise_floor(power, 22).mean() < 3


def test_the_floor_is_not_looked_for_in_frames_that_reach_beyond_the_ends(monkeypatch):
    looked_at = []
    monkeypatch.setattr(
        cleaning, "noise_floor", lambda power, band: looked_at.append(power) or torch.zeros(len(power), 1)
    )
    clean(tone(1_000, 8_000, 0.25), 8_000)
    # every frame of a steady tone that is whole holds the same
    levels = looked_at[0].sum(0)
    assert levels.max() < 1.01 * levels.min()


def test_a_gain_follows_from_the_excess_over_the_floor():
    floor = torch.tensor([[1.0], [1.0], [2.0]])
    power = torch.full((3, 5), 8.0)
    # 1 - 4 * 1 / 8 = 1/2 and 1 - 4 * 2 / 8 = 0, but not below -18 dB = 0.126
    expected = torch.tensor([[0.5**0.5], [0.5**0.5], [10 ** (-18 / 20)]]).expand(3, 5)
    torch.testing.assert_close(cleaning.gains(power, floor), expected)
    # a lone bin of noise does not open the gate for itself: (8 + 8 * 1) / 9 are under 4
    power = torch.ones(5, 5)
    power[2, 2] = 8
    torch.testing.assert_close(cleaning.gains(power, torch.ones(5, 1)), torch.full((5, 5), 10 ** (-18 / 20)))
