"""Classes found by how clips sound: groups in place of labels where a data set has none, kinds of each label or group.

A generator that is asked for one class at a time learns them all; one that is asked for nothing learns the easiest few
and blends the rest (clusters as labels: Liu et al. 2020, "Diverse Image Generation via Self-Conditioned GANs"). People
ask for a label or a group; which of its kinds they get is drawn. Needs torch and numpy alone.
"""

import contextlib
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from audiogan.config import RunConfig
from audiogan.examples import Clips, float_waves
from audiogan.presets import number_of_parts
from audiogan.tensors import DamagedFile, load_tensors, save_tensors
from audiogan.transforms import Frames

BANDS, MOMENTS = 16, 8
"""Numbers along frequency and along time to which the frames of a clip are averaged."""

COMPONENTS = 24
"""Principal components of these numbers, in which clips are near or far."""

MOST_FITTING_CLIPS = 10_000
"""From which groups are found; all clips are then given the nearest one."""

ROUNDS, RESTARTS = 50, 8


@dataclass(frozen=True, eq=False)
class Division:
    """Clips divided by how they sound."""

    of_clip: np.ndarray
    """int (N,): the part that each clip belongs to, from 0."""

    examples: tuple[int, ...] = ()
    """For each group in place of a label, the number of the clip nearest to its middle."""


def with_classes(clips: Clips, config: RunConfig, folder: Path) -> Clips:
    """The clips of the data set in that folder, with the run's classes (see `RunConfig.n_classes`) in place of labels.

    Raises ValueError with more groups than clips.
    """
    settings = config.settings
    if config.has_groups:
        clips = replace(clips, classes=open_groups(folder, clips, config.rate, settings.groups).of_clip)
    if config.kinds_per_label > 1:
        of = f"{settings.groups}-groups" if config.has_groups else "labels"
        kinds = _kept(
            folder, f"kinds-{settings.kinds}-of-{of}", clips, lambda: divide_labels(clips, config.rate, settings.kinds)
        )
        clips = replace(clips, classes=kinds.of_clip)
    return clips


def open_groups(folder: Path, clips: Clips, rate: int, count: int) -> Division:
    """The groups that are kept in a data set's folder, or new ones, which are then kept there."""
    return _kept(folder, f"groups-{count}", clips, lambda: divide(clips.waves, clips.training_places, rate, count))


def _kept(folder: Path, name: str, clips: Clips, find: Callable[[], Division]) -> Division:
    """What is kept under that name for these training clips, or is found now and kept."""
    mask = np.packbits(np.isin(np.arange(len(clips.waves)), clips.training_places))
    path = Path(folder) / f"{name}-{hashlib.sha256(mask.tobytes()).hexdigest()[:12]}.safetensors"
    with contextlib.suppress(FileNotFoundError, DamagedFile, KeyError):
        tensors, _ = load_tensors(path)
        return Division(tensors["of_clip"].numpy(), tuple(tensors["examples"].tolist()))
    found = find()
    # what cannot be kept is found again next time
    with contextlib.suppress(OSError):
        examples = torch.tensor(found.examples, dtype=torch.int64)
        save_tensors(path, {"of_clip": torch.from_numpy(found.of_clip), "examples": examples})
    return found


def divide_labels(clips: Clips, rate: int, count: int) -> Division:
    """Each label's clips (or group's) in up to `count` kinds, of 16 or more training clips on average: kind k of label
    n is number n * count + k."""
    numbers = clips.classes.astype(np.int64) * count
    for label in np.unique(clips.classes):
        of_label = np.flatnonzero(clips.classes == label)
        places = np.flatnonzero(np.isin(of_label, clips.training_places))
        fitting = number_of_parts(len(places), count)
        if fitting > 1:
            numbers[of_label] += divide(clips.waves[of_label], places, rate, fitting).of_clip
    return Division(numbers)


def divide(waves: np.ndarray, places: np.ndarray, rate: int, count: int) -> Division:
    """Clips (int16 (N, T)) in `count` parts, found among those that are trained on (`places`), given to all of them.

    Raises ValueError with fewer clips than parts.
    """
    if len(places) < count:
        raise ValueError(f"{count} groups cannot be found among {len(places)} clips: ask for fewer groups.")
    random = np.random.default_rng(0)
    fitting = np.sort(random.permutation(places)[:MOST_FITTING_CLIPS])
    numbers = _pooled(waves, fitting, rate)
    middle = numbers[fitting].mean(0)
    _, _, components = np.linalg.svd(numbers[fitting] - middle, full_matrices=False)
    points = (numbers - middle) @ components[:COMPONENTS].T
    centres = k_means(points[fitting], count, random)
    distances = squared_distances(points, centres)
    among = np.asarray(places)
    examples = tuple(int(among[distances[among, part].argmin()]) for part in range(count))
    return Division(distances.argmin(1), examples)


def _pooled(waves: np.ndarray, fitting: np.ndarray, rate: int) -> np.ndarray:
    """(N, BANDS * MOMENTS) the clips' log-mel frames, standardised by mel bin and averaged over patches."""
    frames = Frames(rate, waves.shape[1])
    frames.fit(float_waves(waves[fitting[:: math.ceil(len(fitting) / 500)]]))
    parts = [frames(float_waves(waves[at : at + 32])) for at in range(0, len(waves), 32)]
    pooled = [functional.adaptive_avg_pool2d(part, (BANDS, MOMENTS)).flatten(1) for part in parts]
    return torch.cat(pooled).double().numpy()


def k_means(points: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """(count, d) centres of points (n, d): the best of several runs of Lloyd's algorithm (1982), each begun from points
    drawn far from one another (k-means++, Arthur and Vassilvitskii 2007)."""
    best, least = None, np.inf
    for _ in range(RESTARTS):
        centres = _spread(points, count, random)
        for _ in range(ROUNDS):
            members = squared_distances(points, centres).argmin(1)
            moved = np.stack(
                [points[members == part].mean(0) if (members == part).any() else centres[part] for part in range(count)]
            )
            if np.array_equal(moved, centres):
                break
            centres = moved
        error = squared_distances(points, centres).min(1).sum()
        if error < least:
            best, least = centres, error
    return best


def _spread(points: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    centres = [points[random.integers(len(points))]]
    for _ in range(count - 1):
        nearest = squared_distances(points, np.stack(centres)).min(1)
        # all points may lie on centres already
        chances = nearest / nearest.sum() if nearest.sum() > 0 else None
        centres.append(points[random.choice(len(points), p=chances)])
    return np.stack(centres)


def squared_distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n, k) from points (n, d) to centres (k, d)."""
    products = points @ centres.T
    return np.maximum((points**2).sum(1)[:, None] - 2 * products + (centres**2).sum(1), 0)
