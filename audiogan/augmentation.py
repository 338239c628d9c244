"""Augmentation: real and generated clips are changed alike before the discriminator sees them.

From a few dozen clips a discriminator learns each by heart, and the generator can then only copy them. Changes that are
made to both sides, and that let gradients through, leave the goal of the game where it was (Zhao et al. 2020, arXiv
2006.10738), and as long as many clips stay unchanged the generator does not learn to make the changes too (Karras et
al. 2020, arXiv 2006.06676, section 2.2).
"""

import torch
from torch import Tensor

from audiogan import ranks

MOST_TIME = 1 / 8
"""Of a clip's length: the farthest that it is moved."""

MOST_PITCH = 1 / 16
"""Of the bins: the farthest that a picture is moved along them."""

MOST_LEVEL = 0.5
"""The most by which a picture becomes brighter or darker, in its own units, at all bins and at the outermost ones."""


def augmented(x: Tensor, probability: float) -> Tensor:
    """Pictures of sounds (B, ..., M, F), each change made to each with that probability, by an amount of its own: moved
    in time, moved in pitch, louder or quieter, brighter or duller.

    What stands at an edge fills what a move leaves empty.
    """
    draws = ranks.rows(lambda count: torch.rand(count, 8, device=x.device), len(x))
    amounts = torch.where(draws[:, :4] < probability, 2 * draws[:, 4:] - 1, 0.0)  # each in [-1, 1]
    time, pitch, level, tilt = amounts.T.view(4, -1, *[1] * (x.dim() - 1))
    x = _moved(x, -1, time * MOST_TIME)
    x = _moved(x, -2, pitch * MOST_PITCH)
    slope = torch.linspace(-1, 1, x.shape[-2], device=x.device)[:, None]  # (M, 1)
    return x + MOST_LEVEL * (level + tilt * slope)


def _moved(x: Tensor, axis: int, shares: Tensor) -> Tensor:
    """Each picture moved along an axis by its share of the length."""
    length = x.shape[axis]
    places = torch.arange(length, device=x.device).view(-1, *[1] * (-1 - axis)) - (shares * length).round().long()
    return x.gather(axis, places.clamp(0, length - 1).expand_as(x))
