"""Blind tests in which people judge."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from audiogan import datasets, listening, splits
from audiogan.datasets import Dataset
from audiogan.lab.playing import Playing
from audiogan.listening import ListeningTest
from audiogan.questions import ListeningError, Participant, Sound, plan
from audiogan.runs import Run

if TYPE_CHECKING:
    import numpy as np

ENOUGH_TO_HEAR = 5
"""Held-out clips of a label with which a listening test makes do; with fewer, it draws from all clips."""


class ListeningTests(Playing):
    """Tests are made of runs and real clips, and opened again. Needs the instrument and the data sets."""

    def new_listening_test(
        self,
        kind: str,
        models: Sequence[tuple[Run, int | None]],
        count: int = 20,
        seed: int = 0,
        has_real: bool = True,
        name: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> ListeningTest:
        """A blind test of these runs' snapshots (the best for None), with or without real clips, its sounds ready.

        The real clips are those of the first run's data set. Labels are asked for where all know the same ones. Raises
        ListeningError for what makes no test, RunError when a snapshot or the data set is not there.
        """
        if not models:
            raise ListeningError("A listening test needs a model: choose one.")
        snapshots = [(run, run.snapshot(step).step) for run, step in models]
        participants = [
            Participant(run.config.rate, run.config.clip_samples / run.config.rate, run.name, step)
            for run, step in snapshots
        ]
        labels = {run.config.shared_labels for run, _ in snapshots}
        dataset = self._dataset_of(models[0][0]) if has_real else None
        if dataset:
            participants.append(Participant(dataset.rate, dataset.seconds, dataset=dataset.name))
            labels.add(dataset.labels)
        shared = labels.pop() if len(labels) == 1 else ()
        numbers = _numbers_by_label(dataset, shared, models[0][0].config.settings.hold_out)
        questions = plan(kind, participants, count, seed, numbers)

        def render(participant: Participant, sound: Sound) -> "np.ndarray":
            if participant.is_real:
                return dataset.clip(sound.clip)
            instrument = self.instrument(self.run(participant.run), participant.step)
            label = instrument.label_number(sound.label) if sound.label else None
            return instrument.heard(instrument.point(sound.seed, label)).numpy()

        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        folder, name = self.listening_folder, name or f"{stamp}-{kind}"
        return listening.create(folder, name, kind, participants, questions, seed, render, progress)

    def listening_tests(self) -> list[ListeningTest]:
        """All listening tests, newest first."""
        return listening.list_tests(self.listening_folder)

    def listening_test(self, name: str) -> ListeningTest:
        """The listening test of that name. Raises ListeningError when it is missing or damaged."""
        datasets.check_name(name)
        return listening.open_test(self.listening_folder / name)


def _numbers_by_label(dataset: Dataset | None, labels: Sequence[str], hold_out: float) -> dict[str | None, list[int]]:
    """The numbers of a data set's clips by these labels, or all by None; none without a data set.

    Those that were held out of training where there are enough: a copy of a clip beside that clip is no test.
    """
    if dataset is None:
        return {label: [] for label in labels or [None]}
    numbers = dataset.clip_labels()
    held_out = splits.held_out(dataset.clip_files(), numbers, hold_out)
    groups = {label: numbers == place for place, label in enumerate(labels)} or {None: numbers >= 0}
    chosen = {
        label: group & held_out if (group & held_out).sum() >= ENOUGH_TO_HEAR else group
        for label, group in groups.items()
    }
    return {label: group.nonzero()[0].tolist() for label, group in chosen.items()}
