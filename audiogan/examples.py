"""The data set as training meets it: what the network sees of each clip, in an order that is a function of the seed."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audiogan import audio
from audiogan.transforms import Transform

MEMORY_BYTES = 2**30
"""A transformed data set up to this size is kept in memory; a larger one is transformed batch by batch."""


@dataclass(frozen=True)
class Clips:
    """A prepared data set, as training needs it."""

    waves: np.ndarray
    """int16 (N, T), possibly memory-mapped."""

    classes: np.ndarray
    """int (N,): the class of each, see `RunConfig.n_classes`; its label where labels are not divided into kinds."""

    held_out: np.ndarray | None = None
    """bool (N,): clips that training never sees and that its sounds are judged by; None when there are none."""

    def class_shares(self, n_classes: int) -> list[float]:
        """How often each class is among the clips that are trained on; empty without classes."""
        if not n_classes:
            return []
        counts = np.bincount(self.classes[self.training_places], minlength=n_classes)
        return (counts / counts.sum()).tolist()

    def classes_in_turn(self, count: int, kinds_per_label: int, n_classes: int) -> np.ndarray:
        """int (count,): labels in turn, and of each label the kinds that there are in turn, the commonest first."""
        shares = np.array(self.class_shares(n_classes)).reshape(-1, kinds_per_label)
        order = np.argsort(-shares, axis=1, kind="stable")
        there = np.maximum(1, (shares > 0).sum(1))
        turns, labels = np.divmod(np.arange(count), len(shares))
        return labels * kinds_per_label + order[labels, turns % there[labels]]

    @property
    def training_places(self) -> np.ndarray:
        """int: the numbers of the clips that are trained on."""
        return np.arange(len(self.waves)) if self.held_out is None else np.flatnonzero(~self.held_out)


def float_waves(waves: np.ndarray) -> Tensor:
    """int16 (B, T) -> float32 in [-1, 1]."""
    return torch.from_numpy(audio.from_int16(waves))


def kept_bytes(transform: Transform, n_clips: int) -> int:
    """Memory that the transformed data set takes: all of it (float32), or 0 when it is too large to be kept."""
    count = 4 * math.prod(transform.shape) * n_clips
    return count if count <= MEMORY_BYTES else 0


def fits_on(device: torch.device, count_bytes: int) -> bool:
    """Whether so many bytes leave a graphics card half of its free memory; never on a device that is the processor."""
    return device.type == "cuda" and count_bytes <= torch.cuda.mem_get_info(device)[0] // 2


class Examples:
    """What is trained on, in an order that is a function of the seed: shuffled anew each epoch, every clip once."""

    def __init__(self, clips: Clips, transform: Transform, device: torch.device, seed: int) -> None:
        self.clips, self.transform, self.device, self.seed = clips, transform, device, seed
        self.classes = torch.from_numpy(clips.classes.astype(np.int64)).to(device)
        self.places = clips.training_places
        self.clips_per_epoch = len(self.places)
        self._orders: dict[int, np.ndarray] = {}
        self._seen = self._transform_all() if kept_bytes(transform, len(clips.waves)) else None
        self._waves = None
        if self._seen is None and fits_on(device, clips.waves.nbytes):
            self._waves = torch.tensor(clips.waves, device=device)

    def batch(self, number: int, size: int) -> tuple[Tensor, Tensor]:
        """(what the network sees (size, *shape), classes (size,)) of the batch with that number, counted from 0.

        Every batch is full: what an epoch has left over is completed from the next one's order.
        """
        first, last = number * size, (number + 1) * size
        epochs = range(first // self.clips_per_epoch, (last - 1) // self.clips_per_epoch + 1)
        order = np.concatenate([self._order(epoch) for epoch in epochs])
        chosen = order[first - epochs[0] * self.clips_per_epoch :][:size]
        index = torch.from_numpy(chosen).to(self.device)
        if self._seen is not None:
            return self._seen[index], self.classes[index]
        waves = self._waves[index] if self._waves is not None else torch.from_numpy(self.clips.waves[chosen])
        return self.transform(waves.to(self.device) * (1 / audio.FULL_SCALE)), self.classes[index]

    def _order(self, epoch: int) -> np.ndarray:
        if epoch not in self._orders:
            self._orders = {past: order for past, order in self._orders.items() if past >= epoch - 1}
            self._orders[epoch] = np.random.default_rng((self.seed, epoch)).permutation(self.places)
        return self._orders[epoch]

    def _transform_all(self) -> Tensor:
        waves = self.clips.waves
        # a few at a time: the complex spectrum of a clip is many times larger than what is kept of it
        parts = [self.transform(float_waves(waves[at : at + 32]).to(self.device)) for at in range(0, len(waves), 32)]
        return torch.cat(parts)
