"""Lab(home): the facade. Pages, command line and HTTP routes import this module and no other of the package's rooms.

Nothing here imports torch until a sound or a training needs it, so that a first page paints at once.
"""

import contextlib
import functools
import io
import itertools
import json
import math
import os
import platform
import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from audiogan import datasets, devices, listening, probe, queue, sources, splits, survey, worker
from audiogan.config import Limit, RunConfig
from audiogan.datasets import Dataset
from audiogan.listening import KINDS, MOST_QUESTIONS, ListeningError, ListeningTest, Participant, listener_name
from audiogan.presets import PRESETS, Preset, number_of_kinds, preset
from audiogan.queue import Entry
from audiogan.reading import Finding, read
from audiogan.runs import (
    METRICS,
    RECENT_SNAPSHOTS,
    Run,
    RunError,
    Snapshot,
    Status,
    list_runs,
    most_snapshots,
    run_folders,
)
from audiogan.settings import BELIEFS, SettingError, Settings, documentation
from audiogan.sources import Download, Source
from audiogan.survey import NoSounds, Survey, SurveyedFile, Upload
from audiogan.wording import plural, size

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from audiogan.encoder import Encoder
    from audiogan.examples import Clips
    from audiogan.handout import Exhibit
    from audiogan.instrument import Instrument, Point
    from audiogan.judging.evaluation import Evaluation

