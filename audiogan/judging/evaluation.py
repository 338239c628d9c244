"""A run's sounds before the judge: which ones are made, what they are held against, and what came of it."""

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime

import numpy as np

from audiogan import audio
from audiogan.datasets import Dataset
from audiogan.instrument import Instrument, Point
from audiogan.judging.embedders import Embedder
from audiogan.judging.judge import MOST_CLIPS, Judge, RealClips, judge_path, open_judge
from audiogan.judging.report_card import RULES_BY_MEASURE, Line, ReportCard
from audiogan.judging.stages import Progress, Stages
from audiogan.runs import Run, RunError
from audiogan.settings import Settings
from audiogan.splits import held_out, in_proportion

FIRST_SEED = 1_000_000
"""Of every evaluation, the others follow: two runs are compared on the same seeds, which nobody plays by chance."""

FEWEST_CLIPS = 16
"""Fewer say nothing: most measures compare each clip with its fifth neighbour."""

BATCH = 8
"""Sounds made at a time: more of them leave the processor's cache, and each takes longer."""

FITTING_SHARE, MAKING_SHARE, JUDGING_SHARE = 3, 5, 1
"""Of the time: of a new judge, the sounds, and the measures."""


@dataclass(frozen=True)
class Row:
    """A line of the card as it is written in a table."""

    measure: str
    title: str
    value: str
    interval: str
    floor: str
    """Of real clips in the same number."""
    clips: str
    verdict: str
    """Empty for numbers that are shown and not judged."""


@dataclass(frozen=True)
class Evaluation:
    """The report card of a run's snapshot, and everything needed to repeat it."""

    run: str
    step: int
    dataset: str
    """Name of the data set that it was judged by."""
    count: int
    """Generated clips."""
    seed: int
    """Of the first clip; the others follow."""
    created: str
    """UTC, ISO 8601."""
    seconds: float
    """How long it took."""
    card: ReportCard

    def rows(self) -> list[Row]:
        """The lines of the card for a table."""
        return [_row(line) for line in self.card.lines]

    def sentences(self) -> list[str]:
        """What a reader has to know beside the four answers: numbers, notes, what was left out."""
        card = self.card
        found = [
            f"{card.clips:,} generated sounds beside {card.train_clips:,} training clips and {card.held_out_clips:,} "
            f"that were kept back, of '{card.dataset}'."
        ]
        if card.classifier_accuracy is not None:
            found.append(f"The classifier names {card.classifier_accuracy:.0%} of the clips kept back rightly.")
        if card.mean_square_error is not None:
            found.append(
                f"Mean squared error, as the published systems define it: {card.mean_square_error:.4f}; silence would "
                f"get {card.silence_mean_square_error:.4f}, so that it says nothing about how good sounds are."
            )
        return [*found, *card.notes, *card.left_out]

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"card": self.card.to_dict()}, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Evaluation":
        """Raises ValueError, KeyError or TypeError for a text that is none."""
        values = json.loads(text)
        return cls(**values | {"card": _read_card(values["card"])})


def _row(line: Line) -> Row:
    """Numbers in the style of their rule."""
    style = RULES_BY_MEASURE[line.measure].style if line.measure in RULES_BY_MEASURE else ".2f"

    def number(value: float) -> str:
        # -0.04 is written 0.0, not -0.0
        text = format(value, style)
        return text if any(digit in text for digit in "123456789") else text.replace("-", "").replace("+", "")

    return Row(
        measure=line.measure,
        title=line.title,
        value=number(line.value),
        interval=f"{number(line.low)} to {number(line.high)}",
        floor=number(line.floor),
        clips=f"{line.clips:,} / {line.floor_clips:,}" if line.floor_clips else f"{line.clips:,}",
        verdict=line.verdict if line.question else "",
    )


def _read_card(values: dict) -> ReportCard:
    """What `ReportCard.to_dict` wrote: lists are tuples again, and the answers follow from the lines."""
    known = {item.name: values[item.name] for item in fields(ReportCard) if item.name in values}
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    lines = tuple(Line(**line) for line in known["lines"])
    return ReportCard(**known | {"lines": lines, "closest_pairs": tuple(map(tuple, known["closest_pairs"]))})


