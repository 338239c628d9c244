"""How good a run's sounds are, and a report of that to hand on."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiogan.lab.playing import Playing
from audiogan.lab.sounds import wav_of_clip
from audiogan.runs import Run, RunError

if TYPE_CHECKING:
    from audiogan.handout import Exhibit
    from audiogan.judging.evaluation import Evaluation


@dataclass(frozen=True)
class ClosestPair:
    """A generated sound and the training clip that it is nearest to."""

    generated: bytes
    """WAV."""

    training: bytes
    """WAV."""

    file: str
    """Name of the file that the training clip comes from."""

    seed: int
    label: str
    """Of the generated sound; empty for a model without labels."""

    distance: float
    """Between the two, in the space of mel statistics."""


class Judging(Playing):
    """Evaluations, the pairs that came nearest to copies, reports. Needs the instrument and the data sets."""

    def evaluate(
        self,
        run: Run,
        step: int | None = None,
        dataset: str | None = None,
        count: int = 1000,
        embedder: Path | str | None = None,
        embedder_rate: int = 16_000,
        progress: Callable[[int, int], None] | None = None,
    ) -> "Evaluation":
        """The report card of `count` sounds of a run's snapshot (the best by default), which is kept in the run.

        They are held against a data set by name, by default the run's own. `embedder` is a file of one's own
        (TorchScript or ONNX) that wants clips of `embedder_rate` Hz, or a model's name in the package fadtk; it is used
        beside the program's own. `progress` is told (percent, 100).

        Raises RunError for a run without a snapshot, a data set that is gone or a count out of range, and ValueError
        when there is nothing to judge by or the embedder cannot be used.
        """
        from audiogan.judging.evaluation import evaluate
        from audiogan.judging.own_embedders import own_embedder

        instrument, found = self.instrument(run, step), self._dataset_of(run, dataset)
        own = own_embedder(str(embedder), embedder_rate) if embedder else None
        evaluation = evaluate(run, instrument, found, count, own, progress)
        # a starter model inside an installed package may not be writable: then it is judged again next time
        with contextlib.suppress(OSError):
            run.save_evaluation(evaluation.step, evaluation.dataset, own.name if own else "", evaluation.to_json())
        return evaluation

    def evaluations(self, run: Run) -> "list[Evaluation]":
        """What is kept of a run's evaluations, those of the oldest snapshot first."""
        from audiogan.judging.evaluation import Evaluation

        found = []
        for text in run.evaluations():
            # one of another version, or damaged, is passed over: it can be made again
            with contextlib.suppress(ValueError, KeyError, TypeError):
                found.append(Evaluation.from_json(text))
        return found

    def closest_pairs(self, evaluation: "Evaluation") -> list[ClosestPair]:
        """The generated sounds that came nearest to training clips, and these, nearest first.

        Raises RunError when run, snapshot or data set are gone, or the data set is no longer the same.
        """
        from audiogan.judging import evaluation as judging

        dataset = self.dataset(evaluation.dataset)
        if dataset.fingerprint != evaluation.card.fingerprint:
            raise RunError(f"The data set '{dataset.name}' has changed since: evaluate '{evaluation.run}' again.")
        instrument = self.instrument(self.run(evaluation.run), evaluation.step)
        files = dataset.clip_files()
        pairs = []
        for number, clip, distance in evaluation.card.closest_pairs:
            (point,) = judging.asked_points(instrument, dataset, [number])
            pairs.append(
                ClosestPair(
                    generated=instrument.wav(point),
                    training=wav_of_clip(dataset, clip),
                    file=dataset.files[files[clip]].path,
                    seed=point.seed,
                    label=instrument.labels[point.label] if point.label is not None else "",
                    distance=distance,
                )
            )
        return pairs

    def report(self, runs: Sequence[Run], steps: Sequence[int | None] = ()) -> str:
        """A report to hand on: one HTML file that needs nothing beside it, of one run or several side by side.

        Of each run the best snapshot, or the one of the step at the same place in `steps`, with its newest
        evaluation if one is kept; nothing is evaluated here. Raises RunError for no run, or one without a sound.
        """
        from audiogan.handout import handout

        if not runs:
            raise RunError("A report needs at least one run.")
        steps = [*steps, *([None] * (len(runs) - len(steps)))]
        return handout([self._exhibit(run, step) for run, step in zip(runs, steps, strict=True)])

    def _exhibit(self, run: Run, step: int | None) -> "Exhibit":
        """What a report shows of a run: whatever is still there."""
        from audiogan.handout import Clip, exhibit

        instrument = self.instrument(run, step)
        kept = [item for item in self.evaluations(run) if item.step == instrument.step]
        evaluation = max(kept, key=lambda item: item.created, default=None)
        dataset, pairs = None, []
        with contextlib.suppress(ValueError):
            dataset = self._dataset_of(run, evaluation and evaluation.dataset)
        with contextlib.suppress(ValueError):
            pairs = self.closest_pairs(evaluation) if evaluation else []
        clips = [
            (
                Clip(pair.generated, pair.label or "Generated", f"seed {pair.seed}"),
                Clip(pair.training, f"Training clip, {pair.distance:.2f} away", pair.file),
            )
            for pair in pairs
        ]
        return exhibit(run, instrument, dataset, evaluation, clips)
