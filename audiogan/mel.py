"""Mel bins: a spectrum averaged as finely as the ear tells pitches apart, and the way back."""

import math

import torch
from torch import Tensor


def mels_for(rate: int) -> int:
    """Mel bins that keep the lowest bins wider than one FFT bin: 64 at 8 kHz, 80 to 24 kHz, 128 above."""
    return 64 if rate <= 11_025 else 80 if rate <= 24_000 else 128


def mel_edges(rate: int, mels: int) -> Tensor:
    """The corners (mels + 2,) of the mel filters in Hz, from 0 to half the rate, equally far apart in mel.

    Slaney's scale is linear to 1 kHz (200/3 Hz a mel) and logarithmic above (27 mels for a factor of 6.4), as in his
    Auditory Toolbox (1998).
    """
    linear_step, knee_hz, log_step = 200 / 3, 1000.0, math.log(6.4) / 27
    knee_mel = knee_hz / linear_step

    def to_mel(hz: float) -> float:
        return hz / linear_step if hz < knee_hz else knee_mel + math.log(hz / knee_hz) / log_step

    mel = torch.linspace(0, to_mel(rate / 2), mels + 2, dtype=torch.float64)
    return torch.where(mel < knee_mel, mel * linear_step, knee_hz * ((mel - knee_mel) * log_step).exp())


def mel_filters(rate: int, n_fft: int, mels: int) -> Tensor:
    """Triangular filters (mels, n_fft / 2 + 1) of equal peak between neighbouring mel edges; equal to
    librosa.filters.mel(norm=None)."""
    edges = mel_edges(rate, mels)
    bins = torch.linspace(0, rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0).float()


def spread(mel: Tensor, filters: Tensor) -> Tensor:
    """Mel values (..., M, F), each spread evenly over its filter: (..., n_fft / 2 + 1, F)."""
    return filters.T @ (mel / filters.sum(1, keepdim=True))


def magnitudes_from_mel(mel: Tensor, filters: Tensor, start: Tensor | None = None, rounds: int = 10) -> Tensor:
    """Mel values (B, M, F) -> non-negative magnitudes (B, n_fft / 2 + 1, F).

    Multiplicative updates of non-negative least squares (Lee and Seung 2001, eq. 4), from `start` or from each mel
    value spread over its filter: bins that are zero in the clamped pseudo-inverse would stay so and be heard as holes.
    """
    magnitudes = (spread(mel, filters) if start is None else start) + 1e-8
    target, gram = filters.T @ mel, filters.T @ filters
    for _ in range(rounds):
        magnitudes = magnitudes * target / (gram @ magnitudes + 1e-8)
    return magnitudes
