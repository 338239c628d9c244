"""Lab(home): the facade. Pages, command line and HTTP routes import this module and no other of the package's rooms.

Nothing here imports torch until a sound or a training needs it, so that a first page paints at once.
"""

import contextlib
import functools
import io
import json
import math
import os
import platform
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from audiogan import datasets, devices, probe, sources, survey, worker
from audiogan.config import Limit, RunConfig
from audiogan.datasets import Dataset
from audiogan.presets import PRESETS, Preset, preset
from audiogan.reading import Finding, read
from audiogan.runs import METRICS, Run, RunError, Snapshot, Status, list_runs
from audiogan.settings import BELIEFS, SettingError, Settings, documentation
from audiogan.sources import Download, Source
from audiogan.survey import NoSounds, Survey, SurveyedFile, Upload

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from audiogan.encoder import Encoder
    from audiogan.evaluation import Evaluation
    from audiogan.examples import Clips
    from audiogan.handout import Exhibit
    from audiogan.instrument import Instrument, Point

__all__ = [
    "METRICS",
    "PRESETS",
    "ClosestPair",
    "Dataset",
    "Download",
    "Estimate",
    "Finding",
    "Lab",
    "Limit",
    "NoSounds",
    "Preset",
    "RealSound",
    "Reconstruction",
    "Run",
    "RunError",
    "SettingError",
    "Settings",
    "Snapshot",
    "Sound",
    "Source",
    "Status",
    "Survey",
    "SurveyedFile",
    "Upload",
    "documentation",
    "open_lab",
    "site",
    "wav_of_clip",
]

STARTER = "starter"
"""The model that ships with the program."""

BUILT_IN = "built-in"
"""The data set of sounds that the program synthesises itself."""

INSTRUMENTS_IN_MEMORY = 4

MOST_SOUNDS = 10_000
"""Sounds in one request: a ZIP of a thousand seconds at 22 kHz is 44 MB."""


@dataclass(frozen=True)
class Sound:
    """One generated sound with its address."""

    name: str
    """File name, from label and seed."""

    wav: bytes
    point: "Point"
    label: str


@dataclass(frozen=True)
class RealSound:
    """A clip of a data set, beside which generated ones are heard."""

    wav: bytes
    file: str
    """Name of the file that it comes from."""

    label: str
    """Empty for a data set without labels."""

    held_out: bool
    """Whether it was kept back from training."""


@dataclass(frozen=True)
class Estimate:
    """What a training will cost, measured by a probe of a few steps."""

    device: str
    steps_per_second: float
    first_sound_seconds: float
    total_seconds: float
    total_steps: int
    memory_bytes: int
    parameters: int


@dataclass(frozen=True)
class Reconstruction:
    """A sound, what a model makes of it, and how far apart the two are."""

    original: bytes
    """WAV."""

    wav: bytes
    point: "Point"
    label: str
    """Empty for a model without labels."""

    spectral_distance: float
    """Multi-resolution spectral distance from the original, 0 when equal."""

    usual_distance: float
    """The same of sounds that the model makes of random latents, on average: what a mere guess would reach."""

    wave_error: float
    """Mean squared difference of the samples."""

    silence_error: float
    """The same of silence."""

    draws_samples: bool
    """Whether the model makes the waveform itself; others make spectra, whose phases are found anew."""

    def sentences(self) -> tuple[str, str]:
        """Both measures in words, each beside what it would be without any effort."""
        phases = "" if self.draws_samples else " This model draws spectra and finds the phases anew, which counts here."
        return (
            f"Spectral distance {self.spectral_distance:.2f}: 0 would be equal, random sounds of this model are at "
            f"{self.usual_distance:.2f}.",
            f"Waveform error {self.wave_error:.4f} (mean square): 0 would be equal, silence is at "
            f"{self.silence_error:.4f}.{phases}",
        )


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


def site() -> Path:
    """Where app.py, the pages and the starter model lie: the repository, or inside an installed package."""
    package = Path(__file__).resolve().parent
    return package.parent if (package.parent / "app.py").exists() else package / "_site"


def default_home() -> Path:
    """AUDIOGAN_HOME, else the repository, else (installed by pip) `audiogan` in the user's folder."""
    if os.environ.get("AUDIOGAN_HOME"):
        return Path(os.environ["AUDIOGAN_HOME"])
    package = Path(__file__).resolve().parent
    return site() if site() == package.parent else Path.home() / "audiogan"


