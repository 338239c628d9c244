"""The long-term spectrum of a set of clips: which highs are missing, which whine is too much."""

import numpy as np
import torch
from numpy.typing import NDArray

from audiogan.metrics import TooFew
from audiogan.transforms import mel_edges, mel_filters, mels_for, stft

FLOOR_DB = -80.0
"""Levels this far under the real clips' loudest band are silence on both sides: the range of every picture here."""


def long_term_spectrum(waves: NDArray[np.floating], rate: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """(bands_hz (M,), levels_db (M,)): the mean power of clips (n, T) in each mel band, over all clips and time.

    bands_hz are the bands' middles. The level is that of the density: white noise of power P is at 10 log10 P in every
    band, clip length and rate regardless. Powers are averaged, not decibels, so loud clips count most; digital silence
    is at -200 dB. Needs 1 clip.
    """
    if len(waves) < 1:
        raise TooFew("The long-term spectrum needs at least 1 clip: there are 0.")
    mels = mels_for(rate)
    # four times the window of the mel transforms: about 0.2 s, so that the lowest bands hold several bins each
    n_fft = 2 ** round(np.log2(rate * 0.2))
    window = torch.hann_window(n_fft)
    power = sum(
        stft(torch.from_numpy(np.ascontiguousarray(part, np.float32)), n_fft, n_fft // 4, window)
        .abs()
        .square()
        .sum((0, 2), dtype=torch.float64)
        for part in np.array_split(waves, -(-len(waves) // 64))
    )
    filters = mel_filters(rate, n_fft, mels).double()
    frames = waves.shape[1] / (n_fft // 4)
    density = filters @ power / filters.sum(1) / (len(waves) * frames * window.double().square().sum())
    return mel_edges(rate, mels)[1:-1].numpy(), (10 * density.clamp(min=1e-20).log10()).numpy()


def spectrum_difference(
    real: NDArray[np.floating], fake: NDArray[np.floating], rate: int
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """(bands_hz (M,), difference_db (M,)): how far the generated clips' long-term spectrum is above the real one.

    A difference of level is kept: clips at half the amplitude are 6 dB below in every band, so a user sees it; subtract
    the median to see the colour alone. Real against real gives about 1 dB. It hears neither order in time nor
    whether one clip or all are at fault. Needs 1 clip on each side.
    """
    bands_hz, goal = long_term_spectrum(real, rate)
    _, found = long_term_spectrum(fake, rate)
    floor = goal.max() + FLOOR_DB
    return bands_hz, np.maximum(found, floor) - np.maximum(goal, floor)
