"""Pictures of sounds that are known beforehand."""

import io

import matplotlib.image
import numpy as np

from audiogan.spectrogram import COLOURS, LOWEST_HZ, TOP_DB, png, spectrogram_db
from tests.conftest import sine


def row_of(hz: float, rows: int, rate: int) -> float:
    return rows * (1 - np.log2(hz / LOWEST_HZ) / np.log2(rate / 2 / LOWEST_HZ))


def test_a_sine_is_a_bright_line_at_its_place_on_the_logarithmic_axis():
    for hz in (200, 1000, 3500):
        levels = spectrogram_db(sine(hz, 8000), 8000, 40, 100)
        assert levels.shape == (100, 40)
        loudest = levels[:, 20].argmax()
        assert abs(loudest + 0.5 - row_of(hz, 100, 8000)) < 1.5
        assert levels.max() == 0
        # two octaves away there is nothing left of it
        assert levels[int(row_of(hz / 4 if hz > 300 else hz * 4, 100, 8000)), 20] < -70


def test_time_runs_from_left_to_right():
    wave = np.concatenate([np.zeros(6000, np.float32), sine(1000, 2000)])
    levels = spectrogram_db(wave, 8000, 40, 60)
    assert levels[:, :25].max() == -TOP_DB
    assert levels[:, 32:].max(0).min() > -6


def test_silence_is_the_floor_s_colour_and_nothing_is_divided_by():
    assert (spectrogram_db(np.zeros(100, np.float32), 8000, 7, 5) == -TOP_DB).all()


def test_a_png_has_the_map_s_colours_where_they_belong():
    levels = np.array([[-80.0, -40.0, 0.0], [0.0, -70.0, -80.0]])
    picture = (matplotlib.image.imread(io.BytesIO(png(levels)), format="png")[:, :, :3] * 255).round().astype(int)
    assert picture.shape == (2, 3, 3)
    colour = [list(bytes.fromhex(COLOURS[number][1:])) for number in (0, 4, 8)]
    assert picture[0, 0].tolist() == picture[1, 2].tolist() == colour[0]
    assert np.abs(picture[0, 1] - colour[1]).max() <= 2
    assert picture[0, 2].tolist() == picture[1, 0].tolist() == colour[2]
