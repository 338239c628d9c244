"""Do the measures measure? Real clips, altered in ways whose fault is known, before the judge.

`python benchmarks/frauds.py --data FOLDER... [--splits 5]`

Half of a data set's files train the judge, a quarter is its floor, and the last quarter stands trial: as it is, and
altered. A fraud is found when the first fault on its report card is one that describes it; real clips must have none.
Several splits, each with a judge of its own.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from report import publish

from audiogan import audio
from audiogan.datasets import prepare
from audiogan.judging import flaws
from audiogan.judging.judge import Judge, RealClips
from audiogan.judging.report_card import BAD
from audiogan.survey import listen


@dataclass(frozen=True)
class Case:
    """What a fraud is made from."""

    suspects: np.ndarray
    """float32 (n, T): real clips that neither trained the judge nor are its floor."""
    labels: np.ndarray
    """(n,)"""
    train: np.ndarray
    """float32 (m, T): clips that trained the judge."""
    rate: int
    rng: np.random.Generator


@dataclass(frozen=True)
class Fraud:
    """An alteration, and the measures whose faults describe it."""

    alter: Callable[[Case], np.ndarray]
    faults: tuple[str, ...]


def with_noise(case: Case, level_db: float) -> np.ndarray:
    """White noise at a level beside each clip's own power."""
    deviation = np.sqrt(np.square(case.suspects).mean(1, keepdims=True)) * audio.amplitude(level_db)
    return case.suspects + deviation * case.rng.standard_normal(case.suspects.shape, np.float32)


def low_passed(case: Case) -> np.ndarray:
    """Without the upper half of the frequencies: the edge falls over an eighth of them, so that nothing rings."""
    spectra = np.fft.rfft(case.suspects)
    place = np.linspace(0, 1, spectra.shape[1])
    return np.fft.irfft(spectra * np.clip((0.5 - place) * 8, 0, 1), case.suspects.shape[1])


def pitched(case: Case, semitones: float) -> np.ndarray:
    """As a tape that runs faster or slower."""
    rate = round(case.rate / 2 ** (semitones / 12))
    moved = [audio.resample(wave, case.rate, rate)[: case.suspects.shape[1]] for wave in case.suspects]
    return audio.pad(moved, case.suspects.shape[1])


def half_of_the_labels(case: Case) -> np.ndarray:
    return case.suspects[case.labels < (case.labels.max() + 1) / 2]


def one_label(case: Case) -> np.ndarray:
    return case.suspects[case.labels == np.bincount(case.labels).argmax()]


FRAUDS = {
    "held-out real": Fraud(lambda case: case.suspects, ()),
    "noise at -20 dB": Fraud(lambda case: with_noise(case, -20), ("background",)),
    "noise at -6 dB": Fraud(lambda case: with_noise(case, -6), ("background",)),
    "low-passed": Fraud(low_passed, ("highs",)),
    "backwards": Fraud(lambda case: case.suspects[:, ::-1], ("direction",)),
    "backwards in place": Fraud(lambda case: flaws.reversed_in_place(case.suspects), ("direction",)),
    "half of the labels": Fraud(half_of_the_labels, ("labels",)),
    "one label": Fraud(one_label, ("labels",)),
    "one clip": Fraud(lambda case: case.suspects[np.zeros(len(case.suspects), int)], ("repetition",)),
    "twenty clips": Fraud(lambda case: case.suspects[np.arange(len(case.suspects)) % 20], ("repetition",)),
    "training copies": Fraud(lambda case: case.train[: len(case.suspects)], ("copies",)),
    "an octave up": Fraud(lambda case: pitched(case, 12), ("pitch",)),
    "five semitones up": Fraud(lambda case: pitched(case, 5), ("pitch",)),
    "two semitones down": Fraud(lambda case: pitched(case, -2), ("pitch",)),
    "five semitones down": Fraud(lambda case: pitched(case, -5), ("pitch",)),
    "white noise": Fraud(
        lambda case: 0.2 * case.rng.standard_normal(case.suspects.shape, np.float32).clip(-4, 4), ("whiteness",)
    ),
    "silence": Fraud(lambda case: np.zeros_like(case.suspects), ("silence",)),
}


