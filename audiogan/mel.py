"""Mel bins: a spectrum averaged as finely as the ear tells pitches apart, and the way back."""

import math

import torch
from torch import Tensor, nn

STRUCTURE_RANGE = (1e-3, 30.0)
"""The smallest and largest magnitude that is kept, over the mel values spread evenly: a gap, and a partial alone in a
wide mel bin."""

HEARD = 3.0
"""Times the floor, from which a frame's loudest mel bin has something to lend."""


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


class Exemplars(nn.Module):
    """Frames of the training clips that lend others what mel bins do not hold: where in a bin a partial lies, and how
    rough a noise is.

    A frame gets the fine structure of the exemplar whose mel levels are nearest to its own. That a few real frames
    keep the detail that averages lose is what exemplar-based voice conversion rests on (Wu et al. 2014).
    """

    ROUNDS = 1
    """Of non-negative least squares afterwards: more of them flatten what was lent."""

    def __init__(self, count: int, mels: int, bins: int) -> None:
        """`count` frames, each of `mels` levels and `bins` magnitudes."""
        super().__init__()
        self.register_buffer("levels", torch.zeros(count, mels, dtype=torch.float16))
        self.register_buffer("structure", torch.zeros(count, bins, dtype=torch.uint8))

    def fit(self, mel: Tensor, magnitudes: Tensor, filters: Tensor, floor: Tensor) -> None:
        """Keep frames of clips (N, M, F) with their magnitudes (N, n_fft / 2 + 1, F), from all clips alike; the same
        ones every time.

        Where clips have fewer frames to lend than are kept, some are kept several times; silence keeps none.
        """
        count, generator = len(self.levels), torch.Generator().manual_seed(0)
        heard = (mel.amax(1) > HEARD * floor).cpu()  # (N, F)
        # each clip's frames in an order of their own; all first ones, then all second ones, ...
        order = torch.where(heard, torch.rand(heard.shape, generator=generator), 2.0).argsort(1)
        rank = order.argsort(1) + torch.rand(len(order), 1, generator=generator)
        places = torch.where(heard, rank, torch.inf).flatten().argsort()[: int(heard.sum())]
        if not len(places):
            return
        places = places[torch.arange(count) % len(places)].to(mel.device)
        clips, frames = places // mel.shape[2], places % mel.shape[2]
        mel, magnitudes = mel[clips, :, frames], magnitudes[clips, :, frames]
        self.levels.copy_(self._shape(mel, floor))
        low, high = map(math.log, STRUCTURE_RANGE)
        ratios = magnitudes / (spread(mel.T, filters).T + 1e-3 * floor)
        self.structure.copy_(((ratios.clamp(*STRUCTURE_RANGE).log() - low) / (high - low) * 255).round())

    def forward(self, mel: Tensor, filters: Tensor, floor: Tensor) -> Tensor:
        """Mel values (B, M, F) -> magnitudes (B, n_fft / 2 + 1, F) with the fine structure of the nearest exemplars."""
        levels = self.levels.to(mel.dtype)
        # |a - b|^2 = |a|^2 - 2 (a . b - |b|^2 / 2), of which |a|^2 is the same for all exemplars
        likeness = self._shape(mel.transpose(1, 2), floor) @ levels.T - levels.square().sum(1) / 2
        nearest = likeness.argmax(2)  # (B, F)
        low, high = map(math.log, STRUCTURE_RANGE)
        factors = (self.structure[nearest].to(mel.dtype) / 255 * (high - low) + low).exp().transpose(1, 2)
        return magnitudes_from_mel(mel, filters, spread(mel, filters) * factors, self.ROUNDS)

    @staticmethod
    def _shape(mel: Tensor, floor: Tensor) -> Tensor:
        """(..., M) log levels of frames (..., M) over their mean: how loud a frame is does not matter, well above the
        floor."""
        levels = (mel + floor).log()
        return levels - levels.mean(-1, keepdim=True)
