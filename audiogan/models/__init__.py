"""Generator and discriminator pairs, one file an architecture.

A generator maps latents (B, Z), and classes (B,) when conditional, to what the network sees (B, *shape); a
discriminator maps that, and the classes, to scores (B,). Both are built from `(settings, shape, n_classes)`, with the
transform's shape and n_classes = 0 for unconditional ones; `networks` holds what they share.
"""

import torch

from audiogan.models import dcgan1d, framegan, melspec_wgan, mlp, specgan, wavegan, wavegan_bce
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


def describe(settings: Settings, shape: tuple[int, ...]) -> str:
    """What the generator's layers do to make what the transform shows, in words: added, dropped, cropped. Builds it
    without allocating its weights."""
    generator, _ = ARCHITECTURES[settings.architecture]
    with torch.device("meta"):
        return generator(settings, shape, 0).describe()
