"""The long-term spectrum of a set of clips: which highs are missing, which whine is too much."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

from audiogan.mel import mel_edges, mel_filters, mels_for
from audiogan.metrics import TooFew
from audiogan.spectra import stft

Floats = NDArray[np.floating]

FLOOR_DB = -80.0
"""Levels this far under the real clips' loudest band are silence on both sides: the range of every picture here."""

WINDOW_SECONDS = 0.1
"""Twice the mel transforms' window, or nearly: there is no time to resolve here, and low bands are narrow."""

BATCH = 64
"""Clips whose spectra are in memory at once."""


def band_powers(waves: Floats, rate: int) -> tuple[Floats, Floats]:
    """(bands_hz (M,), powers (n, M)): the mean power density of each clip (n, T) in each mel band, over all time.

    bands_hz are the bands' middles. White noise of power P has P in every band, whatever the length or the rate.
    """
    n_fft = 2 ** round(math.log2(rate * WINDOW_SECONDS))
    hop, window = n_fft // 4, torch.hann_window(n_fft)
    mels = mels_for(rate)
    filters = mel_filters(rate, n_fft, mels).double()
    powers = torch.empty(len(waves), mels, dtype=torch.float64)
    for at in range(0, len(waves), BATCH):
        batch = torch.from_numpy(np.asarray(waves[at : at + BATCH], np.float32))
        # half a window of silence on both sides: every sample is then under equally many windows
        spectra = stft(pad(batch, (n_fft // 2, n_fft // 2)), n_fft, hop, window)
        powers[at : at + BATCH] = spectra.abs().double().square().sum(2) @ filters.T
    powers /= filters.sum(1) * (waves.shape[1] / hop * window.double().square().sum())
    return mel_edges(rate, mels)[1:-1].numpy(), powers.numpy()


def long_term_spectrum(waves: Floats, rate: int) -> tuple[Floats, Floats]:
    """(bands_hz (M,), levels_db (M,)): the mean power of clips (n, T) in each mel band, over all clips and all time.

    Levels are those of `band_powers`, digital silence at -200 dB. Powers are averaged, not decibels, so that loud
    clips count most. Needs 1 clip.
    """
    if len(waves) < 1:
        raise TooFew("The long-term spectrum needs at least 1 clip: there are 0.")
    bands_hz, powers = band_powers(waves, rate)
    return bands_hz, 10 * np.log10(powers.mean(0).clip(min=1e-20))


def spectrum_difference(real: Floats, fake: Floats, rate: int) -> tuple[Floats, Floats]:
    """(bands_hz (M,), difference_db (M,)): how far the generated clips' long-term spectrum lies above the real one's.

    A difference of level is kept, because it is heard: clips of half the amplitude lie 6 dB below in every band.
    Subtract the median to see the colour alone. Levels more than 80 dB under the loudest real band count as silence.
    Real against real, of spoken digits: 2 dB for 30 clips and 1 dB for 100, 6 and 3 dB in the worst band. It hears
    neither order in time nor whether one clip or all are at fault. Needs 1 clip on each side.
    """
    bands_hz, goal = long_term_spectrum(real, rate)
    _, found = long_term_spectrum(fake, rate)
    floor = goal.max() + FLOOR_DB
    return bands_hz, np.maximum(found, floor) - np.maximum(goal, floor)
