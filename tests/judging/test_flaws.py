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
def test_moved_back_by_the_right_interval_tones_are_nearest(semitones):
    rng = np.random.default_rng(3)
    bands_hz, _ = band_powers(np.zeros((0, RATE)), RATE)

    def tones(count: int, ratio: float) -> np.ndarray:
        waves = np.stack([harmonic(hz * ratio) for hz in rng.uniform(150, 250, count)])
        return flaws.by_semitones(flaws.colours_db(band_powers(waves, RATE)[1]), bands_hz)

    real, fake = tones(40, 1), tones(20, 2 ** (semitones / 12))
    apart_db = {move: flaws.transposed_apart_db(fake, real, move).mean() for move in range(-12, 13)}
    # bands are three semitones apart at 200 Hz, so that one more or less may be nearer
    assert min(apart_db, key=apart_db.get) == pytest.approx(semitones, abs=min(1, abs(semitones)))


def test_a_move_compares_what_both_have_then_whatever_the_level():
    colours, others = np.array([[9.0, 0, 0, 1]]), np.array([[2.0, 2, 3, 7], [50, 0, 0, 0]])
    # back by one: 0, 0, 1 beside 2, 2, 3
    assert flaws.transposed_apart_db(colours, others, 1) == pytest.approx([0])
    # the other way: 9, 0, 0 beside 2, 3, 7 and 0, 0, 0, without means 6, -3, -3 beside -2, -1, 3 and 0, 0, 0
    assert flaws.transposed_apart_db(colours, others, -1) == pytest.approx([np.sqrt(54 / 3)])
    # as they are: 6.5, -2.5, -2.5, -1.5 beside -1.5, -1.5, -0.5, 3.5 and 37.5, -12.5, -12.5, -12.5
    assert flaws.transposed_apart_db(colours, others, 0) == pytest.approx([np.sqrt(94 / 4)])


def test_colours_are_read_at_every_semitone():
    read = flaws.by_semitones(np.array([[0.0, -12, 12]]), np.array([100.0, 200, 400]))
    assert read[0] == pytest.approx([*range(0, -12, -1), *range(-12, 13, 2)])


def test_a_misfit_counts_musical_steps_and_no_level():
    # an octave and two above: half of the steps, a quarter, a quarter
    bands_hz, goal = np.array([100.0, 200, 800]), np.array([0.0, 5, 10])
    assert flaws.misfit_db(goal, goal - 7, bands_hz) == pytest.approx(0, abs=1e-9)
    # gradients 1, 1.5 and 2 octaves: the mean of 9, 0, 0 is 2, its variance (49 + 1.5 * 4 + 2 * 4) / 4.5
    assert flaws.misfit_db(goal, goal + [9, 0, 0], bands_hz) == pytest.approx(np.sqrt(63 / 4.5))


def test_a_sound_runs_backwards_between_its_silences():
    clips = np.array([[0, 0, 1, 2, 3, 0], [5, 0, 0.001, 4, 0, 0], [0, 0, 0, 0, 0, 0]])
    turned = flaws.reversed_in_place(clips)
    assert turned.tolist() == [[0, 0, 3, 2, 1, 0], [4, 0.001, 0, 5, 0, 0], [0, 0, 0, 0, 0, 0]]
