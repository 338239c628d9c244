"""The reference that the engine is measured against: WaveGAN-GP as its ports are usually written, and nothing clever.

Donahue, McAuley, Puckette 2018 (arXiv 1802.04208), tables 3 and 4 and section 3.3, with the loss of Gulrajani et al.
2017 (algorithm 1): 16,384 samples, kernel 25, stride 4, five critic steps, phase shuffle of 2, Adam 1e-4 (0.5, 0.9).
Every line is eager torch with torch's defaults. It knows nothing of the package; layers carry the same names as in
`audiogan.models.wavegan`, so that weights can be copied from one to the other.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

LATENT_SIZE, BATCH, CRITIC_STEPS, PENALTY, PHASE_SHUFFLE = 100, 16, 5, 10.0, 2


class Generator(nn.Module):
    """(B, 100) -> (B, 1, 16384)."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.dense = nn.Linear(LATENT_SIZE, 16 * 16 * d)
        channels = [16 * d, 8 * d, 4 * d, 2 * d, d, 1]
        self.layers = nn.ModuleList(
            nn.ConvTranspose1d(channels[i], channels[i + 1], 25, stride=4, padding=12, output_padding=3)
            for i in range(5)
        )

    def forward(self, z: Tensor) -> Tensor:
        x = functional.relu(self.dense(z).view(len(z), -1, 16))
        for layer in self.layers[:-1]:
            x = functional.relu(layer(x))
        return torch.tanh(self.layers[-1](x))


class Discriminator(nn.Module):
    """(B, 1, 16384) -> (B,)."""

    def __init__(self, d: int) -> None:
        super().__init__()
        channels = [1, d, 2 * d, 4 * d, 8 * d, 16 * d]
        self.layers = nn.ModuleList(nn.Conv1d(channels[i], channels[i + 1], 25, stride=4, padding=12) for i in range(5))
        self.dense = nn.Linear(16 * 16 * d, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = phase_shuffle(functional.leaky_relu(layer(x), 0.2))
        x = functional.leaky_relu(self.layers[-1](x), 0.2)
        return self.dense(x.flatten(1)).squeeze(1)


def phase_shuffle(x: Tensor) -> Tensor:
    """Each clip shifted by its own number of places in -2..2, the gap filled by reflection."""
    shifts = torch.randint(-PHASE_SHUFFLE, PHASE_SHUFFLE + 1, (len(x), 1), device=x.device)
    shifted = []
    for clip, shift in zip(x, shifts.flatten().tolist(), strict=True):
        if shift >= 0:
            shifted.append(functional.pad(clip, (shift, 0), mode="reflect")[:, : x.shape[2]])
        else:
            shifted.append(functional.pad(clip, (0, -shift), mode="reflect")[:, -shift:])
    return torch.stack(shifted)


def gradient_penalty(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """E (|grad D(x)| - 1)^2 between real and generated clips."""
    mix = torch.rand(len(real), 1, 1, device=real.device)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    scores = discriminator(between)
    (gradient,) = torch.autograd.grad(scores, between, torch.ones_like(scores), create_graph=True, retain_graph=True)
    return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


class Reference:
    """Both networks and their optimisers."""

    def __init__(self, d: int, device: torch.device) -> None:
        self.generator, self.discriminator = Generator(d).to(device), Discriminator(d).to(device)
        self.optimiser_g = torch.optim.Adam(self.generator.parameters(), lr=1e-4, betas=(0.5, 0.9))
        self.optimiser_d = torch.optim.Adam(self.discriminator.parameters(), lr=1e-4, betas=(0.5, 0.9))
        self.device = device

    def draw(self, count: int) -> Tensor:
        return torch.rand(count, LATENT_SIZE, device=self.device) * 2 - 1

    def discriminator_step(self, real: Tensor) -> Tensor:
        """One update of the critic on real clips (B, 1, 16384); its loss without the penalty."""
        fake = self.generator(self.draw(len(real))).detach()
        score_real, score_fake = self.discriminator(real), self.discriminator(fake)
        loss = score_fake.mean() - score_real.mean()
        total = loss + PENALTY * gradient_penalty(self.discriminator, real, fake)
        self.optimiser_d.zero_grad()
        total.backward()
        self.optimiser_d.step()
        return loss.detach()

    def generator_step(self, count: int) -> Tensor:
        """One update of the generator; its loss."""
        loss = -self.discriminator(self.generator(self.draw(count))).mean()
        self.optimiser_g.zero_grad()
        loss.backward()
        self.optimiser_g.step()
        return loss.detach()
