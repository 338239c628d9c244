"""A generated sound -> the same sound without steady noise, offset and clicks at its ends.

Spectral subtraction (Boll, Suppression of Acoustic Noise in Speech Using Spectral Subtraction, 1979) with the rule of
Berouti, Schwartz and Makhoul (Enhancement of Speech Corrupted by Acoustic Noise, 1979): what lies near the noise floor
is turned down by a fixed amount, not to nothing, and what lies well above it stays. Made for hearing a model, not for
judging it: distances and previews are measured on what the model makes.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from audiogan import audio

WINDOW_SECONDS = 0.025
"""Speech enhancement's usual 20 to 30 ms: shorter cannot tell a tone from the noise beside it, longer hears a drum
before it is struck. The nearest power of two samples is taken, of which a frame moves a quarter."""

QUIETEST_SHARE = 0.1
"""Frames in which the noise is looked for, as a share of all."""

BAND_HZ = 1000.0
"""Noise is taken for equal within this band: a tone fills a few of its bins and does not count as noise."""

EXCESS = 4.0
"""Power above the floor, as a factor, up to which a sound counts as noise (Berouti's alpha is 3 to 6). The mean of nine
neighbouring powers of pure noise rarely gets there."""

DEEPEST_DB = -18.0
"""How far noise is turned down. Below that, what is left of it sounds like many small bells (Berouti's beta)."""

LEAST_PEAK_DB = 12.0
"""A floor out of which nothing stands by this much is the sound itself: wind, a cymbal that fills its clip. Pure
noise itself rarely gets to EXCESS, which is 6 dB."""

FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.0005, 0.01
"""In: a drum may begin with the first sample, and 2 ms would take its attack. Out: long enough not to click."""


def clean(samples: np.ndarray, rate: int) -> np.ndarray:
    """A sound (T,), 25 ms or longer, with steady noise turned down by up to 18 dB, its constant offset taken out, and
    both ends faded to 0.

    The noise is what the quietest frames hold evenly over a band; a sound without such frames loses nothing.
    """
    wave, n_fft = torch.from_numpy(samples), 2 ** round(math.log2(rate * WINDOW_SECONDS))
    quieter = suppress_noise(wave - offset(wave, n_fft), rate, n_fft)
    return audio.fade(quieter.numpy(), rate, FADE_IN_SECONDS, FADE_OUT_SECONDS)


def offset(wave: Tensor, n_fft: int) -> Tensor:
    """The constant () in a sound (T,): the median of its frames' means.

    The mean of all would be that of the loud part, and taking it out would lift the silence after a drum.
    """
    window = torch.hann_window(n_fft)
    return (wave.unfold(0, n_fft, n_fft // 4) @ window / window.sum()).median()


def suppress_noise(wave: Tensor, rate: int, n_fft: int) -> Tensor:
    """A sound (T,) with its noise floor turned down."""
    layout = {"n_fft": n_fft, "hop_length": n_fft // 4, "window": torch.hann_window(n_fft)}
    spectrum = torch.stft(wave, **layout, pad_mode="constant", return_complex=True)  # (n_fft / 2 + 1, F)
    power = spectrum.abs().square()
    # frames that reach beyond the ends are quiet for another reason
    floor = noise_floor(power[:, 2:-2], round(BAND_HZ * n_fft / rate))
    if (smoothed(power) < 10 ** (LEAST_PEAK_DB / 10) * floor).all():
        return wave
    return torch.istft(spectrum * gains(power, floor), **layout, length=len(wave))


def noise_floor(power: Tensor, band_bins: int) -> Tensor:
    """The mean power of steady noise (K, 1) in a spectrogram (K, F) of frames that lie inside the sound.

    The powers of noise are exponentially distributed, with a median of ln 2 times their mean: the median of a band's
    powers tells the mean of its noise, whatever tones stand out of it.
    """
    frames = max(1, round(QUIETEST_SHARE * power.shape[1]))
    quietest = power[:, power.sum(0).argsort()[:frames]]
    half = band_bins // 2
    bands = torch.nn.functional.pad(quietest.T[None], (half, half), mode="reflect")[0].unfold(1, 2 * half + 1, 1)
    return bands.permute(1, 0, 2).flatten(1).median(1, keepdim=True).values / math.log(2)


def gains(power: Tensor, floor: Tensor) -> Tensor:
    """Factors (K, F) between `DEEPEST_DB` and 1 for the amplitudes: sqrt(1 - EXCESS * floor / power)."""
    kept = 1 - EXCESS * floor / smoothed(power).clamp(min=1e-20)
    return kept.clamp(min=10 ** (DEEPEST_DB / 10)).sqrt()


def smoothed(power: Tensor) -> Tensor:
    """The powers' (K, F) means of three bins and three frames: a lone bin of noise would ring."""
    return avg_pool2d(power[None], 3, stride=1, padding=1, count_include_pad=False)[0]
