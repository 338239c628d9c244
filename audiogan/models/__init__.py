"""Generator and discriminator pairs, one file an architecture.

A generator maps latents (B, Z), and classes (B,) when conditional, to what the network sees (B, *shape); a
discriminator maps that, and the classes, to scores (B,). Both are built from `(settings, shape, n_classes)`, with the
transform's shape and n_classes = 0 for unconditional ones; `networks` holds what they share.
"""

import functools

import torch

from audiogan.models import dcgan1d, framegan, melspec_wgan, mlp, networks, specgan, wavegan, wavegan_bce
from audiogan.settings import Settings

ARCHITECTURES = {
    "framegan": (framegan.Generator, framegan.Discriminator),
    "mlp": (mlp.Generator, mlp.Discriminator),
    "dcgan1d": (dcgan1d.Generator, dcgan1d.Discriminator),
    "wavegan_bce": (wavegan_bce.Generator, wavegan_bce.Discriminator),
    "specgan": (specgan.Generator, specgan.Discriminator),
    "melspec_wgan": (melspec_wgan.Generator, melspec_wgan.Discriminator),
    "wavegan": (wavegan.Generator, wavegan.Discriminator),
}


@functools.lru_cache(maxsize=32)
def without_memory(
    settings: Settings, shape: tuple[int, ...], n_classes: int
) -> tuple[networks.Generator, networks.Discriminator]:
    """Both networks with shapes and no numbers (on torch's meta device): what a run will take is read off them."""
    generator, discriminator = ARCHITECTURES[settings.architecture]
    with torch.device("meta"):
        return generator(settings, shape, n_classes), discriminator(settings, shape, n_classes)


def describe(settings: Settings, shape: tuple[int, ...]) -> str:
    """What the generator's layers do to make what the transform shows, in words: added, dropped, cropped."""
    return without_memory(settings, shape, 0)[0].describe()
