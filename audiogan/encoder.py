"""The way back: from a sound to the latent that a trained generator makes it from, so that any run is an autoencoder.

The encoder is made of the discriminator's body and the decoder is the generator, as in the `dcgan1d` source. It is
trained after the game, on a frozen generator, as Keyes et al. do ("Latent Vector Recovery of Audio GANs", 2020, arXiv
2010.08534): first on pairs (G(z), z), whose latents are known, then also on the data set's own clips, whose are not
and which are judged by what the generator makes of the guess. A guess is then refined by a few gradient steps on the
latent itself. Needs only torch and numpy.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from audiogan import latent
from audiogan.config import RunConfig
from audiogan.distance import multi_resolution_stft_distance
from audiogan.examples import Clips, float_waves
from audiogan.instrument import Instrument, Point
from audiogan.models import ARCHITECTURES

STEPS = 800
"""Updates of a training: half a minute for the starter model on one core. There a hundred already reach a mismatch of
0.22 on its own sounds, and 800 reach 0.21."""

LONGEST_SECONDS = 120.0
"""A model too large for all the steps gets as many as fit: the refinement makes up for a weaker guess."""

BATCH = 16
RATE = 1e-3
"""Adam's, falling to nothing in a straight line."""

REFINEMENTS = 150
"""Gradient steps on a latent."""

REFINEMENT_RATE = 0.05
"""Adam's, in deviations of the latent: 150 steps lead up to 7 deviations away, further than any latent lies."""

LARGEST_UNIFORM = 0.9999
"""The end of an open interval, as near as matters."""

MOST_CANDIDATES = 8
"""Classes that are refined, the most promising ones."""

Progress = Callable[[int, int], None]


class Encoder(nn.Module):
    """What the network sees (B, *shape) -> latents (B, Z), each clip for itself."""

    def __init__(
        self, config: RunConfig, shape: tuple[int, ...], discriminator: dict[str, Tensor] | None = None
    ) -> None:
        """Begins with a trained discriminator's weights (its state by name) where there are any."""
        super().__init__()
        settings = config.settings
        _, make_body = ARCHITECTURES[settings.architecture]
        self.body = make_body(settings, shape, config.n_classes)
        if discriminator:
            self.body.load_state_dict(discriminator)
        features = self.body.dense.in_features
        # the score and its classes are the discriminator's alone
        self.body.dense, self.body.label_embedding, self.body.class_layers = nn.Identity(), None, None
        # a critic's features have whatever size its scores needed
        self.standardise = nn.LayerNorm(features, elementwise_affine=False)
        self.dense = nn.Linear(features, settings.latent_size)
        self.is_uniform = settings.latent == "uniform"
        # also while it is trained: dropout, phase shuffle and batch statistics hide what it has to find
        self.eval()

    def forward(self, seen: Tensor) -> Tensor:
        # a class of its own for each clip, so that none is compared with those beside it
        features = self.body.features(seen, torch.arange(len(seen), device=seen.device))
        latents = self.dense(self.standardise(features))
        return latents.tanh() if self.is_uniform else latents


def mismatch(made: Tensor, wanted: Tensor) -> Tensor:
    """(B,) how far what the generator made (B, *shape) is from what was wanted, 0 when equal.

    Mean absolute difference in what the network sees, as a share of the wanted's own mean. Where that is the waveform,
    the spectral distance is added: a gradient that only knows samples is lost as soon as a period is out of step.
    """
    difference = (made - wanted).abs().flatten(1).mean(1) / wanted.abs().flatten(1).mean(1).clamp(min=1e-4)
    if made.dim() == 3 and made.shape[1] == 1:
        return difference + multi_resolution_stft_distance(made[:, 0], wanted[:, 0])
    return difference


# training


def train_encoder(
    instrument: Instrument,
    clips: Clips | None = None,
    discriminator: dict[str, Tensor] | None = None,
    progress: Progress | None = None,
    steps: int | None = None,
) -> Encoder:
    """An encoder for this generator, the same for the same run unless its time runs out before its steps.

    Without the data set's clips it learns from generated pairs alone.
    """
    config, steps = instrument.config, steps or STEPS
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        encoder = Encoder(config, instrument.transform.shape, discriminator)
    # random numbers of its own: a page may be playing sounds meanwhile
    random = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.Adam(encoder.parameters(), RATE, betas=(0.9, 0.99))
    began, share, step = time.monotonic(), 0.0, 0
    while share < 1:
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        loss = _loss_of_pairs(encoder, instrument, random)
        # clips only once the encoder knows its way around the generator's own sounds
        if clips is not None and share >= 0.5:
            loss = loss + _loss_of_clips(encoder, instrument, clips, random)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
        share = max(step / steps, (time.monotonic() - began) / LONGEST_SECONDS)
        if progress:
            progress(round(min(share, 1) * steps), steps)
    return encoder.requires_grad_(False)


