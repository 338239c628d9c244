"""The games between generator and discriminator: pure functions of scores, and penalties on gradients.

`real` and `fake` are the discriminator's raw scores (B,), higher meaning more real. All losses are means over the
batch, to be minimised.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from audiogan import ranks


@dataclass(frozen=True)
class Loss:
    """One game: what each network minimises, and what the discriminator's scores mean."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    """(real, fake) -> scalar."""

    generator: Callable[[Tensor, Tensor], Tensor]
    """(real, fake) -> scalar; `real` carries no gradient and only the relativistic game reads it."""

    belief: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    """(real, fake) -> what the live chart shows of real and of generated clips, scalars; `BELIEFS` names it."""

    penalty: str = "none"
    """Which gradient penalty belongs to it: 'interpolated' (WGAN-GP), 'zero_centred' (R1 and R2), 'clip' or 'none'."""


def probabilities(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Scores read as logits of 'this clip is real'."""
    return real.sigmoid().mean(), fake.sigmoid().mean()


def mean_scores(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """A critic's scores themselves: they have no scale and are no probabilities."""
    return real.mean(), fake.mean()


def wins(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """p(real beats fake) over the pairs, and its complement: relativistic scores mean nothing one by one."""
    win = (real - fake).sigmoid().mean()
    return win, 1 - win


def wasserstein_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[D(fake)] - E[D(real)] (Arjovsky et al. 2017, eq. 3)."""
    return fake.mean() - real.mean()


def wasserstein_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-E[D(fake)]."""
    return -fake.mean()


LOSSES: dict[str, Loss] = {
    # non-saturating cross-entropy on logits (Goodfellow et al. 2014, section 3)
    "bce": Loss(
        discriminator=lambda real, fake: softplus(-real).mean() + softplus(fake).mean(),
        generator=lambda real, fake: softplus(-fake).mean(),
        belief=probabilities,
    ),
    # least squares with targets 1 and 0 (Mao et al. 2017, eq. 9 with a = 0, b = c = 1)
    "lsgan": Loss(
        discriminator=lambda real, fake: 0.5 * ((real - 1).square().mean() + fake.square().mean()),
        generator=lambda real, fake: 0.5 * (fake - 1).square().mean(),
        belief=mean_scores,
    ),
    # Wasserstein with clipped weights (Arjovsky et al. 2017)
    "wgan": Loss(wasserstein_discriminator, wasserstein_generator, mean_scores, "clip"),
    # Wasserstein with gradient penalty (Gulrajani et al. 2017)
    "wgan_gp": Loss(wasserstein_discriminator, wasserstein_generator, mean_scores, "interpolated"),
    # hinge (Lim and Ye 2017, eq. 5 and 6)
    "hinge": Loss(
        discriminator=lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean(),
        generator=lambda real, fake: -fake.mean(),
        belief=mean_scores,
    ),
    # relativistic pairing (Jolicoeur-Martineau 2018), with R1 and R2 as in R3GAN (Huang et al. 2024, eq. 2)
    "relativistic": Loss(
        discriminator=lambda real, fake: softplus(fake - real).mean(),
        generator=lambda real, fake: softplus(real - fake).mean(),
        belief=wins,
        penalty="zero_centred",
    ),
}


def squared_gradient(scores: Tensor, inputs: Tensor) -> Tensor:
    """(B,) |d score_i / d input_i|^2, kept in the graph so that it can itself be minimised."""
    (gradient,) = torch.autograd.grad(scores.sum(), inputs, create_graph=True)
    return gradient.square().flatten(1).sum(1)


def zero_centred_penalty(scores: Tensor, inputs: Tensor) -> Tensor:
    """E |grad D|^2 / 2 at the inputs: R1 on real clips, R2 on generated ones (Mescheder et al. 2018, eq. 9)."""
    return squared_gradient(scores, inputs).mean() / 2


def interpolated_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """E (|grad D(x)| - 1)^2 at x = u real + (1 - u) fake, u ~ U(0, 1) a clip (Gulrajani et al. 2017, eq. 3)."""
    mix = ranks.rows(lambda count: torch.rand(count, *[1] * (real.dim() - 1), device=real.device), len(real))
    between = torch.lerp(fake.detach(), real.detach(), mix).requires_grad_()
    norms = (squared_gradient(discriminator(between), between) + 1e-12).sqrt()
    return (norms - 1).square().mean()