def evaluate(
    run: Run,
    instrument: Instrument,
    dataset: Dataset,
    count: int = 1000,
    own: Embedder | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """The report card of `count` sounds of a run's snapshot beside the clips of a data set.

    The data set need not be the run's own: what differs is noted on the card. `progress` is told (percent, 100).
    Raises RunError when the count is out of range, CannotJudge when the data set has too few clips.
    """
    if not FEWEST_CLIPS <= count <= MOST_CLIPS:
        raise RunError(f"Between {FEWEST_CLIPS} and {MOST_CLIPS:,} sounds can be judged, not {count:,}.")
    begun = time.perf_counter()
    real, points = real_clips(run, dataset), asked_points(instrument, dataset, range(count))
    fitting_share = 0 if judge_path(dataset.folder, real, own).exists() else FITTING_SHARE
    stages = Stages(progress, (fitting_share, MAKING_SHARE, JUDGING_SHARE))
    judge, waves = beside(
        lambda told: open_judge(dataset.folder, real, own, told),
        lambda told: render(instrument, points, dataset.rate, told),
        stages,
    )
    labels = asked_labels(instrument, dataset, count)
    card = judge.measure(waves, labels, run.config.dataset, stages.stage(2))
    return Evaluation(
        run=run.name,
        step=instrument.step,
        dataset=dataset.name,
        count=count,
        seed=FIRST_SEED,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=time.perf_counter() - begun,
        card=replace(card, notes=(*card.notes, *differences(instrument, dataset))),
    )


def beside(
    judge: Callable[[Progress], Judge], sounds: Callable[[Progress], np.ndarray], stages: Stages
) -> tuple[Judge, np.ndarray]:
    """A judge and the sounds, made at the same time as stages 0 and 1: a classifier learns on one core, and the others
    would wait. Where one of them ends with an exception, the other is ended too."""
    without_sounds = threading.Event()

    def tell_of_judge(done: int, total: int) -> None:
        if without_sounds.is_set():
            raise CancelledError
        stages.stage(0)(done, total)

    def tell_of_sounds(done: int, total: int) -> None:
        if fitting.done():
            fitting.result()
        stages.stage(1)(done, total)

    with ThreadPoolExecutor(1) as thread:
        fitting = thread.submit(judge, tell_of_judge)
        try:
            waves = sounds(tell_of_sounds)
            return fitting.result(), waves
        except BaseException:
            without_sounds.set()
            raise


def real_clips(run: Run, dataset: Dataset) -> RealClips:
    """A data set as the judge needs it.

    Kept back are the clips that the run was not trained on. Of another data set, on which it never was trained, they
    are those that a new run would keep back, so that all runs are compared with the same clips.
    """
    is_own = dataset.fingerprint == run.config.fingerprint
    share = run.config.settings.hold_out if is_own else Settings().hold_out
    return RealClips.of(dataset, held_out(dataset.clip_files(), dataset.clip_labels(), share))


def shared_labels(instrument: Instrument, dataset: Dataset) -> list[str]:
    """Labels that the model can be asked for and the data set has clips of, in the data set's order."""
    if instrument.config.has_groups:
        return []
    return [name for name in dataset.labels if name in instrument.labels and dataset.counts[name]]


def asked_labels(instrument: Instrument, dataset: Dataset | None, count: int) -> np.ndarray | None:
    """(count,) the data set's number of the label that each sound is asked to have; None where none can be asked.

    In the data set's own proportions, to within a clip or two from the first on: the label of a seed does not depend
    on how many follow.
    """
    shared = shared_labels(instrument, dataset) if dataset else []
    if not shared:
        return None
    numbers = np.array([dataset.labels.index(name) for name in shared])
    return numbers[in_proportion([dataset.counts[name] for name in shared], range(count))]


def asked_points(instrument: Instrument, dataset: Dataset | None, numbers: Sequence[int]) -> list[Point]:
    """The points of an evaluation's sounds with these numbers, counted from 0."""
    labels = asked_labels(instrument, dataset, max(numbers) + 1)
    if labels is None:
        return [instrument.point(FIRST_SEED + number) for number in numbers]
    names = [dataset.labels[labels[number]] for number in numbers]
    return [
        instrument.point(FIRST_SEED + number, instrument.label_number(name))
        for number, name in zip(numbers, names, strict=True)
    ]


def render(instrument: Instrument, points: Sequence[Point], rate: int, progress: Progress | None = None) -> np.ndarray:
    """The sounds (n, T), float32 in [-1, 1] as they would be heard, at this rate; a model that is broken makes NaN."""

    def heard(at: int) -> list[np.ndarray]:
        made = instrument.render(points[at : at + BATCH]).numpy()
        # a peak without bounds turns to NaN, which is what it is worth
        with np.errstate(invalid="ignore"):
            return [audio.without_clipping(audio.resample(wave, instrument.config.rate, rate)) for wave in made]

    waves = []
    # a thread a core, each with batches of its own: torch's threads would share one batch, and wait for each other
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        for made in pool.map(heard, range(0, len(points), BATCH)):
            waves += made
            if progress:
                progress(len(waves), len(points))
    finally:
        pool.shutdown(cancel_futures=True)
    return np.stack(waves)


def differences(instrument: Instrument, dataset: Dataset) -> list[str]:
    """A sentence for everything in which a data set is not what the model learned from."""
    config, sentences = instrument.config, []
    if dataset.name == config.dataset and dataset.fingerprint != config.fingerprint:
        sentences.append(f"The data set '{dataset.name}' has changed since the run was trained on it.")
    if dataset.rate != config.rate:
        sentences.append(
            f"The run's sounds were resampled from {config.rate:,} Hz to {dataset.rate:,} Hz, the data set's own rate."
        )
    if round(dataset.seconds, 3) != round(config.seconds, 3):
        how = "cut" if dataset.seconds < config.seconds else "filled up with silence"
        sentences.append(f"The run's sounds last {config.seconds:g} s and were {how} to {dataset.seconds:g} s.")
    shared = shared_labels(instrument, dataset)
    if instrument.labels and not config.has_groups and len(shared) < max(len(instrument.labels), len(dataset.labels)):
        asked = f"only {', '.join(shared)} were asked for" if shared else "none was asked for"
        sentences.append(f"The run and the data set do not have the same labels: {asked}.")
    return sentences
