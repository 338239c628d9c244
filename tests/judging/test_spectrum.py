"""Long-term spectra of noise, whose density is known before and after a filter, and of sines."""

import numpy as np
import pytest

from audiogan.judging.spectrum import long_term_spectrum, spectrum_difference
from audiogan.metrics import TooFew
from tests.conftest import sine

RATE = 8_000


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """200 clips of one second of white noise of power 0.01 (-20 dB)."""
    return 0.1 * np.random.default_rng(3).standard_normal((200, RATE)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("samples", [500, 8_000])
def test_white_noise_has_the_level_of_its_power_in_every_band(rate, samples):
    clips = 0.1 * np.random.default_rng(1).standard_normal((1_600_000 // samples, samples)).astype(np.float32)
    bands_hz, levels_db = long_term_spectrum(clips, rate)
    assert (np.diff(bands_hz) > 0).all()
    assert bands_hz[-1] < rate / 2
    # the lowest bands hold few bins, so they vary most
    assert np.abs(levels_db + 20).max() < 0.5
    assert levels_db.mean() == pytest.approx(-20, abs=0.05)


def test_half_the_amplitude_lies_six_decibels_below_in_every_band(noise):
    _, difference_db = spectrum_difference(noise, 0.5 * noise, RATE)
    np.testing.assert_allclose(difference_db, -6.0206, atol=1e-3)


def test_a_filter_shows_as_its_own_response(noise):
    # one pole at 0.7: |H|^2 = 1 / (1 - 1.4 cos w + 0.49), from +10.5 dB at 0 Hz to -4.6 dB at the top
    ringing = 0.7 ** np.arange(40)
    filtered = np.stack([np.convolve(clip, ringing)[:RATE] for clip in noise])
    bands_hz, difference_db = spectrum_difference(noise, filtered, RATE)
    response_db = -10 * np.log10(1.49 - 1.4 * np.cos(2 * np.pi * bands_hz / RATE))
    np.testing.assert_allclose(difference_db, response_db, atol=0.3)


def test_a_sine_stands_in_its_own_band():
    # faded in and out, since a cut end is a click
    bands_hz, levels_db = long_term_spectrum((sine(1_000, RATE) * np.hanning(RATE))[None], RATE)
    assert abs(bands_hz[levels_db.argmax()] - 1_000) < 40
    assert levels_db[bands_hz > 1_500].max() < levels_db.max() - 60


def test_powers_are_averaged_and_not_decibels(noise):
    # half of the clips silent: half the power, -3 dB
    half = noise.copy()
    half[100:] = 0
    whole_db = long_term_spectrum(noise[:100], RATE)[1]
    np.testing.assert_allclose(long_term_spectrum(half, RATE)[1] - whole_db, -3.0103, atol=1e-3)


def test_what_lies_80_db_below_the_loudest_real_band_is_silence(noise):
    silence = np.zeros_like(noise)
    np.testing.assert_allclose(long_term_spectrum(silence, RATE)[1], -200)
    assert spectrum_difference(noise, silence, RATE)[1] == pytest.approx(-80, abs=1)
    # a noise 100 dB under a sine is not 100 dB too much of anything
    tones = np.stack([sine(440, RATE)] * 4)
    np.testing.assert_allclose(spectrum_difference(tones, tones + 1e-5 * noise[:4], RATE)[1], 0, atol=0.1)


def test_one_clip_is_needed(noise):
    with pytest.raises(TooFew, match="at least 1 clip"):
        spectrum_difference(noise, noise[:0], RATE)
