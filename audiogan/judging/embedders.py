"""What the measures compare: clips -> points in a space where near means alike.

No single embedding hears everything. `MelStatistics` hears timbre, noise and bandwidth; `SoundClassifier`, trained on
the data set's own labels, hears what a sound is. Anything with `name`, `version` and a call is an embedder too:
see `audiogan/judging/own_embedders.py`.
"""

import hashlib
import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from audiogan.mel import mel_filters
from audiogan.spectra import hop_samples_for, stft

BATCH = 64
"""Clips in memory as spectrograms at a time."""

MELS = 64

FLOOR_DB = -60.0
"""Levels this far under the data set's loudest mel value are silence."""


class Embedder(Protocol):
    """What the measures need of an embedding."""

    name: str
    version: str
    """A hash of weights and settings: numbers of two versions do not compare."""

    def __call__(self, waves: np.ndarray, rate: int) -> np.ndarray:
        """Clips (n, T), float32 in [-1, 1], of `rate` Hz -> float64 (n, d)."""
        ...


def in_batches(network: Callable[[Tensor], Tensor], waves: np.ndarray) -> np.ndarray:
    """What a network makes of clips (n, T), or of anything that gives them in slices: float64 (n, ...)."""
    with torch.inference_mode():
        parts = [
            network(torch.from_numpy(np.ascontiguousarray(waves[at : at + BATCH], np.float32)))
            for at in range(0, len(waves), BATCH)
        ]
    return torch.cat(parts).double().numpy()


