"""Are single generated sounds like single real ones: as sudden, as long, as periodic, as free of ringing bands?

`python benchmarks/detail.py --data FOLDER [--sets drums instruments] [--splits 20]`

`quality.py` asks this of generated clips. By itself, this script asks it of training clips, over many splits of the
files into training and held-out ones: the floor, below which a generator comes only by luck.

"attack off", "decay off" and "harmonicity off" are the per cent by which the quantiles of two distributions lie apart
on average, "harmonics dB off" the dB by which those of harmonics over noise do, all within labels: what a shifted
median is, a spread that is too narrow, or a second mode that is missing. "voiced" and "ringing" are per cent of clips.
"""

import argparse
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from report import publish

from audiogan import descriptors
from audiogan.datasets import Dataset
from audiogan.judging.judge import Judge
from audiogan.lab import Lab

HELD_OUT = 0.25
"""Share of the files, as in `quality.py`."""

MOST_CLIPS = 600
"""Of training or held-out clips that are described, as many as `quality.py` generates."""

FEWEST_CLIPS = 5
"""Of a label and on each side, below which it says nothing of a distribution."""

QUANTILES = (np.arange(50) + 0.5) / 50

RINGING_DB = 12.0
"""From which a band rings: bursts of noise stay under 7 dB."""

VOICED_SHARE = 0.5
"""Of its time, from which a clip is voiced; only of those is harmonicity compared."""


class Details(NamedTuple):
    """What n clips are like, NaN where a clip has no such thing, and their labels; arrays (n,)."""

    log_attack: np.ndarray
    log_decay: np.ndarray
    log_harmonicity: np.ndarray
    harmonics_db: np.ndarray
    voiced_percent: np.ndarray
    """0 or 100."""
    ringing_percent: np.ndarray
    """0 or 100."""
    labels: np.ndarray

    @classmethod
    def of(cls, waves: np.ndarray, rate: int, labels: np.ndarray) -> "Details":
        """Those of clips (n, T)."""
        found = descriptors.periodicity(waves, rate)
        ringing_db = descriptors.ringing_db(waves, rate)
        harmonicity = np.where(found.voiced_share >= VOICED_SHARE, found.harmonicity, np.nan)
        return cls(
            log_attack=np.log(descriptors.attack_seconds(waves, rate)),
            log_decay=np.log(descriptors.decay_seconds(waves, rate)),
            log_harmonicity=np.log(harmonicity),
            harmonics_db=descriptors.harmonics_to_noise_db(harmonicity),
            voiced_percent=_percent(found.voiced_share, VOICED_SHARE),
            ringing_percent=_percent(ringing_db, RINGING_DB),
            labels=labels,
        )

    def some(self, chosen: np.ndarray) -> "Details":
        """The clips where this mask is true."""
        return Details(*(values[chosen] for values in self))

    def unlabelled(self) -> "Details":
        """The same, as if all clips had one label."""
        return self._replace(labels=np.zeros_like(self.labels))


def _percent(values: np.ndarray, least: float) -> np.ndarray:
    return np.where(np.isnan(values), np.nan, 100.0 * (values >= least))


def compare(real: Details, made: Details) -> dict[str, float]:
    """How far clips are from real ones. What there are too few clips for is NaN."""
    logarithms = {
        "attack off": (real.log_attack, made.log_attack),
        "decay off": (real.log_decay, made.log_decay),
        "harmonicity off": (real.log_harmonicity, made.log_harmonicity),
    }
    columns = {
        name: 100 * np.expm1(wasserstein_distance(*pair, real.labels, made.labels)) for name, pair in logarithms.items()
    }
    columns["harmonics dB off"] = wasserstein_distance(real.harmonics_db, made.harmonics_db, real.labels, made.labels)
    for name, percent in (("voiced", made.voiced_percent), ("ringing", made.ringing_percent)):
        known = percent[~np.isnan(percent)]
        columns[name] = known.mean() if len(known) else np.nan
    return {name: float(value) for name, value in columns.items()}


def wasserstein_distance(real: np.ndarray, made: np.ndarray, real_labels: np.ndarray, made_labels: np.ndarray) -> float:
    """The mean distance of the quantiles of two sets of numbers, the 1-Wasserstein distance: within each label that has
    at least 5 numbers on both sides, averaged over these labels by their real clips: a label of few clips is mostly
    chance. NaN without one."""
    distances, clips = [], []
    for label in np.unique(real_labels):
        goal, found = real[real_labels == label], made[made_labels == label]
        goal, found = goal[~np.isnan(goal)], found[~np.isnan(found)]
        if min(len(goal), len(found)) >= FEWEST_CLIPS:
            distances.append(np.abs(np.quantile(goal, QUANTILES) - np.quantile(found, QUANTILES)).mean())
            clips.append(len(goal))
    return float(np.average(distances, weights=clips)) if clips else np.nan


@cache
def real_details(judge: Judge) -> tuple[Details, Details]:
    """(held-out clips, training clips)."""
    clips, labels = judge.real.clips, judge.real.clip_labels
    sides = (judge.held_out_indices[:MOST_CLIPS], judge.train_indices[:MOST_CLIPS])
    return tuple(Details.of(clips[indices], judge.real.rate, labels[indices]) for indices in sides)


def detail_columns(judge: Judge, waves: np.ndarray, asked: np.ndarray | None) -> dict[str, float]:
    """How far generated sounds (n, T), asked to have these labels (n,), are from the held-out clips, and beside each
    number its floor, the training clips'. What there are too few clips for is left out."""
    held_out, trained = real_details(judge)
    made = Details.of(waves, judge.real.rate, np.zeros(len(waves), int) if asked is None else asked)
    if asked is None:
        held_out, trained = held_out.unlabelled(), trained.unlabelled()
    floors = compare(held_out, trained)
    columns = {}
    for name, value in compare(held_out, made).items():
        columns |= {name: value, f"{name} floor": floors[name]}
    return {name: value for name, value in columns.items() if not np.isnan(value)}


def floors(dataset: Dataset, splits: int) -> list[dict[str, float]]:
    """Training clips beside held-out ones, a row for each random split of the files."""
    all_clips = Details.of(dataset.clips(), dataset.rate, dataset.clip_labels())
    files, rng, rows = dataset.clip_files(), np.random.default_rng(0), []
    for _ in range(splits):
        held_out = np.zeros(len(files), bool)
        for label in np.unique(all_clips.labels):
            of_label = np.unique(files[all_clips.labels == label])
            held_out |= np.isin(files, rng.permutation(of_label)[: round(HELD_OUT * len(of_label))])
        rows.append(compare(all_clips.some(held_out), all_clips.some(~held_out)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=["drums", "instruments"])
    parser.add_argument("--splits", type=int, default=20)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as home:
        for name in arguments.sets:
            lab = Lab(home)
            dataset = lab.prepare(lab.survey([arguments.data / name]), name)
            found = floors(dataset, arguments.splits)
            for label, share in (("lowest tenth", 0.1), ("median", 0.5), ("highest tenth", 0.9)):
                quantiles = {
                    column: float(np.nanquantile([row[column] for row in found], share)) for column in found[0]
                }
                rows.append({"set": name, "clips": dataset.n_clips, "of the splits": label} | quantiles)
    publish("detail", f"training clips beside held-out ones, {arguments.splits} splits", rows)


if __name__ == "__main__":
    main()
