"""WaveGAN (Donahue, McAuley, Puckette 2018, arXiv 1802.04208, tables 3 and 4).

Generator: dense to 16 positions, then transposed convolutions of kernel 25 and stride 4, channels halving to 1, ReLU
between and tanh at the end. Discriminator: its mirror with LeakyReLU 0.2 and phase shuffle. No normalisation anywhere:
a gradient penalty holds each clip's own gradient, which batch statistics would mix.

Published sizes at d = 64 and 16,384 samples: 19,065,345 and 17,427,969 parameters. Longer clips add a layer at the
narrow end of time, as the authors' program does; shorter ones drop one. A length of 32 * 4^k makes the last layer of
the generator (the first of the discriminator) stride 2.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from audiogan.config import Settings

START = 16
"""Positions in time after the dense layer."""


def strides_for(length: int) -> list[int]:
    """Strides, generator order, whose product with the 16 starting positions gives the length."""
    fours, rest = divmod(round(math.log2(length / START)), 2)
    return [4] * fours + [2] * rest


class Generator(nn.Module):
    """(B, Z), labels (B,) or None -> (B, 1, T) in [-1, 1]."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_labels: int) -> None:
        super().__init__()
        strides = strides_for(shape[1])
        channels = [settings.width * 2**power for power in range(len(strides) - 1, -1, -1)] + [1]
        self.label_embedding = nn.Embedding(n_labels, settings.latent_size) if n_labels else None
        self.dense = nn.Linear(settings.latent_size * (2 if n_labels else 1), START * channels[0])
        self.layers = nn.ModuleList(
            nn.ConvTranspose1d(
                before,
                after,
                settings.kernel,
                stride,
                padding=(settings.kernel - 1) // 2,
                output_padding=stride - 1,
            )
            for (before, after), stride in zip(pairwise(channels), strides, strict=True)
        )

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.label_embedding is not None:
            latents = torch.cat([latents, self.label_embedding(labels)], dim=1)
        x = self.dense(latents).unflatten(1, (-1, START))  # (B, 16d, 16)
        for layer in self.layers:
            x = layer(x.relu())  # time x4, channels /2
        return x.tanh()


class Discriminator(nn.Module):
    """(B, 1, T), labels (B,) or None -> scores (B,), unbounded."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_labels: int) -> None:
        super().__init__()
        strides = strides_for(shape[1])[::-1]
        channels = [1] + [settings.width * 2**power for power in range(len(strides))]
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, settings.kernel, stride, padding=(settings.kernel - 1) // 2)
            for (before, after), stride in zip(pairwise(channels), strides, strict=True)
        )
        self.shuffle = settings.phase_shuffle
        self.shuffle_per_clip = settings.phase_shuffle_per == "clip"
        self.dense = nn.Linear(START * channels[-1], 1)
        self.label_embedding = nn.Embedding(n_labels, channels[-1]) if n_labels else None

    def forward(self, waves: Tensor, labels: Tensor | None = None) -> Tensor:
        x = waves
        for index, layer in enumerate(self.layers):
            x = nn.functional.leaky_relu(layer(x), 0.2)  # time /4, channels x2
            if self.training and self.shuffle and index < len(self.layers) - 1:
                x = phase_shuffle(x, self.shuffle, self.shuffle_per_clip)
        scores = self.dense(x.flatten(1)).squeeze(1)
        if self.label_embedding is not None:
            # projection discriminator (Miyato and Koyama 2018, eq. 3) on the time-mean of the features
            scores = scores + (self.label_embedding(labels) * x.mean(2)).sum(1)
        return scores


def phase_shuffle(x: Tensor, most: int, per_clip: bool) -> Tensor:
    """Shift (B, C, F) in time by k drawn from {-most..most}, missing samples filled by reflection (section 3.3).

    One k a clip, or one for the whole batch as in the authors' program. `most` must be smaller than F.
    """
    batch, _, length = x.shape
    if not per_clip:
        k = int(torch.randint(-most, most + 1, ()))
        return _shifted(x, k)
    shifts = torch.randint(-most, most + 1, (batch, 1), device=x.device)
    positions = torch.arange(length, device=x.device) - shifts  # (B, F)
    last = length - 1
    positions = last - (last - positions.abs()).abs()  # reflected at both ends, the edge itself not repeated
    return x.gather(2, positions[:, None].expand_as(x))


def _shifted(x: Tensor, k: int) -> Tensor:
    """x delayed by k samples (earlier when negative), the gap filled by reflection."""
    padded = nn.functional.pad(x, (max(k, 0), max(-k, 0)), mode="reflect")
    return padded[..., : x.shape[2]] if k >= 0 else padded[..., -k:]