__all__ = [
    "KINDS",
    "METRICS",
    "MOST_QUESTIONS",
    "PRESETS",
    "ClosestPair",
    "Dataset",
    "Download",
    "Entry",
    "Estimate",
    "Finding",
    "Lab",
    "Limit",
    "ListeningError",
    "ListeningTest",
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
    "listener_name",
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
    clean: bool = False
    """Whether noise, offset and clicks were taken out after the model had made it."""


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
    construction: str
    """What transform and networks make of the clips' length and rate, in words."""

    disk_bytes: int
    """What it can take on disk at the very most."""


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
        self.listening_folder = self.home / "listening"
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

    def kept_archives(self, name: str, to: Path | None = None) -> list[str]:
        """A sentence for each archive that a download left behind because another public data set is made of it too."""
        return sources.kept_archives(name, to or self.downloads_folder)

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

    def suggested_preset(self, device: str = "auto") -> str:
        """The preset to begin with on that device: 'studio' on an NVIDIA card, 'framegan' elsewhere."""
        is_card = device.startswith("cuda") or (device == "auto" and devices.has_cuda())
        return "studio" if is_card else "framegan"

    def describe_device(self, name: str = "auto") -> str:
        """The device that training would use, in words. Imports torch (seconds, the first time)."""
        return devices.describe_device(name)

    def configure(
        self, dataset: Dataset, preset_name: str, assignments: Sequence[str] = (), seed: int = 0
    ) -> RunConfig:
        """What a run of that preset on that data set would be made with; `assignments` are `key=value` texts.

        Raises SettingError for an unknown preset or key, or a value out of range.
        """
        settings = preset(preset_name).settings.with_text(list(assignments))
        if settings.conditional and len(dataset.labels) < 2 and settings.kinds == 0:
            settings = replace(settings, kinds=number_of_kinds(round(dataset.n_clips * (1 - settings.hold_out))))
        return RunConfig(
            preset=preset_name,
            settings=settings,
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            rate=dataset.rate,
            clip_samples=dataset.clip_samples,
            labels=tuple(dataset.labels),
            seed=seed,
            created=_now(),
            versions={
                "audiogan": _version("audiogan"),
                "torch": _version("torch"),
                "python": platform.python_version(),
            },
        )

    def describe_construction(self, config: RunConfig) -> str:
        """What the preset makes of the data set's clip length and rate: layers added or dropped, what is cropped or
        padded. Imports torch."""
        return worker.describe_construction(config)

    def estimate(self, config: RunConfig, limit: Limit, device: str = "auto") -> Estimate:
        """What a training will cost, by running a few of its steps in a process of their own (about ten seconds).

        Raises RunError when it cannot fit the device's memory, or not one step can be run.
        """
        from audiogan import disk

        limit = limit.or_default(config.settings)
        self._check_room(config, limit, device)
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
            construction=worker.describe_construction(config),
            disk_bytes=disk.most_bytes(config, Limit(steps=max(1, steps)), self.dataset(config.dataset).n_clips),
        )

    def create_run(self, config: RunConfig, name: str = "", device: str = "auto", limit: Limit | None = None) -> Run:
        """A new run folder, named by date, data set and preset unless a name is given.

        Raises RunError when the name is taken, the device is not there, or memory or disk cannot hold a training up to
        the limit (the preset's own by default).
        """
        from audiogan import ranks

        def create() -> str:
            self._check_room(config, (limit or Limit()).or_default(config.settings), device)
            if name:
                datasets.check_name(name)
            return Run.create(self.runs_folder, config, name).name

        return Run(self.runs_folder / ranks.from_first(create))

    def start(self, run: Run, limit: Limit, device: str = "auto", at_once: bool = False) -> None:
        """Train in a process of its own, which outlives this one; it waits for its turn unless it begins `at_once`."""
        goal = self._goal(run, limit)
        self._check_room(run.config, goal, device, run.disk_bytes())
        worker.start(run, self.dataset(run.config.dataset).folder, goal, devices.one_device(device), at_once)

    def train(
        self,
        run: Run,
        limit: Limit,
        device: str = "auto",
        on_status: Callable[[Status], None] | None = None,
        at_once: bool = False,
    ) -> Status:
        """Train in this process until the limit, or until somebody stops it; its turn is waited for as by `start`."""
        from audiogan import ranks

        def begin() -> dict:
            goal = self._goal(run, limit)
            self._check_room(run.config, goal, device, run.disk_bytes())
            run.clear_request()
            return asdict(goal)

        goal = Limit(**ranks.from_first(begin))
        folder = self.dataset(run.config.dataset).folder
        return worker.work(run, folder, goal, devices.one_device(device), on_status, at_once)

    def join_ranks(self) -> bool:
        """Meet the other processes when torchrun started this one; whether this is the one that speaks and writes."""
        from audiogan import ranks

        ranks.join()
        return ranks.RANK == 0

    def _check_room(self, config: RunConfig, limit: Limit, device: str, there_bytes: int = 0) -> None:
        """Raise RunError when the device's memory or the disk cannot hold a training."""
        from audiogan import disk

        n_clips = {dataset.name: dataset.n_clips for dataset in self.datasets()}.get(config.dataset, 0)
        probe.check_memory(config, n_clips, device)
        disk.check_room(self.runs_folder, config, limit, n_clips, there_bytes)

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

    def branch(self, run: Run, step: int | None = None, rate_scale: float = 1.0, name: str = "") -> Run:
        """A new run that goes on from a save of another (by default its best one) with other learning rates.

        The settings of a run never change, and nothing it has is lost: what is different is another run, which holds
        what the first one had by then. Raises RunError when there is no save of that step or the run is being trained,
        SettingError for rates out of range.
        """
        from audiogan import ranks

        if run.status.is_active:
            raise RunError(f"The run '{run.name}' is being trained: stop it first.")
        steps = run.saved_steps()
        if step is None:
            step = run.best_step if run.best_step in steps else max(steps, default=0)
        settings = run.config.settings
        rates = [f"{key}={getattr(settings, key) * rate_scale:.6g}" for key in ("rate_g", "rate_d")]
        config = replace(
            run.config,
            settings=settings.with_text(rates),
            created=_now(),
            origin=f"{run.name}, step {step:,}, learning rates times {rate_scale:g}",
        )
        if name:
            datasets.check_name(name)

        def make() -> str:
            return run.branch(config, name or self._free_name(f"{run.name}-from-{step}"), step).name

        return Run(self.runs_folder / ranks.from_first(make))

    def _free_name(self, name: str) -> str:
        """The name, or with the first number behind it that makes it a new one."""
        taken = {run.name for run in run_folders(self.runs_folder)}
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        return next(free for free in itertools.chain([name], numbered) if free not in taken)

    def stop(self, run: Run, pause: bool = False) -> None:
        """Ask a training to finish its step, save and leave, or one that waits to leave the queue as it was.

        Raises RunError when none is at work.
        """
        if not run.status.is_active:
            raise RunError(f"The run '{run.name}' is not being trained ({run.status.state}).")
        run.request("pause" if pause else "stop")

    # the queue

    def queue(self) -> list[Entry]:
        """The runs that train, wait for their turn, or were interrupted in either, in their order."""
        return queue.entries(self.runs_folder)

    def waits_for(self, run: Run) -> str:
        """Whom a run waits for, in words: "'first', which has 6 min left, and 2 more"; empty for nobody."""
        return next((entry.waits_for for entry in self.queue() if entry.run.folder == run.folder), "")

    def busy_with(self, device: str = "auto") -> str:
        """The same of a training that would be started now. Imports torch when anything is being trained."""
        found = [entry for entry in self.queue() if entry.status.is_active]
        return queue.in_words(queue.on_device(found, devices.one_device(device))) if found else ""

    def move(self, run: Run, position: int) -> None:
        """Let a waiting run be the so-manyth, from 1, of those that wait. Raises RunError when it does not wait."""
        queue.move(run, position)

    def hurry(self, run: Run) -> None:
        """Let a waiting run begin now, beside whatever trains. Raises RunError when it does not wait."""
        if run.status.state != "waiting":
            raise RunError(f"The run '{run.name}' does not wait in the queue ({run.status.state}).")
        run.request("hurry")

    def cancel(self, run: Run) -> None:
        """Take a run out of the queue: it is as it was before. Raises RunError when it is not waiting there."""
        state = run.status.state
        if state == "waiting":
            run.request("stop")
        elif state == "interrupted" and run.place:
            run.clear_place()
        else:
            raise RunError(f"The run '{run.name}' does not wait in the queue ({state}).")

    def go_on(self) -> list[Run]:
        """Start every run again that was interrupted while it trained or waited, in the order they had."""
        interrupted = [entry for entry in self.queue() if entry.is_interrupted]
        for entry in interrupted:
            self.start(entry.run, Limit(), entry.place.device)
        return [entry.run for entry in interrupted]

    # room on disk

    def kept_words(self, run: Run) -> str:
        """Which snapshots of a run are kept, and what it takes on disk."""
        most = most_snapshots(run.status.step)
        return (
            f"Kept are the {RECENT_SNAPSHOTS} newest snapshots, the best one, and the first after each doubling of the "
            f"steps: {len(run.snapshots())} now, {most} at most after {plural(run.status.step, 'step')}. "
            f"This run takes {size(run.disk_bytes())}."
        )

    def disk_words(self) -> str:
        """What all runs take, and what is free."""
        taken = sum(run.disk_bytes() for run in run_folders(self.runs_folder))
        there = next(path for path in (self.runs_folder, *self.runs_folder.parents) if path.exists())
        return f"Models take {size(taken)} on disk, {size(shutil.disk_usage(there).free)} are free."

    def delete_run(self, run: Run) -> None:
        """Remove a run with all its sounds. Raises RunError while it is trained, and for the model that ships."""
        if run.folder.parent != self.runs_folder or run.name == STARTER:
            raise RunError(f"The model '{run.name}' belongs to the program and stays.")
        if run.status.is_active:
            raise RunError(f"The run '{run.name}' is being trained or waits for it: stop it first.")
        run.delete()
        # another run of this name would otherwise find the encoders of this one
        self._encoders = {key: value for key, value in self._encoders.items() if key[0] != run.folder}

    def runs_on(self, dataset: Dataset) -> list[Run]:
        """The runs that were made with a data set, and cannot go on without it."""
        return [run for run in list_runs(self.runs_folder) if run.config.fingerprint == dataset.fingerprint]

    def delete_dataset(self, dataset: Dataset) -> None:
        """Remove a data set's clips; the sounds they were made of are not touched. Raises RunError while one trains."""
        using = [run.name for run in self.runs_on(dataset) if run.status.is_active]
        if using:
            raise RunError(f"The data set '{dataset.name}' is in use by the run '{using[0]}': stop that one first.")
        datasets.delete(dataset)

    # following

    def track(self, names: Sequence[str], to: Path | None = None, follow_seconds: float = 0.0) -> Path:
        """Write runs (all of them when none is named) as TensorBoard's event files, and keep up every so many seconds
        while any of them is being trained, unless that is 0. The folder, in the home's `tensorboard/` by default.

        Raises RunError when TensorBoard is not installed.
        """
        from audiogan import tracking

        folder = to or self.home / "tensorboard"
        runs = [self.run(name) for name in names] or self.runs()
        mirrors = [tracking.Mirror(run, folder / run.name) for run in runs]
        for mirror in mirrors:
            mirror.update()
        if follow_seconds:
            tracking.follow(mirrors, follow_seconds)
        for mirror in mirrors:
            mirror.close()
        return folder

    def runs(self) -> list[Run]:
        """All runs, newest first, the starter model last."""
        found = [run for run in list_runs(self.runs_folder) if run.name != STARTER]
        starter = self._starter()
        return found + [starter] if starter else found

    def run(self, name: str) -> Run:
        """The run of that name. Raises RunError naming the newest ones there are."""
        # asked on every movement of a slider: only this run's config is read, found among the names there are
        runs = {run.name: run for run in run_folders(self.runs_folder)}
        found = self._starter() if name == STARTER else runs.get(name)
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
        clean: bool = False,
    ) -> tuple[bytes, list[float]]:
        """(WAV bytes, slider positions) of one sound."""
        instrument = self.instrument(self.run(run_name), step)
        point = instrument.point(seed, label, sliders, origin)
        return instrument.wav(point, clean), instrument.sliders(point)

    def real_sound(self, run: Run, draw: int, label: str = "") -> RealSound:
        """A random clip of the run's data set, another one for each `draw`, of that label where there is one.

        It was kept back from training if any such clip was. Raises RunError when the data set is gone or has changed.
        """
        import numpy as np

        dataset = self.dataset(run.config.dataset)
        clips = worker.load_clips(dataset.folder, run.config)
        names = run.config.label_names or dataset.labels
        fits = clips.labels == names.index(label) if label in names else np.ones(len(clips.waves), bool)
        kept_back = fits & (False if clips.held_out is None else clips.held_out)
        index = int(np.random.default_rng(draw).choice(np.flatnonzero(kept_back if kept_back.any() else fits)))
        return RealSound(
            wav=wav_of_clip(dataset, index),
            file=dataset.files[dataset.clip_files()[index]].path,
            label=names[clips.labels[index]] if names else "",
            held_out=bool(kept_back[index]),
        )

    def kind_examples(self, run: Run) -> list[str]:
        """For each of the run's kinds the name of the file that is most like it; empty without kinds, and without the
        data set that they were found in."""
        from audiogan.kinds import open_kinds

        if not run.config.has_kinds:
            return []
        try:
            dataset = self._dataset_of(run)
            clips = worker.load_clips(dataset.folder, run.config)
        except RunError:
            return []
        kinds = open_kinds(dataset.folder, clips, dataset.rate, run.config.settings.kinds)
        files = dataset.clip_files()[list(kinds.examples)]
        return [PurePosixPath(dataset.files[file].path).name for file in files]

    def generate(
        self,
        run: Run,
        count: int,
        seed: int = 0,
        label: str | None = None,
        step: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        clean: bool = False,
    ) -> list[Sound]:
        """`count` sounds of consecutive seeds; labels take turns unless one is named. `clean` takes out steady noise,
        offset and clicks, see `audiogan.cleaning`."""
        if not 1 <= count <= MOST_SOUNDS:
            raise RunError(f"Between 1 and {MOST_SOUNDS:,} sounds can be made at once, not {count:,}.")
        instrument = self.instrument(run, step)
        number = instrument.label_number(label) if label else None
        points = [instrument.point(seed + index, number) for index in range(count)]
        return self._render(instrument, [(point, clean) for point in points], progress)

    def recall(self, run: Run, addresses: str, step: int | None = None, clean: bool = False) -> list[Sound]:
        """The sounds of a sounds.json text again, from their latents and the snapshot it names; those that were cleaned
        are cleaned, with `clean` all of them."""
        from audiogan.instrument import Point

        try:
            book = json.loads(addresses)
            rows = [
                (tuple(map(float, row["latent"])), row["label"], _seed(row["seed"]), clean or row.get("clean") is True)
                for row in book["sounds"]
            ]
            step = book["snapshot"] if step is None else step
            if not all(math.isfinite(number) for latent, *_ in rows for number in latent):
                raise ValueError("a latent is not a number")
        except (ValueError, KeyError, TypeError):
            raise RunError("That is not a sounds.json as a ZIP of generated sounds holds it.") from None
        instrument = self.instrument(run, step)
        wanted = [
            (Point(latent, instrument.label_number(label) if label else None, seed), cleaned)
            for latent, label, seed, cleaned in rows
        ]
        return self._render(instrument, wanted)

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
        from audiogan.judging.evaluation import evaluate
        from audiogan.judging.own_embedders import own_embedder

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
            dataset = self._judging_dataset(run, evaluation and evaluation.dataset)
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

    def _render(
        self,
        instrument: "Instrument",
        wanted: Sequence[tuple["Point", bool]],
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Sound]:
        """The sounds of points, each with whether it is to be cleaned."""
        sounds = []
        for point, clean in wanted:
            label = instrument.labels[point.label] if point.label is not None else ""
            # a label was a folder's name once, and becomes part of a file's name on any system
            stem = re.sub(r"\W+", "-", label).strip("-")
            origin = "own" if point.seed is None else f"seed{point.seed}"
            name = (f"{stem}-{origin}" if stem else origin) + ("-clean" if clean else "")
            # one seed may come several times, with its sliders moved
            alike = (point.seed, label, clean)
            copies = sum((sound.point.seed, sound.label, sound.clean) == alike for sound in sounds)
            name += f"-{copies + 1}.wav" if copies else ".wav"
            sounds.append(Sound(name, instrument.wav(point, clean), point, label, clean))
            if progress:
                progress(len(sounds), len(wanted))
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
        """sounds.json: model, snapshot, and every sound's seed, label and latent, and whether it was cleaned."""
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
                    "clean": sound.clean,
                }
                for sound in sounds
            ],
        }
        return json.dumps(book, indent=1, ensure_ascii=False)

    # listening tests

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
        questions = listening.plan(kind, participants, count, seed, numbers)

        def render(participant: Participant, sound: listening.Sound) -> "np.ndarray":
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

    def _dataset_of(self, run: Run) -> Dataset:
        """The data set a run was trained on, or what is there under its name now. Raises RunError without one."""
        if run.config.dataset == BUILT_IN:
            return self.prepare_built_in()
        same = [dataset for dataset in self.datasets() if dataset.fingerprint == run.config.fingerprint]
        return same[0] if same else self.dataset(run.config.dataset)


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


ENOUGH_TO_HEAR = 5
"""Held-out clips of a label with which a listening test makes do; with fewer, it draws from all clips."""


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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
