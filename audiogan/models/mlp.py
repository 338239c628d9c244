"""mlp: a GAN of dense layers only, published for bird song.

    generator                                   discriminator
    latents   500                               clip      T
    dense     256, LeakyReLU 0.2                dense     1024, LeakyReLU 0.2
    dense     512, LeakyReLU 0.2                dense     512, LeakyReLU 0.2
    dense     1024, LeakyReLU 0.2               dense     256, LeakyReLU 0.2
    dense     T, tanh                           dense     1
    785,152 + 1,025 T parameters                1,024 T + 657,409 parameters

At T = 220,500 (5 s at 44.1 kHz): 226,797,652 and 226,449,409. With `width` w = 256 the sizes are w, 2w and 4w. The
source's prose gives the discriminator's third layer 1024, its program 256, which holds here. The source's sigmoid
after the last layer is gone: its loss took another one of it, so that its probabilities never left 0.5 to 0.73.

Any clip length: only the generator's last layer and the discriminator's first grow with it.

The source ends each epoch with a smaller batch of what is left. Here what is left is completed by the first clips of
the next epoch's order, so that every batch is full and every clip is still seen once an epoch.
"""

from itertools import pairwise

from torch import Tensor, nn

from audiogan.models import networks
from audiogan.settings import Settings


class Generator(networks.Generator):
    """(B, Z), classes (B,) or None -> (B, 1, T) in [-1, 1]."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        sizes = [settings.width, 2 * settings.width, 4 * settings.width]
        super().__init__(settings.latent_size, n_classes, sizes[0])
        self.layers = nn.Sequential(
            nn.LeakyReLU(0.2), *dense_layers(sizes, settings.dropout), nn.Linear(sizes[-1], shape[1]), nn.Tanh()
        )

    def forward(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        return self.layers(self.enter(latents, classes))[:, None]

    def describe(self) -> str:
        return f"the last dense layer makes all of the clip's {self.layers[-2].out_features:,} samples at once"


class Discriminator(networks.Discriminator):
    """(B, 1, T), classes (B,) or None -> scores (B,), unbounded."""

    def __init__(self, settings: Settings, shape: tuple[int, int], n_classes: int) -> None:
        super().__init__()
        sizes = [shape[1], 4 * settings.width, 2 * settings.width, settings.width]
        self.layers = nn.Sequential(*dense_layers(sizes, settings.dropout))
        self.end_with(sizes[-1], 1, n_classes)

    def features(self, waves: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, w)."""
        return self.layers(waves[:, 0])


def dense_layers(sizes: list[int], dropout: float) -> list[nn.Module]:
    """Dense, LeakyReLU 0.2 and dropout (none in the source) from each size to the next."""
    layers = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2), networks.Dropout(dropout)]
    return layers