def shares_of_files(files: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N,) 0 for clips to train with (half of each label's files), 1 for the floor, 2 for the suspects."""
    part = np.empty(len(files), int)
    for label in np.unique(labels):
        own = rng.permutation(np.unique(files[labels == label]))
        part_of_file = dict(zip(own, np.arange(len(own)) * 4 // len(own), strict=True))
        of_label = labels == label
        part[of_label] = [max(0, part_of_file[file] - 1) for file in files[of_label]]
    return part


def without_suspects(real: RealClips, part: np.ndarray) -> RealClips:
    """What the judge is shown: part 0 to train with, part 1 held out."""
    shown = part < 2
    return replace(
        real,
        clips=real.clips[shown],
        clip_labels=real.clip_labels[shown],
        clip_files=real.clip_files[shown],
        held_out=part[shown] == 1,
    )


def case_of(real: RealClips, part: np.ndarray, rng: np.random.Generator) -> Case:
    """Part 2 on trial, and part 0 to copy from."""
    train, suspects = (rng.permutation(np.flatnonzero(part == number)) for number in (0, 2))
    clips = [audio.from_int16(real.clips[chosen]) for chosen in (suspects, train)]
    return Case(clips[0], real.clip_labels[suspects], clips[1], real.rate, rng)


def trial(real: RealClips, seed: int) -> dict[str, "Verdict"]:
    """Fraud -> what a judge says about it, the files split by this seed."""
    rng = np.random.default_rng(seed)
    part = shares_of_files(real.clip_files, real.clip_labels, rng)
    judge, case = Judge.fit(without_suspects(real, part)), case_of(real, part, rng)
    verdicts = {}
    for name, fraud in FRAUDS.items():
        verdicts[name] = Verdict.of(fraud, judge.measure(fraud.alter(case)))
        print(seed, name, "found" if verdicts[name].is_right else "NOT FOUND", *verdicts[name].faults, flush=True)
    return verdicts


@dataclass(frozen=True)
class Verdict:
    """What became of a fraud."""

    is_right: bool
    """The first fault describes it; for real clips: there is no fault."""
    faults: tuple[str, ...]
    sentence: str
    values: dict[str, float]
    floors: dict[str, float]

    @classmethod
    def of(cls, fraud: Fraud, card) -> "Verdict":
        faults = [line.measure + ("" if line.verdict == BAD else "?") for line in card.faults]
        is_right = card.faults[0].measure in fraud.faults if fraud.faults and card.faults else faults == [*fraud.faults]
        sentence = card.faults[0].fault if card.faults else "No fault was found."
        values = {line.measure: float(line.value) for line in card.lines}
        return cls(is_right, tuple(faults), sentence, values, {line.measure: float(line.floor) for line in card.lines})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    for folder in arguments.data:
        with tempfile.TemporaryDirectory() as root:
            survey = listen([folder])
            suggestion = survey.suggest()
            dataset = prepare(survey, Path(root), folder.name, suggestion.rate, suggestion.seconds)
            real = RealClips.of(dataset, np.zeros(dataset.n_clips, bool))
            trials = [trial(real, seed) for seed in range(arguments.splits)]
        rows = []
        for name in FRAUDS:
            verdicts = [verdicts[name] for verdicts in trials]
            rows.append(
                {
                    "clips": name,
                    "found": f"{sum(verdict.is_right for verdict in verdicts)} of {len(verdicts)}",
                    "sentence": verdicts[0].sentence,
                }
            )
        details = {name: [vars(verdicts[name]) for verdicts in trials] for name in FRAUDS}
        publish(f"frauds-{folder.name}", f"{folder.name}: {dataset.n_clips} clips", rows, trials=details)


if __name__ == "__main__":
    main()