class Lab:
    """Everything a person can do, on the data sets and runs under one folder."""

    def __init__(self, home: Path | str | None = None) -> None:
        self.home = Path(home).expanduser().resolve() if home else default_home()
        self.datasets_folder = self.home / "datasets"
        self.runs_folder = self.home / "checkpoints"
        self.downloads_folder = self.home / "downloads"
        self._downloads: dict[tuple[str, Path], Download] = {}
        self._encoders: dict[tuple[Path, int], dict[str, Tensor]] = {}
        self._instrument = functools.lru_cache(INSTRUMENTS_IN_MEMORY)(self._open_instrument)

    # sounds

    def public_sources(self) -> dict[str, Source]:
        """The public data sets that can be downloaded, or are said how to get by hand."""
        return sources.SOURCES

    def download(self, name: str, to: Path | None = None, progress: Callable[[int, int], None] | None = None) -> Path:
        """The folder with a public data set's sounds, in `to` or in the home's `downloads/`; bytes are told.

        Raises DatasetError for an unknown name, too little room, a connection that breaks off (the next call goes on
        from there), a wrong checksum or a hostile archive.
        """
        return sources.download(name, to or self.downloads_folder, progress)

    def start_download(self, name: str, to: Path | None = None) -> Download:
        """The same in a thread of its own; a download that is under way is the one that comes back."""
        place = name, Path(to or self.downloads_folder).expanduser().resolve()
        if place not in self._downloads or not self._downloads[place].is_active:
            self._downloads[place] = Download(*place)
        return self._downloads[place]

    def survey(self, sources: Sequence[Path | Upload], progress: Callable[[int, int], None] | None = None) -> Survey:
        """Look at every file of folders, files, ZIPs or uploads: which are sounds, which are refused and why.

        Raises NoSounds when there is nothing to train on.
        """
        return survey.listen(list(sources), progress)

    def prepare(
        self,
        survey: Survey,
        name: str,
        rate: int | None = None,
        seconds: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Dataset:
        """Clips of one rate and length from a survey's accepted files, as suggested where not given."""
        suggestion = survey.suggest()
        return datasets.prepare(
            survey,
            self.datasets_folder,
            name,
            suggestion.rate if rate is None else rate,
            suggestion.seconds if seconds is None else seconds,
            progress=progress,
        )

    def prepare_built_in(self) -> Dataset:
        """The built-in sounds as a data set, made on first use."""
        from audiogan import audio, synthesis

        if BUILT_IN in {dataset.name for dataset in self.datasets()}:
            return self.dataset(BUILT_IN)
        sounds = synthesis.built_in_sounds()
        uploads = [
            Upload(f"{sound.label}/{sound.name}.wav", audio.encode_wav(sound.samples, sound.rate)) for sound in sounds
        ]
        return self.prepare(self.survey(uploads), BUILT_IN)

    def datasets(self) -> list[Dataset]:
        """The prepared data sets."""
        return datasets.list_datasets(self.datasets_folder)

    def dataset(self, name: str) -> Dataset:
        """The data set of that name. Raises RunError naming those there are."""
        for dataset in self.datasets():
            if dataset.name == name:
                return dataset
        known = ", ".join(dataset.name for dataset in self.datasets()) or "none yet: prepare one first"
        raise RunError(f"There is no data set '{name}'. There is {known}.")

    # training

    def presets(self) -> dict[str, Preset]:
        return PRESETS

    def describe_device(self, name: str = "auto") -> str:
        """The device that training would use, in words. Imports torch (seconds, the first time)."""
        return devices.describe_device(name)

    def configure(
        self, dataset: Dataset, preset_name: str, assignments: Sequence[str] = (), seed: int = 0
    ) -> RunConfig:
        """What a run of that preset on that data set would be made with; `assignments` are `key=value` texts.

        Raises SettingError for an unknown preset or key, or a value out of range.
        """
        return RunConfig(
            preset=preset_name,
            settings=preset(preset_name).settings.with_text(list(assignments)),
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            rate=dataset.rate,
            clip_samples=dataset.clip_samples,
            labels=tuple(dataset.labels),
            seed=seed,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            versions={
                "audiogan": _version("audiogan"),
                "torch": _version("torch"),
                "python": platform.python_version(),
            },
        )

    def estimate(self, config: RunConfig, limit: Limit, device: str = "auto") -> Estimate:
        """What a training will cost, by running a few of its steps in a process of their own (about ten seconds).

        Raises RunError when it cannot fit the device's memory, or not one step can be run.
        """
        limit = limit.or_default(config.settings)
        self._check_memory(config, device)
        measured = probe.probe(config, self.dataset(config.dataset).folder, device)
        pace = measured["steps_per_second"]
        if limit.minutes is not None:
            steps, seconds = round(limit.minutes * 60 * pace), limit.minutes * 60
        else:
            clips_per_step = config.settings.batch * config.settings.critic_steps
            n_clips = len(worker.load_clips(self.dataset(config.dataset).folder, config).training_places)
            epochs_as_steps = (limit.epochs or 0) * n_clips / clips_per_step
            steps = limit.steps or round(epochs_as_steps)
            seconds = steps / pace
        return Estimate(
            device=measured["device"],
            steps_per_second=pace,
            first_sound_seconds=measured["first_sound_seconds"],
            total_seconds=seconds,
            total_steps=steps,
            memory_bytes=measured["memory_bytes"],
            parameters=measured["generator_parameters"] + measured["discriminator_parameters"],
        )

    def create_run(self, config: RunConfig, name: str = "", device: str = "auto") -> Run:
        """A new run folder, named by date, data set and preset unless a name is given.

        Raises RunError when the name is taken, the device is not there, or its memory cannot hold the training.
        """
        self._check_memory(config, device)
        if name:
            datasets.check_name(name)
        return Run.create(self.runs_folder, config, name)

    def start(self, run: Run, limit: Limit, device: str = "auto") -> None:
        """Train in a process of its own, which outlives this one."""
        goal = self._goal(run, limit)
        self._check_memory(run.config, device)
        worker.start(run, self.dataset(run.config.dataset).folder, goal, device)

    def train(
        self, run: Run, limit: Limit, device: str = "auto", on_status: Callable[[Status], None] | None = None
    ) -> Status:
        """Train in this process until the limit, or until somebody stops it."""
        goal = self._goal(run, limit)
        self._check_memory(run.config, device)
        run.clear_request()
        return worker.work(run, self.dataset(run.config.dataset).folder, goal, device, on_status)

    def _check_memory(self, config: RunConfig, device: str) -> None:
        clips = {dataset.name: dataset.n_clips for dataset in self.datasets()}
        devices.check_memory(config, clips.get(config.dataset, 0), device)

    def _goal(self, run: Run, limit: Limit) -> Limit:
        """The limit to train towards: as given, else as the run was started with, else the preset's own.

        Raises RunError when the run is being trained, or has reached its limit already.
        """
        status = run.status
        if status.is_active:
            raise RunError(f"The run '{run.name}' is already being trained.")
        if limit == Limit() and status.limit:
            limit = Limit(**status.limit)
        limit = limit.or_default(run.config.settings)
        # after a failure or a sudden death the last save lies before the last step that was told
        reached = status.state in ("finished", "stopped", "paused") and (
            (limit.steps is not None and status.step >= limit.steps)
            or (limit.epochs is not None and status.epoch >= limit.epochs)
            or (limit.minutes is not None and status.seconds >= limit.minutes * 60)
        )
        if reached:
            done = f"{status.step:,} steps, {status.epoch:.1f} epochs, {status.seconds / 60:.1f} minutes"
            raise RunError(
                f"The run '{run.name}' has reached {limit.describe()} ({done}): give a larger limit; "
                "limits count from the run's beginning."
            )
        return limit

    def stop(self, run: Run, pause: bool = False) -> None:
        """Ask a training to finish its step, save and leave. Raises RunError when none is at work."""
        if not run.status.is_active:
            raise RunError(f"The run '{run.name}' is not being trained ({run.status.state}).")
        run.request("pause" if pause else "stop")

    def runs(self) -> list[Run]:
        """All runs, newest first, the starter model last."""
        found = [run for run in list_runs(self.runs_folder) if run.name != STARTER]
        starter = self._starter()
        return found + [starter] if starter else found

    def run(self, name: str) -> Run:
        """The run of that name. Raises RunError naming the newest ones there are."""
        # asked on every movement of a slider: only this run's config is read, found among the names there are
        folders = {config.parent.name: config.parent for config in self.runs_folder.glob("*/config.json")}
        found = self._starter() if name == STARTER else name in folders and Run(folders[name])
        if found and found.config:
            return found
        known = ", ".join(run.name for run in self.runs()[:5]) or "none yet: train one first"
        raise RunError(f"There is no run '{name}'. There is {known}.")

    def _starter(self) -> Run | None:
        for folder in (self.runs_folder / STARTER, site() / "checkpoints" / STARTER):
            if (folder / "config.json").exists():
                return Run(folder)
        return None

    def findings(self, run: Run) -> list[Finding]:
        """What a run says of itself, the worst first."""
        return read(run)

    def belief_name(self, run: Run) -> str:
        """What the chart of the discriminator's belief shows, in words."""
        return BELIEFS[run.config.settings.loss]

    # playing

    def instrument(self, run: Run, step: int | None = None) -> "Instrument":
        """The run's generator of that snapshot (the newest by default), kept in memory for the next call."""
        snapshot = run.snapshot(step)
        return self._instrument(run.folder, snapshot.step, snapshot.path.stat().st_mtime_ns)

    def _open_instrument(self, folder: Path, step: int, _written: int) -> "Instrument":
        import torch

        from audiogan.instrument import Instrument

        # one sound is too small to be shared between cores, and a trainer may be at work on the others
        torch.set_num_threads(1)
        run = Run(folder)
        return Instrument(run, run.snapshot(step))

    def audition(
        self,
        run_name: str,
        step: int | None,
        seed: int,
        label: int | None = None,
        sliders: Sequence[float] | None = None,
        origin: Sequence[float] | None = None,
    ) -> tuple[bytes, list[float]]:
        """(WAV bytes, slider positions) of one sound."""
        instrument = self.instrument(self.run(run_name), step)
        point = instrument.point(seed, label, sliders, origin)
        return instrument.wav(point), instrument.sliders(point)

    def real_sound(self, run: Run, draw: int, label: str = "") -> RealSound:
        """A random clip of the run's data set, another one for each `draw`, of that label where there is one.

        It was kept back from training if any such clip was. Raises RunError when the data set is gone or has changed.
        """
        import numpy as np

        dataset = self.dataset(run.config.dataset)
        clips = worker.load_clips(dataset.folder, run.config)
        fits = np.ones(len(clips.waves), bool)
        if label in dataset.labels:
            fits = clips.labels == dataset.labels.index(label)
        kept_back = fits & (False if clips.held_out is None else clips.held_out)
        index = int(np.random.default_rng(draw).choice(np.flatnonzero(kept_back if kept_back.any() else fits)))
        return RealSound(
            wav=wav_of_clip(dataset, index),
            file=dataset.files[dataset.clip_files()[index]].path,
            label=dataset.labels[clips.labels[index]] if dataset.labels else "",
            held_out=bool(kept_back[index]),
        )

    def generate(
        self,
        run: Run,
        count: int,
        seed: int = 0,
        label: str | None = None,
        step: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Sound]:
        """`count` sounds of consecutive seeds; labels take turns unless one is named."""
        if not 1 <= count <= MOST_SOUNDS:
            raise RunError(f"Between 1 and {MOST_SOUNDS:,} sounds can be made at once, not {count:,}.")
        instrument = self.instrument(run, step)
        number = instrument.label_number(label) if label else None
        points = [instrument.point(seed + index, number) for index in range(count)]
        return self._render(instrument, points, progress)

    def recall(self, run: Run, addresses: str, step: int | None = None) -> list[Sound]:
        """The sounds of a sounds.json text again, from their latents and the snapshot it names."""
        from audiogan.instrument import Point

        try:
            book = json.loads(addresses)
            rows = [(tuple(map(float, row["latent"])), row["label"], _seed(row["seed"])) for row in book["sounds"]]
            step = book["snapshot"] if step is None else step
            if not all(math.isfinite(number) for latent, *_ in rows for number in latent):
                raise ValueError("a latent is not a number")
        except (ValueError, KeyError, TypeError):
            raise RunError("That is not a sounds.json as a ZIP of generated sounds holds it.") from None
        instrument = self.instrument(run, step)
        points = [
            Point(latent, instrument.label_number(label) if label else None, seed) for latent, label, seed in rows
        ]
        return self._render(instrument, points)

    # a sound of one's own

    def clip_for(self, run: Run, source: Path | Upload) -> "np.ndarray":
        """The first clip (T,) of a sound file, made as the run's own clips were: mono, trimmed, of its rate and length.

        Raises NoSounds when there is no sound in it, RunError when there are several files.
        """
        from audiogan import audio

        found = self.survey([source])
        if len(found.files) != 1:
            raise RunError(f"There are {len(found.files)} files in '{source}': name one of them.")
        config = run.config
        known = {dataset.fingerprint: dataset for dataset in self.datasets()}.get(config.fingerprint)
        loudness = known.settings["loudness"] if known else datasets.LOUDNESS[0]
        cutting = datasets.Cutting(config.rate, config.clip_samples / config.rate, loudness)
        clip = cutting.clips(found.sound(0), found.files[0].rate)[:1]
        return audio.from_int16(audio.pad(clip, config.clip_samples)[0])

    def has_encoder(self, run: Run, step: int | None = None) -> bool:
        """Whether sounds can be encoded at once; otherwise the first call trains for up to two minutes."""
        snapshot = run.snapshot(step)
        return (run.folder, snapshot.step) in self._encoders or run.load_encoder(snapshot) is not None

    def encoder(
        self, run: Run, step: int | None = None, progress: Callable[[int, int], None] | None = None
    ) -> "Encoder":
        """The encoder of that snapshot, trained on first use and kept in the run."""
        from audiogan.encoder import Encoder, train_encoder

        instrument, snapshot = self.instrument(run, step), run.snapshot(step)
        tensors = run.load_encoder(snapshot) or self._encoders.get((run.folder, snapshot.step))
        if tensors is None:
            tensors = train_encoder(instrument, self._clips(run), _discriminator(run), progress).state_dict()
            # a starter model inside an installed package may not be writable
            with contextlib.suppress(OSError):
                run.save_encoder(snapshot, tensors)
            self._encoders[run.folder, snapshot.step] = tensors
        encoder = Encoder(run.config, instrument.transform.shape)
        encoder.load_state_dict(tensors)
        return encoder

    def _clips(self, run: Run) -> "Clips | None":
        """The clips a run was trained on, None where they are gone or have changed."""
        try:
            return worker.load_clips(self.dataset(run.config.dataset).folder, run.config)
        except RunError:
            return None

    def reconstruct(
        self,
        run: Run,
        clip: "np.ndarray",
        label: str | None = None,
        step: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> "Reconstruction":
        """A clip (T,) encoded and decoded again; `progress` tells of the encoder's training, which happens once."""
        from audiogan.encoder import encode

        instrument, encoder = self.instrument(run, step), self.encoder(run, step, progress)
        point = encode(encoder, instrument, clip, instrument.label_number(label) if label else None)
        return _compare(instrument, clip, point)

    # judging

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
        from audiogan.evaluation import evaluate
        from audiogan.own_embedders import own_embedder

        instrument, found = self.instrument(run, step), self._judging_dataset(run, dataset)
        own = own_embedder(str(embedder), embedder_rate) if embedder else None
        evaluation = evaluate(run, instrument, found, count, own, progress)
        # a starter model inside an installed package may not be writable: then it is judged again next time
        with contextlib.suppress(OSError):
            run.save_evaluation(evaluation.step, evaluation.dataset, own.name if own else "", evaluation.to_json())
        return evaluation

    def _judging_dataset(self, run: Run, name: str | None) -> Dataset:
        """The data set of that name, by default the one that the run was trained on."""
        if name is not None:
            return self.dataset(name)
        config = run.config
        known = {dataset.name: dataset for dataset in self.datasets()}
        same = [dataset for dataset in known.values() if dataset.fingerprint == config.fingerprint]
        if same or config.dataset in known:
            return (same or [known[config.dataset]])[0]
        if config.dataset == BUILT_IN:
            return self.prepare_built_in()
        others = ", ".join(known) or "none yet"
        raise RunError(
            f"The data set '{config.dataset}' that '{run.name}' was trained on is gone: prepare it again, or judge by "
            f"another one (there is {others})."
        )

    def evaluations(self, run: Run) -> "list[Evaluation]":
        """What is kept of a run's evaluations, those of the oldest snapshot first."""
        from audiogan.evaluation import Evaluation

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
        from audiogan import evaluation as judging

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
            dataset = self._judging_dataset(run, evaluation and evaluation.dataset)
        with contextlib.suppress(ValueError):
            pairs = self.closest_pairs(evaluation) if evaluation else []
        clips = [
            (
                Clip(pair.generated, pair.label or "Generated", f"seed {pair.seed}"),
                Clip(pair.training, "Training clip", f"{pair.file}, distance {pair.distance:.2f}"),
            )
            for pair in pairs
        ]
        return exhibit(run, instrument, dataset, evaluation, clips)

    def _render(
        self,
        instrument: "Instrument",
        points: Sequence["Point"],
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Sound]:
        sounds = []
        for point in points:
            label = instrument.labels[point.label] if point.label is not None else ""
            # a label was a folder's name once, and becomes part of a file's name on any system
            stem = re.sub(r"\W+", "-", label).strip("-")
            origin = "own" if point.seed is None else f"seed{point.seed}"
            name = f"{stem}-{origin}" if stem else origin
            # one seed may come several times, with its sliders moved
            copies = sum(sound.point.seed == point.seed and sound.label == label for sound in sounds)
            name += f"-{copies + 1}.wav" if copies else ".wav"
            sounds.append(Sound(name, instrument.wav(point), point, label))
            if progress:
                progress(len(sounds), len(points))
        return sounds

    def pack(self, run: Run, sounds: Sequence[Sound], step: int | None = None) -> bytes:
        """A ZIP of the sounds with sounds.json, from which `recall` makes each of them again."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for sound in sounds:
                archive.writestr(sound.name, sound.wav)
            archive.writestr("sounds.json", self.addresses(run, sounds, step))
        return buffer.getvalue()

    def addresses(self, run: Run, sounds: Sequence[Sound], step: int | None = None) -> str:
        """sounds.json: model, snapshot, and every sound's seed, label and latent."""
        book = {
            "model": run.name,
            "snapshot": run.snapshot(step).step,
            "rate": run.config.rate,
            "sounds": [
                {
                    "file": sound.name,
                    "seed": sound.point.seed,
                    "label": sound.label or None,
                    "latent": sound.point.latent,
                }
                for sound in sounds
            ],
        }
        return json.dumps(book, indent=1, ensure_ascii=False)


RANDOM_SOUNDS = 8
"""Sounds of random latents that a reconstruction is held against."""


def _compare(instrument: "Instrument", clip: "np.ndarray", point: "Point") -> Reconstruction:
    """A clip (T,) beside the sound of a point, measured on what is heard."""
    import torch

    from audiogan import audio, distance

    others = [instrument.point(seed, point.label) for seed in range(RANDOM_SOUNDS)]
    made = torch.stack([instrument.heard(item) for item in (point, *others)])
    original = torch.from_numpy(clip).expand_as(made)
    spectral = distance.multi_resolution_stft_distance(made, original)
    return Reconstruction(
        original=audio.encode_wav(clip, instrument.config.rate),
        wav=instrument.wav(point),
        point=point,
        label=instrument.labels[point.label] if instrument.labels else "",
        spectral_distance=float(spectral[0]),
        usual_distance=float(spectral[1:].mean()),
        wave_error=float(distance.mean_square_error(made[:1], original[:1])),
        silence_error=float(original[0].square().mean()),
        draws_samples=instrument.config.settings.transform == "waveform",
    )


def _discriminator(run: Run) -> dict | None:
    """The weights of a run's discriminator by name, None where no save of them is left."""
    try:
        saved = run.load_resume()
    except RunError:
        return None
    prefix = "discriminator."
    return saved and {name[len(prefix) :]: value for name, value in saved[0].items() if name.startswith(prefix)}


def wav_of_clip(dataset: Dataset, index: int) -> bytes:
    """One clip of a data set as a WAV file."""
    from audiogan import audio

    return audio.encode_wav(dataset.clip(index), dataset.rate)


def _seed(value: int | None) -> int | None:
    """A seed as an address gives it. It becomes part of a file's name, so it must be a number and nothing else."""
    return None if value is None else int(value)


@functools.cache
def open_lab() -> Lab:
    """The one Lab of this process, on AUDIOGAN_HOME or the default home."""
    return Lab()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
