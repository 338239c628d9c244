"""WaveGAN (Donahue, McAuley, Puckette 2018, arXiv 1802.04208, tables 3 and 4).

Generator: dense to 16 positions, then transposed convolutions of kernel 25 and stride 4, channels halving to 1, ReLU
between and tanh at the end. Discriminator: its mirror with LeakyReLU 0.2 and phase shuffle. No normalisation anywhere:
a gradient penalty holds each clip's own gradient, which batch statistics would mix.

Published sizes at d = 64 and 16,384 samples: 19,065,345 and 17,427,969 parameters. Longer clips add a layer at the
narrow end of time, as the authors' program does; shorter ones drop one. A length of 32 * 4^k makes the last layer of
the generator (the first of the discriminator) stride 2. A clip of any other length is the beginning of the next longer
one that the layers can make: the generator crops, the discriminator pads with silence.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from audiogan import ranks
from audiogan.models import networks
from audiogan.settings import Settings

START = 16
"""Positions in time after the dense layer."""

PUBLISHED_LAYERS = 5
"""For 16,384 samples."""


def wave_length(clip_samples: int) -> int:
    """The smallest 16 * 4^k or 32 * 4^k that holds the clip: the lengths these layers can make.

    16,384, 32,768 and 65,536 are the published ones.
    """
    return START * 2 ** max(2, math.ceil(math.log2(clip_samples / START)))


def strides_for(length: int) -> list[int]:
    """Strides, generator order, whose product with the 16 starting positions gives the length."""
    fours, rest = divmod(round(math.log2(length / START)), 2)
    return [4] * fours + [2] * rest


class Generator(networks.Generator):
    """(B, Z), classes (B,) or None -> (B, 1, T) in [-1, 1]."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        strides = strides_for(wave_length(shape[1]))
        channels = [settings.width * 2**power for power in range(len(strides) - 1, -1, -1)] + [1]
        super().__init__(settings.latent_size, n_classes, START * channels[0])
        self.clip_samples = shape[1]
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

    def forward(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        x = self.enter(latents, classes).unflatten(1, (-1, START))  # (B, 16d, 16)
        for layer in self.layers:
            x = layer(x.relu())  # time x4, channels /2
        return x.tanh()[..., : self.clip_samples]

    def describe(self) -> str:
        made_samples = START * math.prod(layer.stride[0] for layer in self.layers)
        layers = networks.instead(len(self.layers), PUBLISHED_LAYERS, "layers")
        return f"{layers} make {networks.kept(made_samples, self.clip_samples)}"


class Discriminator(networks.Discriminator):
    """(B, 1, T), classes (B,) or None -> scores (B,), unbounded."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        super().__init__()
        length = wave_length(shape[1])
        self.silence = length - shape[1]
        strides = strides_for(length)[::-1]
        channels = [1] + [settings.width * 2**power for power in range(len(strides))]
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, settings.kernel, stride, padding=(settings.kernel - 1) // 2)
            for (before, after), stride in zip(pairwise(channels), strides, strict=True)
        )
        self.shuffle = settings.phase_shuffle
        self.shuffle_per_clip = settings.phase_shuffle_per == "clip"
        self.end_with(channels[-1], START, n_classes)

    def features(self, waves: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, 16d * 16)."""
        x = nn.functional.pad(waves, (0, self.silence))
        for index, layer in enumerate(self.layers):
            x = networks.leaky_relu(
                layer(x) if x.shape[2] > 4 * START else as_product(layer, x)
            )  # time /4, channels x2
            if self.training and self.shuffle and index < len(self.layers) - 1:
                x = phase_shuffle(x, self.shuffle, self.shuffle_per_clip)
        return x.flatten(1)


def as_product(layer: nn.Conv1d, x: Tensor) -> Tensor:
    """The same convolution as one matrix product: on a processor faster by a third where channels are many and
    positions few, because the convolution's own kernels reorder millions of weights for a few columns.
    """
    if not x.is_cpu:
        return layer(x)
    (padding,), (stride,) = layer.padding, layer.stride
    columns = nn.functional.unfold(x[:, :, None], (1, layer.kernel_size[0]), padding=(0, padding), stride=(1, stride))
    return nn.functional.linear(columns.mT, layer.weight.flatten(1), layer.bias).mT  # (B, F, C * K) -> (B, O, F)


def phase_shuffle(x: Tensor, most: int, per_clip: bool) -> Tensor:
    """Shift (B, C, F) in time by k drawn from {-most..most}, missing samples filled by reflection (section 3.3).

    One k a clip, or one for the whole batch as in the authors' program. `most` must be smaller than F.
    """
    batch, _, length = x.shape
    if not per_clip:
        k = int(torch.randint(-most, most + 1, ()))
        return _shifted(x, k)
    shifts = ranks.rows(lambda count: torch.randint(-most, most + 1, (count, 1), device=x.device), batch)
    positions = torch.arange(length, device=x.device) - shifts  # (B, F)
    last = length - 1
    positions = last - (last - positions.abs()).abs()  # reflected at both ends, the edge itself not repeated
    return x.gather(2, positions[:, None].expand_as(x))


def _shifted(x: Tensor, k: int) -> Tensor:
    """x delayed by k samples (earlier when negative), the gap filled by reflection."""
    padded = nn.functional.pad(x, (max(k, 0), max(-k, 0)), mode="reflect")
    return padded[..., : x.shape[2]] if k >= 0 else padded[..., -k:]
