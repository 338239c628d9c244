"""Judges clips by what a data set has taught it: embedders, the training clips, and the clips that were kept back.

A judge is fitted once for a data set and a hold-out, in half a minute, and kept in a file beside the clips.
"""

import contextlib
import hashlib
import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from audiogan import metrics
from audiogan.judging import comparisons
from audiogan.judging.classifier_training import stand_in_labels, train_classifier
from audiogan.judging.comparisons import Basis, Reading
from audiogan.judging.embedders import Embedder, MelStatistics, SoundClassifier
from audiogan.judging.flaws import SILENT_DB
from audiogan.judging.hearing import Ears, Heard, Prepared
from audiogan.judging.own_embedders import why_unusable
from audiogan.judging.report_card import Line, ReportCard, in_order, line
from audiogan.judging.spectrum import spectrum_difference
from audiogan.judging.stages import Progress, Stages
from audiogan.tensors import DamagedFile, load_tensors, save_tensors

if TYPE_CHECKING:
    from audiogan.datasets import Dataset

FORMAT = 3
"""Of the file. To be raised when what is fitted or stored changes: older files are then fitted anew."""

MOST_FITTING_CLIPS = 2_000
"""From which the embedders are made."""

MOST_TRAIN_CLIPS = 10_000
"""Among which copies are looked for."""

MOST_CLIPS = 2_000
"""Of held-out or generated clips. More make the intervals no more than a third narrower at twice the price."""

FEWEST_HELD_OUT = 16
"""With fewer held-out clips the floor is that of two halves of the training clips."""

AT_EQUAL_COUNTS = ("precision", "coverage", "inception_score", "frechet_distance")
"""Measures whose value depends on the count: as many generated clips are judged as there are for the floor."""

OF_LABELS = ("labels", "inception_score")
"""Measures that need labels with names."""

FITTING_SHARES, JUDGING_SHARES = (0.8, 0.2), (0.7, 0.3)
"""Of the time: of classifier and hearing, and of hearing and measures."""

SPECTRUM_CLIPS = 500
"""On each side, for what is shown and not judged."""

NOTHING_WRONG = Reading(0.0, 0.0, 0.0)


class CannotJudge(ValueError):
    """The clips cannot be judged at all; the message says why."""


@dataclass(frozen=True, eq=False)
class RealClips:
    """A prepared data set as the judge needs it, and which of its clips a run was not trained on."""

    name: str
    fingerprint: str
    rate: int
    """Hz."""
    labels: tuple[str, ...]
    """Names; empty when there are none."""
    clips: np.ndarray
    """int16 (N, T), possibly memory-mapped."""
    clip_labels: np.ndarray
    """int (N,)"""
    clip_files: np.ndarray
    """int (N,)"""
    held_out: np.ndarray
    """bool (N,)"""

    @classmethod
    def of(cls, dataset: "Dataset", held_out: np.ndarray) -> "RealClips":
        """Those of a data set, of which bool (N,) were kept back from training."""
        return cls(
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            rate=dataset.rate,
            labels=dataset.labels,
            clips=dataset.clips(),
            clip_labels=dataset.clip_labels(),
            clip_files=dataset.clip_files(),
            held_out=held_out,
        )

    def prepared(self, indices: np.ndarray) -> Prepared:
        return Prepared(self.clips, self.clips.shape[1], indices)

    def some(self, chosen: np.ndarray, most: int) -> np.ndarray:
        """Indices of up to `most` clips where the mask is true, in an order whose every beginning is a fair sample."""
        return np.random.default_rng(0).permutation(np.flatnonzero(chosen))[:most]


def open_judge(folder: Path, real: RealClips, own: Embedder | None = None, progress: Progress | None = None) -> "Judge":
    """The judge that is kept in a folder, or a new one, which is then kept there."""
    path = judge_path(folder, real, own)
    with contextlib.suppress(FileNotFoundError, DamagedFile, KeyError, RuntimeError):
        return Judge.load(path, real, own)
    judge = Judge.fit(real, own, progress)
    # what cannot be kept is fitted again next time
    with contextlib.suppress(OSError):
        judge.save(path)
    return judge


