"""dcgan1d: a one-dimensional DCGAN for single instruments.

With w = 16 (`width`), 500 latents, taps 25 (`kernel`), and clips of 4 s at 16 kHz, T = 64,000 = 250 * 4^4:

    generator                              parameters    discriminator                         parameters
    dense 250 x 128, LeakyReLU 0.2         16,032,000    convolution 16, BN, LeakyReLU, drop          432
    transposed 64, BN, ReLU, dropout          204,928    convolution 32, BN, LeakyReLU, drop       12,864
    transposed 32, BN, ReLU, dropout           51,264    convolution 64, BN, LeakyReLU, drop       51,328
    transposed 16, BN, ReLU, dropout           12,832    convolution 128, LeakyReLU               204,928
    transposed 1, tanh                            401    dense 500, LeakyReLU                  16,000,500
                                                         dense 1                                      501
    all                                    16,301,425    all                                   16,270,553

All convolutions have stride 4. A bias that batch normalisation would take out again is left out.

The source gives four convolutions and one dense layer on each side, what stands between them, the 500 latents and the
64,000 samples. Chosen here: stride 4 and 25 taps (WaveGAN's, arXiv 1802.04208); 16 channels at the clip's end, doubling
inwards (DCGAN's habit, arXiv 1511.06434); tanh at the end and LeakyReLU 0.2 in the discriminator (DCGAN's); as many
features before the score as there are latents, so that an encoder made of the discriminator mirrors the generator;
dropout 0.3. The score is a logit: the source's output between 0 and 1 is made of it by the loss.

Any clip length: always four layers over ceil(T / 256) positions; the dense layers grow with the clip, the generator
crops and the discriminator pads with silence.
"""

import math
from itertools import pairwise

from torch import Tensor, nn

from audiogan.models import networks
from audiogan.settings import Settings

STRIDE = 4
LAYERS = 4

PUBLISHED_POSITIONS = 250
"""At the narrow end of 64,000 samples."""


def positions_for(clip_samples: int) -> int:
    """Positions in time at the narrow end."""
    return math.ceil(clip_samples / STRIDE**LAYERS)


class Generator(networks.Generator):
    """(B, Z), classes (B,) or None -> (B, 1, T) in [-1, 1]."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        channels = [settings.width * 2**power for power in range(LAYERS - 1, -1, -1)]
        positions = positions_for(shape[1])
        super().__init__(settings.latent_size, n_classes, channels[0] * positions)
        self.clip_samples = shape[1]
        layers = [nn.LeakyReLU(0.2), nn.Unflatten(1, (channels[0], positions))]
        for before, after in pairwise(channels):
            layers += [
                widen(before, after, settings.kernel, bias=settings.normalisation == "none"),
                networks.normalisation(settings, networks.BatchNorm1d, after),
                nn.ReLU(),
                networks.Dropout(settings.dropout),
            ]
        self.layers = nn.Sequential(*layers, widen(channels[-1], 1, settings.kernel), nn.Tanh())

    def forward(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        return self.layers(self.enter(latents, classes))[..., : self.clip_samples]

    def describe(self) -> str:
        _, positions = self.layers[1].unflattened_size
        strides = [layer.stride[0] for layer in self.layers if isinstance(layer, nn.ConvTranspose1d)]
        start = networks.instead(f"{positions:,}", f"{PUBLISHED_POSITIONS}", "positions")
        made = networks.kept(positions * math.prod(strides), self.clip_samples)
        return f"{len(strides)} layers from {start} make {made}"


class Discriminator(networks.Discriminator):
    """(B, 1, T), classes (B,) or None -> scores (B,), unbounded."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        super().__init__()
        channels = [1] + [settings.width * 2**power for power in range(LAYERS)]
        positions = positions_for(shape[1])
        layers = [nn.ConstantPad1d((0, positions * STRIDE**LAYERS - shape[1]), 0.0)]
        for before, after in pairwise(channels[:-1]):
            layers += [
                narrow(before, after, settings.kernel, bias=settings.normalisation == "none"),
                networks.normalisation(settings, networks.BatchNorm1d, after),
                nn.LeakyReLU(0.2),
                networks.Dropout(settings.dropout),
            ]
        self.layers = nn.Sequential(
            *layers,
            narrow(*channels[-2:], settings.kernel),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(channels[-1] * positions, settings.latent_size),
            nn.LeakyReLU(0.2),
        )
        self.end_with(settings.latent_size, 1, n_classes)

    def features(self, waves: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, Z)."""
        return self.layers(waves)


def widen(before: int, after: int, kernel: int, bias: bool = True) -> nn.Module:
    """(B, before, F) -> (B, after, 4 F)."""
    return nn.ConvTranspose1d(before, after, kernel, STRIDE, kernel // 2, output_padding=STRIDE - 1, bias=bias)


def narrow(before: int, after: int, kernel: int, bias: bool = True) -> nn.Module:
    """(B, before, 4 F) -> (B, after, F)."""
    return nn.Conv1d(before, after, kernel, STRIDE, kernel // 2, bias=bias)
