"""Flaws in the signal, on signals whose flaws are known."""

import numpy as np
import pytest

from audiogan.judging import flaws
from audiogan.judging.spectrum import band_powers

RATE = 8_000
T = np.arange(RATE) / RATE


def tone(hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * T)


def harmonic(hz: float) -> np.ndarray:
    """A tone with partials of falling level, as many as every pitch in these tests has room for."""
    return sum(tone(k * hz) / k for k in range(1, 6))


def test_a_peak_is_in_db_of_full_scale_and_silence_has_one():
    assert flaws.peaks_db(np.array([[0.0, -0.5], [1.0, 0.1], [0.0, 0.0]])) == pytest.approx([-6.02, 0, -200], abs=0.01)


def test_the_background_is_what_is_left_where_the_sound_is_not():
    noise = np.random.default_rng(0).standard_normal(RATE)
    half = tone(500) * (T < 0.5)
    # a sine has a power of 1/2, so noise of the deviation 0.1 lies 17 dB under it
    found = flaws.backgrounds_db(np.stack([half, half + 0.1 * noise, noise]), RATE)
    assert found[0] == flaws.QUIETEST_DB
    assert found[1] == pytest.approx(-17, abs=1)
    assert found[2] > -3


def test_flatness_is_1_for_white_noise_and_0_for_a_tone():
    noise = np.random.default_rng(0).standard_normal(RATE)
    white, pure, silent = flaws.flatness(band_powers(np.stack([noise, tone(1000), 0 * T]), RATE)[1])
    assert white > 0.95
    assert pure < 0.01
    assert silent == 0


def test_highs_are_what_the_upper_half_lacks():
    bands_hz = np.linspace(0, 4000, 64)
    dull = np.where(bands_hz > 2000, -30.0, -10.0)
    assert flaws.highs_db(np.zeros(64), dull, bands_hz) == -20
    assert flaws.highs_db(dull, np.zeros(64), bands_hz) == 20
    assert flaws.highs_db(dull, dull - 15, bands_hz) == 0


def test_spectra_count_each_clip_by_its_weight():
    powers = np.array([[1.0, 0.1], [0.01, 0.1]])
    assert flaws.levels_db(powers, np.array([1, 0])) == pytest.approx([0, -10])
    assert flaws.levels_db(powers, np.array([0, 1])) == pytest.approx([-20, -10])
    assert flaws.levels_db(np.array([[1.0, 1e-15]]))[1] == -80


@pytest.mark.parametrize("semitones", [-5, 0, 4, 12])
def test_a_move_in_pitch_is_found_as_semitones(semitones):
    rng = np.random.default_rng(3)
    pitches = rng.uniform(150, 250, 40)
    real, fake = (
        flaws.colours_db(band_powers(np.stack([harmonic(hz * ratio) for hz in pitches]), RATE)[1]).mean(0)
        for ratio in (1, 2 ** (semitones / 12))
    )
    bands_hz, _ = band_powers(np.zeros((0, RATE)), RATE)
    assert flaws.transposition(real, fake, bands_hz) == pytest.approx(semitones, abs=1)
    assert flaws.misfit_db(real, real - 7, bands_hz) == pytest.approx(0, abs=1e-9)


def test_noise_is_no_move_in_pitch():
    bands_hz, powers = band_powers(np.stack([harmonic(200), np.random.default_rng(0).standard_normal(RATE)]), RATE)
    tones, noise = flaws.colours_db(powers)
    assert flaws.transposition(tones, noise, bands_hz) == 0


def test_a_sound_runs_backwards_between_its_silences():
    clips = np.array([[0, 0, 1, 2, 3, 0], [5, 0, 0.001, 4, 0, 0], [0, 0, 0, 0, 0, 0]])
    turned = flaws.reversed_in_place(clips)
    assert turned.tolist() == [[0, 0, 3, 2, 1, 0], [4, 0.001, 0, 5, 0, 0], [0, 0, 0, 0, 0, 0]]
