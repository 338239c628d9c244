"""melspec_wgan: a Wasserstein GAN with gradient penalty on 256 x 256 mel images.

With w = 64 (`width`) and 128 latents, every image twice as large after each block:

    generator                              parameters    discriminator                         parameters
    dense 8 x 8 x 1024, BN, LeakyReLU 0.2   8,519,680    convolution 64, LeakyReLU 0.2              1,664
    block 512, BN, LeakyReLU 0.2            4,719,616    convolution 128, LeakyReLU, drop 0.3     204,928
    block 256, BN, LeakyReLU 0.2            1,180,160    convolution 256, LeakyReLU, drop 0.3     819,456
    block 128, BN, LeakyReLU 0.2              295,168    convolution 512, LeakyReLU 0.2         3,277,312
    block 64, BN, LeakyReLU 0.2                73,856    dropout 0.2, dense 1                     131,073
    block 1, BN, tanh                             578
    all                                    14,789,058    all                                    4,434,433

A block is an upsampling by two (nearest) and a 3x3 convolution; dense and convolutions of the generator have no bias
unless normalisation is off. The first batch normalisation treats each of the dense layer's outputs by itself, as the
source's does, which comes before the reshape. The discriminator's convolutions are 5x5 with stride 2 and it has no
normalisation: the penalty holds each clip's own gradient. `dropout` 0.3 is the convolutions'; after flattening it is
0.2 at most.

The source writes a penalty weight of 0.10 and draws the mixing weight from a normal distribution: the method's authors'
10 and U(0, 1) (arXiv 1704.00028) hold here.

Any clip length: the image is as wide as the next power of two of its frames, and the dense layers grow with it.
"""

from itertools import pairwise

from torch import Tensor, nn

from audiogan.models import networks
from audiogan.models.specgan import narrow
from audiogan.settings import Settings

BLOCKS = 5

PUBLISHED_START = "8 x 8"
"""Bins and frames after the dense layer, for 256 x 256."""

FLATTENED_DROPOUT = 0.2


class Generator(networks.Generator):
    """(B, Z), classes (B,) or None -> (B, 1, H, W) in [-1, 1], H and W multiples of 32."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int], n_classes: int) -> None:
        _, height, frames = shape
        bias = settings.normalisation == "none"
        channels = [settings.width * 2**power for power in range(BLOCKS - 1, -1, -1)] + [1]
        start = (channels[0], height // 2**BLOCKS, frames // 2**BLOCKS)
        outputs = start[0] * start[1] * start[2]
        super().__init__(settings.latent_size, n_classes, outputs, bias)
        layers = [
            networks.normalisation(settings, networks.BatchNorm1d, outputs),
            nn.LeakyReLU(0.2),
            nn.Unflatten(1, start),
        ]
        for before, after in pairwise(channels):
            layers += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(before, after, 3, padding=1, bias=bias),
                networks.normalisation(settings, networks.BatchNorm2d, after),
                nn.LeakyReLU(0.2) if after > 1 else nn.Tanh(),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        return self.layers(self.enter(latents, classes))

    def describe(self) -> str:
        return networks.painted(self.layers, nn.Upsample, PUBLISHED_START)


class Discriminator(networks.Discriminator):
    """(B, 1, H, W), classes (B,) or None -> scores (B,), unbounded."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        _, height, frames = shape
        channels = [1] + [settings.width * 2**power for power in range(4)]
        dropouts = [0.0, settings.dropout, settings.dropout, 0.0]
        layers = []
        for (before, after), dropout in zip(pairwise(channels), dropouts, strict=True):
            layers += [narrow(before, after), networks.LeakyReLU(), networks.Dropout(dropout)]
        flattened = networks.Dropout(min(settings.dropout, FLATTENED_DROPOUT))
        self.layers = nn.Sequential(*layers, nn.Flatten(), flattened)
        self.end_with(channels[-1], (height // 16) * (frames // 16), n_classes)

    def features(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, 8w * H / 16 * W / 16)."""
        return self.layers(images)