def judge_path(folder: Path, real: RealClips, own: Embedder | None = None) -> Path:
    """Where a judge is kept once it is fitted: the name changes with everything that it is made from."""
    text = json.dumps([FORMAT, real.fingerprint, own.version if own else ""]).encode()
    key = hashlib.sha256(text + np.packbits(real.held_out).tobytes()).hexdigest()[:12]
    return Path(folder) / f"judge-{key}.safetensors"


@dataclass(frozen=True, eq=False)
class Judge:
    """What is known of a data set's real clips."""

    real: RealClips
    ears: Ears
    train_indices: np.ndarray
    """Of the clips in `train`."""
    train: Heard
    held_out_indices: np.ndarray
    held_out: Heard

    @classmethod
    def fit(cls, real: RealClips, own: Embedder | None = None, progress: Progress | None = None) -> "Judge":
        """A judge from a data set's clips. Raises CannotJudge with fewer than 2 training clips."""
        train_indices = real.some(~real.held_out, MOST_TRAIN_CLIPS)
        held_out_indices = real.some(real.held_out, MOST_CLIPS)
        if len(train_indices) < 2:
            raise CannotJudge("A judge needs at least 2 training clips to compare with: add more sounds.")
        stages = Stages(progress, FITTING_SHARES)
        fitting = train_indices[:MOST_FITTING_CLIPS]
        mel_statistics = MelStatistics.fit(real.prepared(fitting), real.rate)
        if len(real.labels) > 1:
            labels, n_labels = real.clip_labels[fitting], len(real.labels)
        else:
            labels = stand_in_labels(real.clip_files[fitting], mel_statistics(real.prepared(fitting), real.rate))
            n_labels = labels.max() + 1
        classifier = train_classifier(real.prepared(fitting), labels, n_labels, real.rate, stages.stage(0))
        ears = Ears(mel_statistics, classifier, own, real.rate)
        # where the training clips are their own floor, they too are heard backwards
        is_floor = len(held_out_indices) < FEWEST_HELD_OUT
        train = ears.hear(real.prepared(train_indices), is_floor, stages.stage(1))
        held_out = ears.hear(real.prepared(held_out_indices)) if len(held_out_indices) else train.some(slice(0))
        return cls(real, ears, train_indices, train, held_out_indices, held_out)

    # keeping

    def save(self, path: Path) -> None:
        """Write everything but the clips to one safetensors file, whole or not at all."""
        tensors = {"train_indices": self.train_indices, "held_out_indices": self.held_out_indices}
        for name, heard in (("train", self.train), ("held_out", self.held_out)):
            tensors |= {f"{name}.{item.name}": getattr(heard, item.name).astype(np.float32) for item in fields(Heard)}
        state = {name: torch.from_numpy(array) for name, array in tensors.items()}
        for name, embedder in (("mel_statistics", self.ears.mel_statistics), ("classifier", self.ears.classifier)):
            state |= {f"{name}/{key}": tensor for key, tensor in embedder.state_dict().items()}
        save_tensors(path, state)

    @classmethod
    def load(cls, path: Path, real: RealClips, own: Embedder | None = None) -> "Judge":
        """The judge in a file. Raises FileNotFoundError, DamagedFile, and KeyError where something is missing."""
        tensors, _ = load_tensors(path)
        mel_statistics = MelStatistics.from_tensors(_under("mel_statistics/", tensors), real.rate)
        classifier = SoundClassifier.from_tensors(_under("classifier/", tensors), real.rate)
        train, held_out = (
            Heard(*(tensors[f"{name}.{item.name}"].double().numpy() for item in fields(Heard)))
            for name in ("train", "held_out")
        )
        ears = Ears(mel_statistics, classifier, own, real.rate)
        return cls(real, ears, tensors["train_indices"].numpy(), train, tensors["held_out_indices"].numpy(), held_out)

    # judging

    def measure(
        self,
        waves: np.ndarray,
        labels: np.ndarray | None = None,
        trained_on: str = "",
        progress: Progress | None = None,
    ) -> ReportCard:
        """The report card of clips (n, T), float in [-1, 1] or int16, at the data set's rate.

        `labels` (n,) are those that the clips were asked to have, `trained_on` the name of the data set that the run
        was trained on. Of more than 2,000 clips a random 2,000 are judged. What a measure cannot be taken of is left
        out, with the reason. Raises CannotJudge when there are no clips.
        """
        if len(waves) == 0:
            raise CannotJudge("There are no clips to judge: generate some first.")
        chosen = np.random.default_rng(0).permutation(len(waves))[:MOST_CLIPS]
        is_whole = np.isfinite(waves[chosen]).all(1)
        whole = chosen[is_whole]
        broken = line("broken", comparisons.share(~is_whole), NOTHING_WRONG, len(chosen), 0)
        card = self._empty_card(len(chosen), trained_on)
        if len(whole) == 0:
            return replace(card, lines=(broken,), left_out=("Every clip is broken: nothing else can be measured.",))
        stages = Stages(progress, JUDGING_SHARES)
        heard = self.ears.hear(Prepared(waves, self.clip_samples, whole), progress=stages.stage(0))
        if (heard.peaks_db < SILENT_DB).all():
            silent = line("silence", comparisons.share(heard.peaks_db < SILENT_DB), NOTHING_WRONG, len(heard), 0)
            return replace(card, lines=(broken, silent), left_out=("Every clip is silent: nothing else is measured.",))
        asked = labels if labels is None else np.asarray(labels)[whole]
        lines, left_out = self._lines(heard, asked, stages.stage(1))
        return replace(
            card, lines=in_order([broken, *lines]), left_out=tuple(left_out), **self._shown(waves, whole, heard, asked)
        )

    def _lines(self, heard: Heard, asked: np.ndarray | None, progress: Progress) -> tuple[list[Line], list[str]]:
        """(the lines of the card, why others are missing)."""
        basis, (floor_basis, floor_clips) = self._basis(asked), self._floor()
        own_fault = self._own_fault(self.held_out, heard)
        lines, left_out, measures = [], [own_fault] if own_fault else [], self._measures(not own_fault)
        for number, (key, measure) in enumerate(measures.items()):
            count = min(len(heard), len(floor_clips)) if key in AT_EQUAL_COUNTS else None
            fake, floor = heard.some(slice(count)), floor_clips.some(slice(count))
            try:
                lines.append(line(key, measure(basis, fake), measure(floor_basis, floor), len(fake), len(floor)))
            except ValueError as error:
                left_out.append(str(error))
            progress(number + 1, len(measures))
        if asked is not None and self._has_labels:
            value = comparisons.share(heard.probabilities.argmax(1) == asked)
            # without held-out clips nothing is known of the classifier but that it could be perfect
            floor = self._accuracy or Reading(1.0, 1.0, 1.0)
            lines.append(line("label_accuracy", value, floor, len(heard), len(self.held_out)))
        return lines, list(dict.fromkeys(left_out))

    @property
    def _has_labels(self) -> bool:
        return len(self.real.labels) > 1

    @property
    def _accuracy(self) -> Reading | None:
        """How many held-out clips the classifier is right about."""
        if not self._has_labels or len(self.held_out) == 0:
            return None
        return comparisons.share(self.held_out.probabilities.argmax(1) == self.real.clip_labels[self.held_out_indices])

    @property
    def clip_samples(self) -> int:
        return self.real.clips.shape[1]

    def _basis(self, asked: np.ndarray | None = None) -> Basis:
        """What clips are compared with, those that were asked to have certain labels with these in view."""
        return Basis(
            train=self.train,
            mel_bandwidth=metrics.median_distance(self.train.mel_statistics),
            sound_bandwidth=metrics.median_distance(self.train.sounds),
            own_bandwidth=metrics.median_distance(self.train.own) if self.ears.own and not self._own_fault() else 1.0,
            bands_hz=self.ears.bands_hz,
            labels=self.real.labels,
            expected=self._label_shares(self.real.clip_labels[self.train_indices] if asked is None else asked),
        )

    def _floor(self) -> tuple[Basis, Heard]:
        """(what the floor's clips are compared with, the floor's clips): real ones on both sides."""
        basis = self._basis()
        if self._has_floor:
            return basis, self.held_out
        half = len(self.train) // 2
        return replace(basis, train=self.train.some(slice(half))), self.train.some(slice(half, None))

    @property
    def _has_floor(self) -> bool:
        return len(self.held_out) >= FEWEST_HELD_OUT

    def _label_shares(self, labels: np.ndarray) -> np.ndarray:
        return np.bincount(labels, minlength=len(self.real.labels)) / len(labels)

    def _own_fault(self, *others: Heard) -> str:
        """Why the user's own embedder says nothing of the training clips and of these; empty where it does."""
        own = self.ears.own
        return why_unusable(own.name, self.train.own, *(other.own for other in others)) if own else ""

    def _measures(self, is_own_usable: bool) -> dict[str, comparisons.Measure]:
        """Those that this judge can take."""
        missing = {
            *(() if self._has_labels else OF_LABELS),
            *(() if self.ears.own and is_own_usable else ["own_kernel_distance"]),
        }
        return {key: measure for key, measure in comparisons.MEASURES.items() if key not in missing}

    def _empty_card(self, clips: int, trained_on: str) -> ReportCard:
        """What can be said before anything is measured."""
        notes = []
        if not self._has_floor:
            notes.append(
                f"Only {len(self.held_out)} real clips were kept back from training, so one half of the training clips "
                "stands in for them: the floor is that of two halves."
            )
        if not self._has_labels:
            notes.append("The data set has no labels: the classifier learned to tell files or groups of clips apart.")
        if trained_on and trained_on != self.real.name:
            notes.append(f"The run was trained on '{trained_on}' and is compared with '{self.real.name}'.")
        embedders = [self.ears.mel_statistics, self.ears.classifier]
        if own := self.ears.own:
            embedders.append(own)
            notes.append(f"Your own embedder is {own.name} ({own.version}).")
        return ReportCard(
            dataset=self.real.name,
            fingerprint=self.real.fingerprint,
            clips=clips,
            train_clips=len(self.train),
            held_out_clips=len(self.held_out),
            embedders={embedder.name: embedder.version for embedder in embedders},
            labels=self.real.labels,
            classifier_accuracy=self._accuracy.value if self._accuracy else None,
            notes=tuple(notes),
        )

    def _shown(self, waves: np.ndarray, whole: np.ndarray, heard: Heard, asked: np.ndarray | None) -> dict:
        """What stands on the card without being judged."""
        fake = Prepared(waves, self.clip_samples, whole)[:SPECTRUM_CLIPS]
        real = self.real.prepared(self.train_indices)[:SPECTRUM_CLIPS]
        bands_hz, difference_db = spectrum_difference(real, fake, self.real.rate)
        pairs = metrics.closest_pairs(heard.mel_statistics, self.train.mel_statistics)
        return {
            "mean_square_error": metrics.mean_square_error(real, fake),
            "silence_mean_square_error": metrics.mean_square_error(real, np.zeros_like(fake)),
            "closest_pairs": tuple(
                (int(whole[pair.fake]), int(self.train_indices[pair.train]), pair.distance) for pair in pairs
            ),
            "bands_hz": tuple(bands_hz.tolist()),
            "spectrum_difference_db": tuple(difference_db.tolist()),
            "label_shares": tuple(metrics.label_histogram(heard.probabilities).tolist()) if self._has_labels else (),
            "expected_label_shares": tuple(self._basis(asked).expected.tolist()) if self._has_labels else (),
        }


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
