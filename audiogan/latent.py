"""Points of a generator's latent space: seeds, directions, positions along them. Tensors only.

A *point* is a latent vector (Z,). Sliders show positions along K orthonormal directions (K, Z), in the unit of the
latent's own distribution: a position of 1 is one standard deviation away from the middle.
"""

import torch
from torch import Tensor

UNIFORM_DEVIATION = 3**-0.5
"""Standard deviation of U(-1, 1)."""


def deviation(distribution: str) -> float:
    """Standard deviation of one latent number: 1 for 'normal', 0.577 for 'uniform' on (-1, 1)."""
    return UNIFORM_DEVIATION if distribution == "uniform" else 1.0


def draw(
    count: int,
    size: int,
    distribution: str,
    device: torch.device | str = "cpu",
    generator: torch.Generator | None = None,
) -> Tensor:
    """(count, size) latents from the published distribution, with torch's current random state or that generator's."""
    if distribution == "uniform":
        return torch.rand(count, size, device=device, generator=generator) * 2 - 1
    return torch.randn(count, size, device=device, generator=generator)


def from_seed(seed: int, size: int, distribution: str) -> Tensor:
    """The point (size,) that belongs to a seed, the same on every machine, leaving the random state alone."""
    return draw(1, size, distribution, generator=torch.Generator().manual_seed(seed))[0]


def principal_directions(weight: Tensor, count: int) -> Tensor:
    """(count, Z) orthonormal directions along which a first layer's output (weight (out, Z)) changes most, strongest
    first: the eigenvectors of W^T W (SeFa, Shen and Zhou 2021, eq. 3). Signs are fixed so that each direction's
    largest component is positive."""
    weight = weight.detach().cpu().double()
    _, vectors = torch.linalg.eigh(weight.T @ weight)  # ascending
    directions = vectors.T.flip(0)[:count]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return (directions * largest.sign()).float()


def positions(point: Tensor, directions: Tensor, unit: float) -> Tensor:
    """(K,) where a point (Z,) stands along each direction, in units."""
    return directions @ point / unit


def place(point: Tensor, directions: Tensor, where: Tensor, unit: float) -> Tensor:
    """The point (Z,) moved along the directions (K, Z) to the positions `where` (K,), unchanged across them."""
    return point + (where - positions(point, directions, unit)) * unit @ directions