def version_of(tensors: dict[str, Tensor]) -> str:
    """Twelve digits that change with any name or value."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


class LogMel(nn.Module):
    """Clips (B, T) -> log mel levels (B, 64, F) over a floor that belongs to the data set."""

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.rate, self.hop = rate, hop_samples_for(rate)
        self.n_fft = 4 * self.hop
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)
        self.register_buffer("filters", mel_filters(rate, self.n_fft, MELS), persistent=False)
        self.register_buffer("floor", torch.ones(()))

    def fit(self, waves: np.ndarray) -> None:
        """The floor, from clips (n, T)."""
        self.set_floor(in_batches(lambda part: self.mel(part).amax(dim=(1, 2)), waves).max())

    def set_floor(self, loudest: float) -> None:
        """The floor that belongs to a loudest mel value."""
        self.floor.fill_(max(loudest, 1e-6) * 10 ** (FLOOR_DB / 20))

    def mel(self, waves: Tensor) -> Tensor:
        """(B, T) -> (B, 64, F) amplitudes."""
        return self.filters @ stft(waves, self.n_fft, self.hop, self.window).abs()

    def forward(self, waves: Tensor) -> Tensor:
        return (self.mel(waves) + self.floor).log()


class MelStatistics(nn.Module):
    """E1: means, deviations, rises and falls of each mel band, and a coarse picture of the sound's course.

    Per band over time: mean, standard deviation, and the root mean square of what a level rises and of what it falls
    from one frame to the next, which change places when a sound is played backwards. Then eight segments of the clip
    by eight cosine components of their mean spectrum. All in units of the data set's standard deviation, turned to
    its principal components; one more number says how far a clip lies outside of these, where no real clip ever was.
    """

    SEGMENTS, COSINES = 8, 8
    MOST_COMPONENTS = 64
    LEAST_DEVIATION = 0.1
    """In the levels' natural logarithm: a band that never moves would turn rounding into structure."""

    name = "mel statistics"

    def __init__(self, rate: int, components: int) -> None:
        super().__init__()
        self.levels = LogMel(rate)
        size = 4 * MELS + self.SEGMENTS * self.COSINES
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))
        self.register_buffer("components", torch.zeros(size, components))
        grid = torch.outer(torch.arange(self.COSINES), torch.arange(MELS) + 0.5) * math.pi / MELS
        self.register_buffer("cosines", grid.cos() / MELS, persistent=False)

    @classmethod
    def fit(cls, waves: np.ndarray, rate: int) -> "MelStatistics":
        """Fitted on clips (n, T): a quarter as many components as clips, 64 at most."""
        embedder = cls(rate, max(1, min(cls.MOST_COMPONENTS, len(waves) // 4)))
        embedder.levels.fit(waves)
        statistics = torch.from_numpy(in_batches(embedder.statistics, waves)).float()
        embedder.mean.copy_(statistics.mean(0))
        embedder.deviation.copy_(statistics.std(0, correction=0).clamp(min=cls.LEAST_DEVIATION))
        _, axes = torch.linalg.eigh(embedder._standardised(statistics).T.double().cov())
        embedder.components.copy_(axes.flip(1)[:, : embedder.components.shape[1]])
        return embedder

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], rate: int) -> "MelStatistics":
        embedder = cls(rate, tensors["components"].shape[1])
        embedder.load_state_dict(tensors)
        return embedder

    @property
    def version(self) -> str:
        return version_of(self.state_dict())

    def statistics(self, waves: Tensor) -> Tensor:
        """(B, T) -> (B, 320)."""
        levels = self.levels(waves)
        steps = levels.diff(dim=2)
        rise, fall = (part.clamp(min=0).square().mean(2).sqrt() for part in (steps, -steps))
        course = self.cosines @ functional.adaptive_avg_pool1d(levels, self.SEGMENTS)
        return torch.cat([levels.mean(2), levels.std(2, correction=0), rise, fall, course.flatten(1)], 1)

    def coordinates(self, waves: Tensor) -> Tensor:
        """(B, T) -> (B, components + 1)."""
        standardised = self._standardised(self.statistics(waves))
        inside = standardised @ self.components
        outside = (standardised - inside @ self.components.T).norm(dim=1, keepdim=True)
        return torch.cat([inside, outside], 1)

    def __call__(self, waves: np.ndarray, rate: int) -> np.ndarray:
        check_rate(self, rate, self.levels.rate)
        return in_batches(self.coordinates, waves)

    def _standardised(self, statistics: Tensor) -> Tensor:
        return (statistics - self.mean) / self.deviation


class SoundClassifier(nn.Module):
    """E2: three convolution blocks over the log-mel picture, 54,000 weights, trained to tell the labels apart.

    Its last features, averaged over time in each of eight frequency regions, are the embedding (96): averaged over
    frequency too, a network of this size gets 86 % of 380 held-out digits right instead of 97 %. Its label
    probabilities are what the Inception Score and the label histogram are made of.
    """

    CHANNELS = (24, 48, 96)
    SIZE = 96
    """Of the embedding."""
    MOST_FRAMES = 128
    """Longer clips are averaged in time: what a sound is shows in its outline."""

    name = "sound classifier"

    def __init__(self, rate: int, n_labels: int) -> None:
        super().__init__()
        self.levels = LogMel(rate)
        self.register_buffer("mean", torch.zeros(MELS, 1))
        self.register_buffer("deviation", torch.ones(MELS, 1))
        channels = (1, *self.CHANNELS)
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(before, after, 3, padding=1, bias=False),
                    # before the norm, which then has a quarter to do
                    nn.MaxPool2d(2, ceil_mode=True),
                    nn.BatchNorm2d(after),
                    nn.ReLU(),
                )
                for before, after in zip(channels, self.CHANNELS, strict=False)
            )
        )
        # three halvings leave 8 of 64 mel bins
        self.last = nn.Conv2d(self.CHANNELS[-1], self.SIZE // 8, 1)
        self.scores = nn.Linear(self.SIZE, n_labels)
        # channels beside each other in memory: a quarter less time on a processor
        self.to(memory_format=torch.channels_last)

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], rate: int) -> "SoundClassifier":
        classifier = cls(rate, len(tensors["scores.bias"]))
        classifier.load_state_dict(tensors)
        return classifier.eval()

    @property
    def version(self) -> str:
        return version_of(self.state_dict())

    def mel(self, waves: Tensor) -> Tensor:
        """(B, T) -> (B, 64, F), F at most 128."""
        mel = self.levels.mel(waves)
        pooled = math.ceil(mel.shape[2] / self.MOST_FRAMES)
        return functional.avg_pool1d(mel, pooled, ceil_mode=True) if pooled > 1 else mel

    def seen(self, mel: Tensor) -> Tensor:
        """Amplitudes (B, 64, F) -> what the network sees, (B, 64, F) of about unit variance."""
        return ((mel + self.levels.floor).log() - self.mean) / self.deviation

    def features(self, mel: Tensor) -> Tensor:
        """(B, 64, F) -> (B, 96)."""
        return self.last(self.blocks(self.seen(mel)[:, None])).relu().mean(3).flatten(1)

    def __call__(self, waves: np.ndarray, rate: int) -> np.ndarray:
        return self.features_and_probabilities(waves, rate)[0]

    def features_and_probabilities(self, waves: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, 96) and (n, labels) of clips (n, T)."""
        check_rate(self, rate, self.levels.rate)
        features = in_batches(lambda part: self.features(self.mel(part)), waves)
        with torch.inference_mode():
            scores = self.scores.double()(torch.from_numpy(features))
            self.scores.float()
        return features, scores.softmax(1).numpy()


def check_rate(embedder: Embedder, rate: int, own_rate: int) -> None:
    """Raise ValueError where clips have another rate than the embedder was fitted on."""
    if rate != own_rate:
        raise ValueError(f"The {embedder.name} belong to {own_rate:,} Hz: resample the clips from {rate:,} Hz first.")
