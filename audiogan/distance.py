"""How far one sound is from another: by what is heard (multi-resolution spectra), and by sample (mean square).

The spectral distance is that of Yamamoto, Song and Kim (2020, "Parallel WaveGAN", arXiv 1910.11480, eqs. 4 to 6): no
single window is fine in both time and frequency, so several are averaged. It forgives a shifted phase, which the ear
hardly hears and the sample-by-sample error counts in full.
"""

import torch
from torch import Tensor

from audiogan.spectra import stft

WINDOWS_SAMPLES = (2048, 1024, 512, 256)
"""Lengths of the Hann windows; each moves on by a quarter of itself."""

FLOOR_DB = -80.0
"""Levels this far under the target's loudest are silence in both sounds: the range of every picture here. Without a
floor, digital silence beside a noise that nobody hears would outweigh everything."""


def multi_resolution_stft_distance(sounds: Tensor, targets: Tensor) -> Tensor:
    """(B,) distances of sounds (B, T) from targets (B, T), 0 when equal, the mean over the windows of

        || |S| - |X| || / || |X| ||  +  mean | ln |S| - ln |X| |

    which are the spectral convergence and the log-magnitude distance, with S the sound's and X the target's spectrum.
    A sound at half the target's amplitude is at 0.5 + ln 2. Differentiable with respect to the sounds.
    """
    return torch.stack([sum(stft_terms(sounds, targets, n_fft)) for n_fft in WINDOWS_SAMPLES]).mean(0)


def stft_terms(sounds: Tensor, targets: Tensor, n_fft: int) -> tuple[Tensor, Tensor]:
    """(spectral convergence (B,), log-magnitude distance (B,)) of sounds (B, T) from targets (B, T), one window."""
    window = torch.hann_window(n_fft, device=sounds.device)
    spectra, goals = (stft(waves, n_fft, n_fft // 4, window).abs() for waves in (sounds, targets))
    floor = (goals.amax(dim=(1, 2), keepdim=True) * 10 ** (FLOOR_DB / 20)).clamp(min=1e-7)
    convergence = (spectra - goals).norm(dim=(1, 2)) / goals.norm(dim=(1, 2)).clamp(min=1e-7)
    logarithms = (torch.maximum(spectra, floor).log() - torch.maximum(goals, floor).log()).abs()
    return convergence, logarithms.mean(dim=(1, 2))


def mean_square_error(sounds: Tensor, targets: Tensor) -> Tensor:
    """(B,) mean squared differences of the samples of sounds (B, T) and targets (B, T)."""
    return (sounds - targets).square().mean(1)
