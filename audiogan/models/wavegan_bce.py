"""wavegan_bce: a WaveGAN variant with batch normalisation, dropout and linear layers, under binary cross-entropy.

With w = 64 (`width`), 100 latents, taps 25 (`kernel`) and T = 16,384:

    generator                              parameters    discriminator                         parameters
    dense 16 x 512, BN, LeakyReLU, drop       820,224    linear 1024, ReLU, dropout            16,778,240
    transposed 256, BN, LeakyReLU, drop     3,277,312    linear 512, ReLU, dropout                524,800
    transposed 128, BN, LeakyReLU, drop       819,456    linear 256, ReLU, dropout                131,328
    transposed 1, BN, LeakyReLU, drop           3,202    linear 1                                     257
    linear 1024, LeakyReLU                  1,049,600
    linear T, tanh                         16,793,600
    all                                    22,763,394    all                                   17,434,625

The generator's first layer is the source's transposed convolution from the noise vector: on a single position a
transposed convolution of 16 taps without bias *is* a dense layer to 16 positions. The others have stride 4; before
batch normalisation a bias would be taken out again and is left out.

The source names the kinds of layers and their order. Chosen here: WaveGAN's channels, taps and strides, until 1,024
positions of one channel are left for the linear layers; 1024 hidden units beside the clip (16w), halving in the
discriminator; LeakyReLU 0.2; dropout 0.3; tanh; 100 normal latents; WaveGAN's 16,384 samples.

Any clip length: only the generator's last layer and the discriminator's first grow with it.
"""

from itertools import pairwise

from torch import Tensor, nn

from audiogan.models import networks
from audiogan.models.dcgan1d import STRIDE, widen
from audiogan.settings import Settings

START = 16
"""Positions in time after the first layer."""


class Generator(networks.Generator):
    """(B, Z), classes (B,) or None -> (B, 1, T) in [-1, 1]."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        width, bias = settings.width, settings.normalisation == "none"
        channels = [8 * width, 4 * width, 2 * width, 1]
        super().__init__(settings.latent_size, n_classes, channels[0] * START, bias)
        layers = [nn.Unflatten(1, (channels[0], START)), *between(settings, channels[0])]
        for before, after in pairwise(channels):
            layers += [widen(before, after, settings.kernel, bias), *between(settings, after)]
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(START * STRIDE**3, 16 * width),
            nn.LeakyReLU(0.2),
            nn.Linear(16 * width, shape[1]),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        return self.layers(self.enter(latents, classes))[:, None]

    def describe(self) -> str:
        layers = sum(isinstance(layer, nn.ConvTranspose1d) for layer in self.layers)
        return (
            f"{layers} layers make {self.layers[-4].in_features:,} positions, and the last dense layer of them all of "
            f"the clip's {self.layers[-2].out_features:,} samples at once"
        )


class Discriminator(networks.Discriminator):
    """(B, 1, T), classes (B,) or None -> scores (B,), unbounded."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        super().__init__()
        sizes = [shape[1], 16 * settings.width, 8 * settings.width, 4 * settings.width]
        layers = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU(), networks.Dropout(settings.dropout)]
        self.layers = nn.Sequential(*layers)
        self.end_with(sizes[-1], 1, n_classes)

    def features(self, waves: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, 4w)."""
        return self.layers(waves[:, 0])


def between(settings: Settings, channels: int) -> list[nn.Module]:
    """What follows each transposed convolution."""
    return [
        networks.normalisation(settings, networks.BatchNorm1d, channels),
        nn.LeakyReLU(0.2),
        networks.Dropout(settings.dropout),
    ]
