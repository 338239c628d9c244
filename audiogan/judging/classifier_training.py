"""A data set's clips and labels -> a `SoundClassifier` that tells them apart, in half a minute on one core."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from audiogan.clustering import k_means, squared_distances
from audiogan.judging.embedders import MELS, SoundClassifier, in_batches
from audiogan.judging.stages import Progress
from audiogan.splits import FEWEST_UNITS

BATCH = 32
FEWEST_STEPS, MOST_STEPS = 150, 300
EPOCHS = 20
RATE = 4e-3
"""Of AdamW, at its highest."""
RISE = 0.25
"""Of the steps, over which the rate rises."""

MOST_SHIFT = 0.06
"""Of the clip's length, to either side: 60 ms of a second."""

QUIETEST_DB = -12.0
"""Clips are turned down to this at most, since the floor is absolute."""

LOUDEST_NOISE_DB = -30.0
"""Under the clip's loudest mel value: enough that a little hiss does not change what a sound is."""

MOST_GROUPS = 12
GROUP_CLIPS = 20
"""Clips in a group on average, where there are neither labels nor files that could stand for them."""


def train_classifier(
    waves: np.ndarray, labels: np.ndarray, n_labels: int, rate: int, progress: Progress | None = None
) -> SoundClassifier:
    """A classifier of clips (n, T) by their labels (n,) from 0 to n_labels - 1, the same for the same clips."""
    random = torch.Generator().manual_seed(0)
    classifier = untrained(rate, int(n_labels), random)
    mel = torch.from_numpy(in_batches(classifier.mel, waves)).float()
    classifier.levels.set_floor(mel.max().item())
    levels = (mel + classifier.levels.floor).log()
    classifier.mean.copy_(levels.mean(dim=(0, 2))[:, None])
    classifier.deviation.copy_(levels.std(dim=(0, 2)).clamp(min=0.1)[:, None])
    targets = torch.from_numpy(np.asarray(labels, np.int64))
    optimiser = torch.optim.AdamW(classifier.parameters(), RATE, weight_decay=1e-2)
    steps = min(MOST_STEPS, max(FEWEST_STEPS, EPOCHS * len(waves) // BATCH))
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate_at((step + 0.5) / steps)
        chosen = torch.randint(len(mel), (BATCH,), generator=random)
        scores = classifier.scores(classifier.features(augmented(mel[chosen], random)))
        loss = functional.cross_entropy(scores, targets[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if progress:
            progress(step + 1, steps)
    return classifier.eval().requires_grad_(False)


def untrained(rate: int, n_labels: int, random: torch.Generator) -> SoundClassifier:
    """A classifier whose weights come from this generator alone: sounds may be made beside it in other threads."""
    with torch.random.fork_rng(devices=[]):
        classifier = SoundClassifier(rate, n_labels)
    for name, weights in classifier.named_parameters():
        if weights.dim() > 1:
            # as torch's own layers begin
            nn.init.kaiming_uniform_(weights, math.sqrt(5), generator=random)
        elif name.endswith("bias"):
            nn.init.zeros_(weights)
    return classifier


def rate_at(place: float) -> float:
    """The learning rate at a place from 0 to 1 of the training: one cycle (Smith and Topin 2019, arXiv 1708.07120), up
    in a straight line and down to 0 along a cosine. So 300 steps reach more than 500 at a falling rate do."""
    if place < RISE:
        return RATE * place / RISE
    return RATE * (1 + math.cos(math.pi * (place - RISE) / (1 - RISE))) / 2


def augmented(mel: Tensor, random: torch.Generator) -> Tensor:
    """Clips' mel amplitudes (B, 64, F), each shifted in time, turned down, and with noise in it: (B, 64, F)."""
    count, _, frames = mel.shape
    most = max(1, round(MOST_SHIFT * frames))
    shifts = torch.randint(-most, most + 1, (count, 1, 1), generator=random)
    wanted = torch.arange(frames) - shifts
    shifted = mel.gather(2, wanted.clamp(0, frames - 1).expand(-1, MELS, -1)) * ((wanted >= 0) & (wanted < frames))
    gains = 10 ** (QUIETEST_DB / 20 * torch.rand(count, 1, 1, generator=random))
    # half of the clips stay clean
    noise_db = LOUDEST_NOISE_DB - 40 * torch.rand(count, 1, 1, generator=random)
    noisy = (torch.rand(count, 1, 1, generator=random) < 0.5) * 10 ** (noise_db / 20)
    noise = noisy * mel.amax(dim=(1, 2), keepdim=True) * torch.rand(mel.shape, generator=random)
    return gains * (shifted + noise)


def stand_in_labels(files: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    """(n,) labels for clips that have none, from each clip's file (n,) and embedding (n, d).

    The file itself where a few long recordings make up the set; otherwise groups of similar clips, since of a file
    with a single clip there is nothing to learn.
    """
    names, numbers = np.unique(files, return_inverse=True)
    if 2 <= len(names) < FEWEST_UNITS:
        return numbers
    count = max(2, min(MOST_GROUPS, len(embeddings) // GROUP_CLIPS))
    centres = k_means(embeddings, count, np.random.default_rng(0))
    return squared_distances(embeddings, centres).argmin(1)