def _loss_of_pairs(encoder: Encoder, instrument: Instrument, random: torch.Generator) -> Tensor:
    """Squared error of the latents in units of their variance, and the mismatch of what is made of the guesses."""
    settings = instrument.config.settings
    latents = latent.draw(BATCH, settings.latent_size, settings.latent, generator=random)
    classes = None
    if instrument.labels:
        classes = instrument.classes[torch.randint(len(instrument.classes), (BATCH,), generator=random)]
    with torch.no_grad():
        seen = instrument.generator(latents, classes)
    guesses = encoder(seen)
    errors = (guesses - latents).square().mean() / instrument.unit**2
    return errors + mismatch(instrument.generator(guesses, classes), seen).mean()


def _loss_of_clips(encoder: Encoder, instrument: Instrument, clips: Clips, random: torch.Generator) -> Tensor:
    """The mismatch of what is made of the guesses for some of the data set's clips."""
    places = clips.training_places
    chosen = places[torch.randint(len(places), (BATCH,), generator=random).numpy()]
    seen = instrument.transform(float_waves(clips.waves[chosen]))
    classes = torch.from_numpy(clips.classes[chosen].astype(np.int64)) if instrument.labels else None
    return mismatch(instrument.generator(encoder(seen), classes), seen).mean()


# encoding


def encode(
    encoder: Encoder, instrument: Instrument, wave: np.ndarray, label: int | None = None, refinements: int = REFINEMENTS
) -> Point:
    """The point whose sound is nearest to a clip (T,): the encoder's guess, refined. The same every time.

    A model that knows labels tries their kinds, those of the label that is given or of all, and keeps the best.
    """
    seen = instrument.transform(torch.from_numpy(wave)[None])
    with torch.no_grad():
        guess = plausible(encoder(seen), instrument.config.settings.latent)
    classes = _candidates(instrument, guess, seen, label)
    count = 1 if classes is None else len(classes)
    # a second way begins in the middle of the latents: a confident wrong guess is hard to turn around
    starts = torch.cat([guess.repeat(count, 1), torch.zeros(count, guess.shape[1])])
    classes = classes if classes is None else classes.repeat(2)
    latents, distances = refine(instrument, starts, seen, classes, refinements)
    best = int(distances.argmin())
    nearest = tuple(latents[best].tolist())
    if classes is None:
        return Point(nearest, None)
    label, kind = divmod(int(classes[best]), instrument.config.kinds_per_label)
    return Point(nearest, label, kind=kind)


def _candidates(instrument: Instrument, guess: Tensor, seen: Tensor, label: int | None) -> Tensor | None:
    """The classes (L,) to try, of the label that was given: those that suit the guess (1, Z) best; None without any."""
    if not instrument.labels:
        return None
    classes = instrument.classes
    if label is not None:
        classes = classes[classes // instrument.config.kinds_per_label == label]
    return classes[_mismatches(instrument, guess.repeat(len(classes), 1), seen, classes).argsort()[:MOST_CANDIDATES]]


def refine(
    instrument: Instrument, starts: Tensor, seen: Tensor, classes: Tensor | None, refinements: int = REFINEMENTS
) -> tuple[Tensor, Tensor]:
    """(latents (L, Z), mismatches (L,)) after Adam on latents that start at (L, Z), towards one clip (1, *shape).

    Each is the best on its way, its start included, and never leaves what the generator was trained on.
    """
    distribution = instrument.config.settings.latent
    latents = starts.clone().requires_grad_()
    best, least = starts, torch.full((len(starts),), torch.inf)
    optimiser = torch.optim.Adam([latents], REFINEMENT_RATE * instrument.unit)
    for _ in range(refinements):
        made = instrument.generator(latents, classes)
        distances = mismatch(made, seen.expand_as(made))
        best, least = _better(best, least, latents.detach(), distances.detach())
        optimiser.zero_grad(set_to_none=True)
        distances.sum().backward()
        optimiser.step()
        with torch.no_grad():
            latents.copy_(plausible(latents, distribution))
    latents = latents.detach()
    return _better(best, least, latents, _mismatches(instrument, latents, seen, classes))


def _better(best: Tensor, least: Tensor, latents: Tensor, distances: Tensor) -> tuple[Tensor, Tensor]:
    """Row by row whichever of two sets of latents has the smaller distance, and that distance."""
    return torch.where((distances < least)[:, None], latents, best), torch.minimum(distances, least)


@torch.no_grad()
def _mismatches(instrument: Instrument, latents: Tensor, seen: Tensor, classes: Tensor | None) -> Tensor:
    """(L,) of latents (L, Z) towards one clip (1, *shape)."""
    made = instrument.generator(latents, classes)
    return mismatch(made, seen.expand_as(made))


def plausible(latents: Tensor, distribution: str) -> Tensor:
    """Latents (B, Z) moved to the nearest that the generator may have met in training.

    Uniform ones lie inside (-1, 1). Normal ones in Z dimensions are about sqrt(Z) long, give or take 0.71: what is
    longer by more than two such deviations is shortened.
    """
    if distribution == "uniform":
        return latents.clamp(-LARGEST_UNIFORM, LARGEST_UNIFORM)
    longest = latents.shape[1] ** 0.5 + 2 * 0.5**0.5
    return latents * (longest / latents.norm(dim=1, keepdim=True).clamp(min=longest))
