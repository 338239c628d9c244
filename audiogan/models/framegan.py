"""framegan: a GAN of 1-D convolutions over log-mel frames, mel bins as channels.

Convolving along time only, with the whole spectrum as channels, costs a tenth of a 2-D spectrogram GAN and a hundredth
of a waveform one, so that a laptop's processor makes thousands of updates in minutes. The networks follow R3GAN
(Huang et al. 2024): residual blocks, no batch normalisation, a last residual convolution that starts at zero.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from audiogan import ranks
from audiogan.models import networks
from audiogan.settings import Settings

STAGES = 3
"""Halvings of time between the frames and the innermost layer."""

STYLE_SIZE = 64
"""Numbers that the first layer makes of latent and class, for all stages to read."""


def pixel_norm(x: Tensor) -> Tensor:
    """Each position's channels scaled to mean square 1 (Karras et al. 2018, section 4.2). Any (B, C, ...)."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Residual(nn.Module):
    """x + conv(act(conv(act(x)))), the last convolution starting at zero so that the block starts as identity."""

    def __init__(self, channels: int, normalise: bool) -> None:
        super().__init__()
        self.normalise = normalise
        self.first = nn.Conv1d(channels, channels, 5, padding=2)
        self.second = nn.Conv1d(channels, channels, 5, padding=2)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(leaky_relu(pixel_norm(x) if self.normalise else x, 0.2))
        return x + self.second(leaky_relu(pixel_norm(y) if self.normalise else y, 0.2))


class Modulation(nn.Module):
    """Feature-wise modulation: x * (1 + scale) + shift, both linear in the style (Perez et al. 2018, eq. 2).

    It starts as identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dense = nn.Linear(STYLE_SIZE, 2 * channels)
        nn.init.zeros_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = self.dense(style)[..., None].chunk(2, dim=1)  # (B, C, 1)
        return x * (1 + scale) + shift


class Generator(networks.Generator):
    """(B, Z), classes (B,) or None -> frames (B, M, F), linear: levels are standardised, not bounded."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        super().__init__(settings.latent_size, n_classes, STYLE_SIZE)
        mels, frames = shape
        width = settings.width
        channels = [2 * width, 2 * width, width * 3 // 2, width]
        self.start = frames // 2**STAGES
        self.spread = nn.Linear(STYLE_SIZE, channels[0] * self.start)
        self.widen = nn.ModuleList(nn.Conv1d(before, after, 5, padding=2) for before, after in pairwise(channels))
        self.refine = nn.ModuleList(Residual(after, normalise=True) for after in channels[1:])
        self.modulate = nn.ModuleList(Modulation(before) for before in channels[:-1]) if settings.modulation else None
        self.to_frames = nn.Conv1d(channels[-1], mels, 5, padding=2)

    def forward(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        style = leaky_relu(self.enter(pixel_norm(latents), classes), 0.2)
        x = self.spread(style).unflatten(1, (-1, self.start))  # (B, 2w, F / 8)
        for stage, (widen, refine) in enumerate(zip(self.widen, self.refine, strict=True)):
            x = pixel_norm(x)
            if self.modulate:
                x = self.modulate[stage](x, style)
            x = interpolate(x, scale_factor=2.0, mode="nearest")  # time x2
            x = refine(leaky_relu(widen(x), 0.2))
        return self.to_frames(x)

    def describe(self) -> str:
        doublings = len(self.widen)
        return f"{doublings} layers from {self.start} positions make {self.start * 2**doublings} frames"


class Discriminator(networks.Discriminator):
    """Frames (B, M, F), classes (B,) or None -> scores (B,), unbounded."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        super().__init__()
        mels, frames = shape
        width = settings.width
        channels = [width, width * 3 // 2, 2 * width, 2 * width]
        self.from_frames = nn.Conv1d(mels, channels[0], 3, padding=1)
        self.refine = nn.ModuleList(Residual(before, normalise=False) for before in channels[:-1])
        self.narrow = nn.ModuleList(
            nn.Conv1d(before, after, 4, stride=2, padding=1) for before, after in pairwise(channels)
        )
        self.end_with(channels[-1], frames // 2**STAGES, n_classes, beside=1, class_layers=settings.class_layers)

    def features(self, frames: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, 2w * F / 8 + 1): the innermost layer, flattened, and how much the clips beside this one differ."""
        x = self.from_frames(frames)
        for refine, narrow in zip(self.refine, self.narrow, strict=True):
            x = leaky_relu(narrow(refine(x)), 0.2)  # time /2
        return torch.cat([x.flatten(1), batch_deviation(x, classes)], dim=1)


def batch_deviation(x: Tensor, classes: Tensor | None = None, group: int = 4) -> Tensor:
    """(B, C, F) -> (B, 1): how much a clip's companions differ, so that sameness can be seen (Karras et al. 2018,
    section 3). Companions are the clips of its class, or else groups of four neighbours, or all when B is not a
    multiple of four.

    Among mixed classes the differences between classes would hide that all clips of one class are the same.
    """
    # clips of other ranks are companions too: (B, ...) becomes (W * B, ...)
    flat = ranks.gather(x.flatten(1).to(torch.promote_types(x.dtype, torch.float32)))
    if classes is None:
        group = group if len(flat) % group == 0 else len(flat)
        classes = torch.arange(len(flat), device=x.device) // group
    else:
        classes = ranks.gather(classes)
    same = (classes[:, None] == classes).to(flat.dtype)  # (B, B)
    share = same / same.sum(1, keepdim=True)
    # about a common middle, so that large features leave digits for small differences
    flat = flat - flat.mean(0)
    # squares of which little is left when they are subtracted: not for numbers of 16 bits
    with torch.autocast("cpu" if x.is_meta else x.device.type, enabled=False):
        mean = share @ flat
        variance = (share @ flat.square() - mean.square()).clamp(min=0)
    deviation = (variance + 1e-8).sqrt().mean(1, keepdim=True)
    return deviation.chunk(ranks.COUNT)[ranks.RANK]
