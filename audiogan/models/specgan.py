"""specgan: a DCGAN on spectrograms (Donahue, McAuley, Puckette 2018, arXiv 1802.04208, tables 5 and 6).

With d = 64 (`width`), 100 latents and 128 x 128 bins and frames, as published for WGAN-GP (without normalisation):

    generator                              parameters    discriminator                         parameters
    dense 4 x 4 x 1024, ReLU                1,654,784    convolution 64, LeakyReLU 0.2              1,664
    transposed 512, ReLU                   13,107,712    convolution 128, LeakyReLU 0.2           204,928
    transposed 256, ReLU                    3,277,056    convolution 256, LeakyReLU 0.2           819,456
    transposed 128, ReLU                      819,328    convolution 512, LeakyReLU 0.2         3,277,312
    transposed 64, ReLU                       204,864    convolution 1024, LeakyReLU 0.2       13,108,224
    transposed 1, tanh                          1,601    dense 1                                   16,385
    all                                    19,065,345    all                                   17,427,969

All convolutions are 5x5 with stride 2. Under binary cross-entropy batch normalisation precedes the activations, as in
DCGAN (arXiv 1511.06434) neither after the generator's last nor after the discriminator's first layer: a channel costs
two parameters, and its convolution's bias, which would be taken out again, is left out. 19,068,353 and 17,429,889.

Any clip length: the image grows in steps of 32 frames, and the dense layers with it.
"""

from itertools import pairwise

from torch import Tensor, nn

from audiogan.models import networks
from audiogan.settings import Settings

LAYERS = 5

PUBLISHED_START = "4 x 4"
"""Bins and frames after the dense layer, for 128 x 128."""


class Generator(networks.Generator):
    """(B, Z), classes (B,) or None -> (B, 1, H, W) in [-1, 1], H and W multiples of 32."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int], n_classes: int) -> None:
        _, height, frames = shape
        bias = settings.normalisation == "none"
        channels = [settings.width * 2**power for power in range(LAYERS - 1, -1, -1)]
        start = (channels[0], height // 2**LAYERS, frames // 2**LAYERS)
        super().__init__(settings.latent_size, n_classes, start[0] * start[1] * start[2])
        layers = [
            nn.Unflatten(1, start),
            networks.normalisation(settings, networks.BatchNorm2d, channels[0]),
            nn.ReLU(),
        ]
        for before, after in pairwise(channels):
            layers += [
                widen(before, after, bias),
                networks.normalisation(settings, networks.BatchNorm2d, after),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers, widen(channels[-1], 1), nn.Tanh())

    def forward(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        return self.layers(self.enter(latents, classes))

    def describe(self) -> str:
        return networks.painted(self.layers, nn.ConvTranspose2d, PUBLISHED_START)


class Discriminator(networks.Discriminator):
    """(B, 1, H, W), classes (B,) or None -> scores (B,), unbounded."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        _, height, frames = shape
        channels = [settings.width * 2**power for power in range(LAYERS)]
        layers = [narrow(1, channels[0]), networks.LeakyReLU()]
        for before, after in pairwise(channels):
            layers += [
                narrow(before, after, bias=settings.normalisation == "none"),
                networks.normalisation(settings, networks.BatchNorm2d, after),
                networks.LeakyReLU(),
            ]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.end_with(channels[-1], (height // 2**LAYERS) * (frames // 2**LAYERS), n_classes)

    def features(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, 16d * H / 32 * W / 32)."""
        return self.layers(images)


def widen(before: int, after: int, bias: bool = True) -> nn.Module:
    """(B, before, H, W) -> (B, after, 2 H, 2 W)."""
    return nn.ConvTranspose2d(before, after, 5, 2, padding=2, output_padding=1, bias=bias)


def narrow(before: int, after: int, bias: bool = True) -> nn.Module:
    """(B, before, 2 H, 2 W) -> (B, after, H, W)."""
    return nn.Conv2d(before, after, 5, 2, padding=2, bias=bias)
