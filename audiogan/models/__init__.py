"""Generator and discriminator pairs, one file an architecture.

A generator maps latents (B, Z), and labels (B,) when conditional, to what the network sees (B, *shape); a
discriminator maps that, and the labels, to scores (B,). Both are built from `(settings, shape, n_labels)`, with the
transform's shape and n_labels = 0 for unconditional ones; `networks` holds what they share.
"""

from audiogan.models import dcgan1d, framegan, melspec_wgan, mlp, specgan, wavegan, wavegan_bce

ARCHITECTURES = {
    "framegan": (framegan.Generator, framegan.Discriminator),
    "mlp": (mlp.Generator, mlp.Discriminator),
    "dcgan1d": (dcgan1d.Generator, dcgan1d.Discriminator),
    "wavegan_bce": (wavegan_bce.Generator, wavegan_bce.Discriminator),
    "specgan": (specgan.Generator, specgan.Discriminator),
    "melspec_wgan": (melspec_wgan.Generator, melspec_wgan.Discriminator),
    "wavegan": (wavegan.Generator, wavegan.Discriminator),
}
