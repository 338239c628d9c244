"""Samples -> pictures on one scale: decibels under the clip's loudest point, over time and the logarithm of frequency.

`ui/sound.js` draws the same in the browser; here are its numbers, and the picture as a PNG.
"""

import math
import struct
import zlib

import numpy as np

TOP_DB = 80
"""Range of every spectrogram in decibels below the clip's loudest point; quieter has the floor's colour."""

LOWEST_HZ = 50
"""Lower end of the logarithmic frequency axis in Hz; the upper end is half the sample rate."""

WINDOW_SECONDS = 0.046
"""Length of the Hann window in seconds; the nearest power of two samples is taken (1024 at 22.05 kHz)."""

COLOURS = (
    "#040413",
    "#1b0f45",
    "#421975",
    "#7a2786",
    "#b53a7a",
    "#e25f5a",
    "#f19756",
    "#f7cb80",
    "#fef7c9",
)
"""Colour map from -TOP_DB to 0 dB, blended linearly in sRGB. The anchors are evenly spaced in OKLab lightness
(0.12 to 0.97), so that equal steps in decibels look equally large, also in grey and to the colour-blind."""


def spectrogram_db(wave: np.ndarray, rate: int, columns: int, rows: int) -> np.ndarray:
    """(rows, columns) of a sound (T,), high frequencies first: decibels under its loudest point, in [-TOP_DB, 0]."""
    power = _powers(wave, 2 ** round(math.log2(WINDOW_SECONDS * rate)), columns)
    bins = power.shape[1] - 1
    octaves = math.log2(rate / 2 / LOWEST_HZ)
    edges = bins * 2 ** (-octaves * np.arange(rows + 1) / rows)
    centres = bins * 2 ** (-octaves * (np.arange(rows) + 0.5) / rows)
    bands = np.stack([_band(power, *row) for row in zip(centres, edges[1:], edges, strict=False)])
    loudest = bands.max()
    if not loudest > 0:
        return np.full((rows, columns), -float(TOP_DB))
    return 10 * np.log10(np.maximum(bands / loudest, 10 ** (-TOP_DB / 10)))


def _powers(wave: np.ndarray, size: int, columns: int) -> np.ndarray:
    """(columns, size / 2 + 1): windows around evenly spaced moments; beyond the ends of the clip is silence."""
    centres = (np.arange(columns) + 0.5) / columns * len(wave)
    starts = np.rint(centres + size / 2).astype(int)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.abs(np.fft.rfft(np.pad(wave, size)[starts[:, None] + np.arange(size)] * hann)) ** 2


def _band(power: np.ndarray, centre: float, low: float, high: float) -> np.ndarray:
    """(columns,) of one row: low down rows share a bin, so its neighbours are blended; high up the loudest counts."""
    below = min(int(centre), power.shape[1] - 2)
    blended = power[:, below] + (power[:, below + 1] - power[:, below]) * (centre - below)
    inside = power[:, math.ceil(low) : math.floor(high) + 1]
    return np.maximum(blended, inside.max(1, initial=0.0))


def png(levels_db: np.ndarray) -> bytes:
    """A PNG of levels (rows, columns) in [-TOP_DB, 0], a pixel each, in 256 of the map's colours."""
    rows, columns = levels_db.shape
    numbers = np.rint((levels_db / TOP_DB + 1) * 255).clip(0, 255).astype(np.uint8)
    # each line begins with the number of its filter, 0 for none
    lines = zlib.compress(np.pad(numbers, ((0, 0), (1, 0))).tobytes(), 9)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", _palette().tobytes()), (b"IDAT", lines), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _palette() -> np.ndarray:
    """uint8 (256, 3)."""
    anchors = np.array([list(bytes.fromhex(colour[1:])) for colour in COLOURS])
    places = np.linspace(0, len(COLOURS) - 1, 256)
    blended = [np.interp(places, np.arange(len(COLOURS)), channel) for channel in anchors.T]
    return np.rint(blended).T.astype(np.uint8)
