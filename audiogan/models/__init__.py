"""Generator and discriminator pairs, one file an architecture.

A generator maps latents (B, Z), and labels (B,) when conditional, to what the network sees (B, C, F); a discriminator
maps that, and the labels, to scores (B,). Both are built from `(settings, shape, n_labels)` with shape = (C, F) and
n_labels = 0 for unconditional ones.
"""

from audiogan.models import framegan, wavegan

ARCHITECTURES = {
    "framegan": (framegan.Generator, framegan.Discriminator),
    "wavegan": (wavegan.Generator, wavegan.Discriminator),
}
