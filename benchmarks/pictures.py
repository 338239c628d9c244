"""Real sounds above generated ones, as spectrograms on one scale: what a table of numbers cannot show."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

from audiogan.spectrogram import COLOURS, LOWEST_HZ, TOP_DB, spectrogram_db

COLUMNS, ROWS = 160, 120
"""Of one spectrogram, in points."""


def draw_side_by_side(
    real: Sequence[np.ndarray], made: Sequence[np.ndarray], rate: int, path: Path, in_a_row: int = 6, dpi: int = 80
) -> None:
    """Rows of `in_a_row` real sounds (T,), then rows of generated ones, each under its own loudest point."""
    sides = ("real", real), ("generated", made)
    cells = [(name, waves[at : at + in_a_row]) for name, waves in sides for at in range(0, len(waves), in_a_row)]
    figure = Figure(figsize=(1.6 * in_a_row, 1.5 * len(cells)), layout="constrained")
    axes = figure.subplots(len(cells), in_a_row, squeeze=False, sharex=True, sharey=True)
    colours = LinearSegmentedColormap.from_list("sound", COLOURS)
    marks = [hz for hz in (100, 1_000, 10_000) if hz < rate / 2]
    octaves = np.log2(rate / 2 / LOWEST_HZ)
    for line, (name, row) in zip(axes, cells, strict=True):
        for axis, wave in zip(line, row, strict=False):
            levels = spectrogram_db(wave, rate, COLUMNS, ROWS)
            extent = (0, len(wave) / rate, 0, octaves)
            axis.imshow(levels, aspect="auto", cmap=colours, vmin=-TOP_DB, vmax=0, extent=extent)
            axis.set_yticks([np.log2(hz / LOWEST_HZ) for hz in marks], [f"{hz:,}" for hz in marks])
        for axis in line[len(row) :]:
            axis.set_visible(False)
        line[0].set_ylabel(f"{name}, Hz")
    for axis in axes[-1]:
        axis.set_xlabel("s")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi)
    # one colour map and grey letters: 256 colours are enough, and half the size
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
