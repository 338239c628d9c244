"""How much room a run can take on disk: at most so much, known before its first step."""

import math
import shutil
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from audiogan.config import Limit, RunConfig
from audiogan.game import PREVIEW_SEEDS
from audiogan.models import without_memory
from audiogan.runs import METRICS, RunError, most_snapshots
from audiogan.transforms import make_transform
from audiogan.wording import size

FASTEST_STEPS_PER_SECOND = 1_000
"""Faster than any training here: bounds the steps of one that is limited by minutes."""

TEXTS_BYTES = 1_000_000
"""The two charts, scores, log, status and headers of files, generously."""

NUMBER_BYTES = 17
"""The longest number in a row: sign, ten digits, point, exponent and comma."""


def most_steps(config: RunConfig, limit: Limit, n_clips: int) -> int:
    """Generator steps that a training makes at the very most."""
    if limit.steps is not None:
        return limit.steps
    if limit.epochs is not None:
        return math.ceil(limit.epochs * n_clips / (config.settings.batch * config.settings.critic_steps))
    return math.ceil(limit.minutes * 60 * FASTEST_STEPS_PER_SECOND)


def snapshot_bytes(config: RunConfig) -> int:
    """One snapshot with its sounds."""
    generator, _, transform = _parts(config)
    return _bytes([*generator, *transform]) + len(PREVIEW_SEEDS) * (2 * config.clip_samples + 44)


def save_bytes(config: RunConfig) -> int:
    """One save: both networks, the averaged generator, the transform, and Adam's two moments of each weight."""
    generator, discriminator, transform = _parts(config)
    weights = [tensor for tensor in (*generator, *discriminator) if isinstance(tensor, torch.nn.Parameter)]
    counters = 4 * len(weights)
    return _bytes([*generator, *generator, *discriminator, *transform]) + 2 * _bytes(weights) + counters


def most_bytes(config: RunConfig, limit: Limit, n_clips: int) -> int:
    """All that a training leaves at the very most, and what it writes beside that before it replaces the old.

    The save exists three times for a moment: the last, the one of the best snapshot, and the one being written.
    """
    steps = most_steps(config, limit, n_clips)
    epochs = steps * config.settings.batch * config.settings.critic_steps / max(1, n_clips)
    rows = NUMBER_BYTES * (len(METRICS) * steps / config.settings.log_every + 4 * epochs)
    snapshots = (most_snapshots(steps) + 1) * snapshot_bytes(config)
    return snapshots + 3 * save_bytes(config) + round(rows) + TEXTS_BYTES


def check_room(folder: Path, config: RunConfig, limit: Limit, n_clips: int, there_bytes: int = 0) -> None:
    """Raise RunError when a training that has `there_bytes` on disk already may need more than is free."""
    needed, free = most_bytes(config, limit, n_clips) - there_bytes, free_bytes(folder)
    if needed > free:
        raise RunError(
            f"This training can take up to {size(needed)} of disk and {size(free)} are free: make room, for example by "
            "deleting runs, or lower width."
        )


def free_bytes(folder: Path) -> int:
    """Free space of the disk on which a folder lies or would lie."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


def _parts(config: RunConfig) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """What is kept of generator, discriminator and transform, without allocating the networks."""
    transform = make_transform(config)
    networks = without_memory(config.settings, transform.shape, config.n_classes)
    generator, discriminator = ([*network.state_dict(keep_vars=True).values()] for network in networks)
    return generator, discriminator, [*transform.state_dict().values()]


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
