"""A run is a folder, and the folder is the seam between trainer, pages and command line.

This is the only module that knows the file names inside it. Files are replaced atomically or appended to, so that a
reader never sees half of one, and a killed trainer leaves a run that reads well and resumes.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from audiogan import columns, whole
from audiogan.config import RunConfig

STALE_SECONDS = 20.0
"""A trainer beats once a second; one that was silent for this long is taken for dead."""

FULL_DISK_BYTES = 100_000
"""Under so much free space not even a status can be counted on."""

RECENT_SNAPSHOTS = 4
"""Newest snapshots that are always kept, as the best is; of the others, the first after each doubling of the steps."""

COPYING = 0.7
"""Under this ratio of nearest neighbours, sounds are called copies of training clips: real ones are at 1."""

METRICS = ("step", "seconds", "loss_d", "loss_g", "belief_real", "belief_fake")
"""Columns of metrics.csv: means over the steps since the previous row; seconds are seconds of training."""

SCORES = ("step", "seconds", "distance", "floor", "nearest_ratio", "diversity", "silent")
"""Columns of scores.csv: a `Score` of the snapshot of that step; seconds are seconds of training."""


EPOCH_LOSSES, EPOCH_BELIEFS = ("D LOSS", "G LOSS"), ("REAL PROB", "FAKE PROB")
"""Columns of losses.csv and probs.csv: a row an epoch, named as in the published systems."""


class RunError(ValueError):
    """A run that is missing, damaged or in the wrong state for what was asked; the message says what to do."""


@dataclass(frozen=True)
class Status:
    """What a trainer last said of itself."""

    state: str = "new"
    """new, waiting (for its turn), starting, running, paused, stopped, finished, settled, failed, interrupted."""

    step: int = 0
    """Generator steps done."""

    epoch: float = 0.0
    """Passes over the data set."""

    seconds: float = 0.0
    """Seconds of training so far, pauses not counted."""

    fraction: float = 0.0
    """Share of the limit that is done, 0 to 1."""

    steps_per_second: float = 0.0
    seconds_left: float | None = None
    device: str = ""
    construction: str = ""
    """What transform and networks made of the clips' length and rate, in words."""

    memory_bytes: int = 0
    """Most memory the trainer has held: of the graphics card when it uses one, otherwise of the process."""

    limit: dict | None = None
    """The `Limit` the training runs towards."""

    heartbeat: float = 0.0
    """Unix time of this message."""

    message: str = ""
    """One sentence when something went wrong."""

    diverged: bool = False
    """Whether what went wrong were numbers that grew without bound, against which a lower learning rate helps."""

    @property
    def is_active(self) -> bool:
        """Whether a trainer is at work, or waits for its turn."""
        return self.state in ("waiting", "starting", "running")


@dataclass(frozen=True)
class Score:
    """How good a snapshot's sounds are, measured against clips that were held out of training where there are some."""

    distance: float
    """Kernel distance from the real clips (about 0 when they cannot be told apart)."""

    floor: float
    """The same distance of as many real clips: what chance alone makes of it, at its upper end."""

    nearest_ratio: float
    """How near the sounds are to training clips, against how near real ones are; far under 1 they are copies."""

    diversity: float
    """How far the sounds are from each other, against how far real ones are."""

    silent: float
    """Share of the sounds that are silent or broken."""


@dataclass(frozen=True)
class Place:
    """That a run wants to train: where it stands among those that want the same device."""

    number: float
    """Smaller ones come first: the Unix time of the start, until somebody changes the order."""

    machine: str
    """Name of the computer: runs can lie on a disk that several share."""

    device: str
    """The one device of that computer: cpu, cuda:0, mps."""

    before: dict = field(default_factory=dict)
    """The run's status before, which comes back when it leaves without having trained."""


@dataclass(frozen=True)
class Snapshot:
    """One generator on disk, its averaged weights and the transform's statistics, and the sounds it made then."""

    path: Path
    step: int
    previews: tuple[Path, ...]


class Run:
    """One run folder. Opening it reads nothing; properties read when asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @classmethod
    def create(cls, root: Path, config: RunConfig, name: str = "") -> "Run":
        """A new folder under `root` holding config.json and nothing else. Raises RunError when the name is taken."""
        if not name:
            stamp = datetime.fromisoformat(config.created).strftime("%Y%m%d-%H%M%S")
            # one word on a command line, whatever the data set is called
            name = f"{stamp}-{config.dataset.replace(' ', '-')}-{config.preset}"
        run = cls(root / name)
        with run._made_whole() as partial:
            for part in ("snapshots", "previews"):
                (partial / part).mkdir(parents=True)
            (partial / "config.json").write_text(config.to_json(), encoding="utf-8")
        return run

    @contextlib.contextmanager
    def _made_whole(self) -> Iterator[Path]:
        """A folder to fill that takes the run's name at the end: a reader finds a whole run or none."""
        if self.folder.exists():
            raise RunError(f"There is already a run named '{self.name}': choose another name, or resume that one.")
        partial = self.folder.with_name(f".{self.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            yield partial
            os.rename(partial, self.folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def branch(self, config: RunConfig, name: str, step: int) -> "Run":
        """A new run beside this one that goes on from its save at that step with another config.

        It gets copies of what this one had by then: snapshots, sounds, rows. This one stays as it is.
        """
        saves = self._saves()
        if step not in saves:
            known = ", ".join(map(str, self.saved_steps())) or "none yet: resume it, or start a new run"
            raise RunError(f"The run '{self.name}' has no save of step {step} to go on from. There is {known}.")
        other = Run(self.folder.with_name(name))
        with other._made_whole() as partial:
            ignored = {
                "place.json",
                "stop",
                "lock",
                "log.txt",
                "encoders",
                "resume.safetensors",
                "resume-best.safetensors",
            }
            shutil.copytree(self.folder, partial, ignore=lambda folder, names: ignored & set(names))
            shutil.copy(saves[step], partial / "resume.safetensors")
            (partial / "config.json").write_text(config.to_json(), encoding="utf-8")
            copy, (_, progress) = Run(partial), self._read_save(saves[step])
            copy.cut_back(step, progress["epochs"])
            copy.drop_snapshots_after(step)
            done = {name: progress[name] for name in ("step", "seconds")}
            copy.write_status(Status(**done, epoch=progress["epochs"], limit=self.status.limit))
        return other

    def delete(self) -> None:
        """Remove the folder and all in it; one that cannot be removed whole is at least listed no more."""
        gone = self.folder.with_name(f".{self.name}.deleted")
        shutil.rmtree(gone, ignore_errors=True)
        os.rename(self.folder, gone)
        shutil.rmtree(gone)

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def config(self) -> RunConfig:
        """What the run was made with. Raises RunError when the folder holds no readable config."""
        try:
            return RunConfig.from_json((self.folder / "config.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(f"There is no run '{self.name}'.") from None
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(f"The run '{self.name}' has a damaged config.json ({error}).") from None

    def save_class_shares(self, shares: Sequence[float]) -> None:
        """How often each class is among the clips that are trained on; labels can be counted in any data set."""
        if self.config.is_divided:
            whole.write_text(self.folder / "label_shares.json", json.dumps([round(share, 6) for share in shares]))

    @property
    def class_shares(self) -> list[float]:
        """Of each class of a run with groups or kinds; all alike before training has told."""
        try:
            return json.loads((self.folder / "label_shares.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return [1 / self.config.n_classes] * self.config.n_classes

    # what the trainer says of itself

    @property
    def status(self) -> Status:
        """The last status, as 'interrupted' when a trainer said it was at work and has been silent since."""
        try:
            values = json.loads((self.folder / "status.json").read_text(encoding="utf-8"))
            known = {item.name for item in fields(Status)}
            status = Status(**{name: value for name, value in values.items() if name in known})
        except (FileNotFoundError, ValueError, AttributeError):
            return Status()
        if status.is_active and time.time() - status.heartbeat > STALE_SECONDS:
            return replace(status, state="interrupted", message=self._why_silent(status))
        return status

    def _why_silent(self, status: Status) -> str:
        """What probably became of a trainer that cannot say it, and what to do."""
        if not os.access(self.folder, os.W_OK):
            return f"The run folder '{self.folder}' cannot be written: allow writing there, then resume."
        if shutil.disk_usage(self.folder).free < FULL_DISK_BYTES:
            return "The disk is full: make room, then resume. It goes on from the last save."
        if status.state == "waiting":
            return "It waited for its turn when its process ended. Resume puts it back in its place."
        return (
            "The trainer stopped without a word: it was killed, its memory ran out, or the computer stopped. "
            "Resume goes on from the last save."
        )

    def write_status(self, status: Status) -> None:
        """Replace the status, stamped with the present time."""
        text = json.dumps(asdict(replace(status, heartbeat=time.time())))
        whole.write_text(self.folder / "status.json", text)

    def request(self, what: str) -> None:
        """Ask the trainer to finish its step, save and leave, as 'pause' or 'stop'."""
        whole.write_text(self.folder / "stop", what)

    def requested(self) -> str | None:
        """What the trainer was asked for, or None."""
        try:
            return (self.folder / "stop").read_text(encoding="utf-8").strip() or "stop"
        except FileNotFoundError:
            return None

    def clear_request(self) -> None:
        (self.folder / "stop").unlink(missing_ok=True)

    @property
    def lock_path(self) -> Path:
        """Held by the trainer as long as it lives (the system frees it, however it dies)."""
        return self.folder / "lock"

    @property
    def log_path(self) -> Path:
        """What the trainer printed."""
        return self.folder / "log.txt"

    # the queue

    @classmethod
    def all_with_place(cls, root: Path) -> "list[Run]":
        """Those under a folder that want to train, in no order."""
        return run_folders(root, "place.json")

    @property
    def place(self) -> Place | None:
        """Its place in the queue, None when it does not want to train."""
        try:
            return Place(**json.loads((self.folder / "place.json").read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_place(self, place: Place) -> None:
        whole.write_text(self.folder / "place.json", json.dumps(asdict(place)))

    def clear_place(self) -> None:
        (self.folder / "place.json").unlink(missing_ok=True)

    # numbers

    def append_metrics(self, rows: Iterable[tuple[float, ...]]) -> None:
        """Add rows of METRICS."""
        columns.append(self.folder / "metrics.csv", METRICS, rows)

    def metrics(self) -> dict[str, list[float]]:
        """Columns of numbers by METRICS name; an unfinished last line is left out."""
        return columns.read(self.folder / "metrics.csv", METRICS)

    def append_epoch(self, losses: tuple[float, float], beliefs: tuple[float, float]) -> None:
        """One row an epoch in losses.csv and probs.csv, the columns of the published systems."""
        columns.append(self.folder / "losses.csv", EPOCH_LOSSES, [losses])
        columns.append(self.folder / "probs.csv", EPOCH_BELIEFS, [beliefs])

    def epochs(self) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
        """(losses, beliefs) by column, one value an epoch."""
        return (
            columns.read(self.folder / "losses.csv", EPOCH_LOSSES),
            columns.read(self.folder / "probs.csv", EPOCH_BELIEFS),
        )

    def cut_back(self, step: int, epochs: int) -> None:
        """Forget rows after this step and after so many epochs, so that a resumed training doubles none."""
        metrics = self.metrics()
        kept = [row for row in zip(*(metrics[name] for name in METRICS), strict=True) if row[0] <= step]
        columns.write(self.folder / "metrics.csv", METRICS, kept)
        scores = self.scores()
        kept = [row for row in zip(*scores.values(), strict=True) if row[0] <= step]
        if len(kept) < len(scores["step"]):
            columns.write(self.folder / "scores.csv", SCORES, kept)
        for name, names in (("losses.csv", EPOCH_LOSSES), ("probs.csv", EPOCH_BELIEFS)):
            values = columns.read(self.folder / name, names)
            columns.write(self.folder / name, names, list(zip(*values.values(), strict=True))[:epochs])

    def append_score(self, step: int, seconds: float, score: Score) -> None:
        """Add a row of SCORES, and thin the snapshots with the best one known."""
        columns.append(self.folder / "scores.csv", SCORES, [(step, seconds, *astuple(score))])
        self._thin_snapshots()

    def scores(self) -> dict[str, list[float]]:
        """Columns of numbers by SCORES name, one value a scored snapshot."""
        return columns.read(self.folder / "scores.csv", SCORES)

    @property
    def best_step(self) -> int | None:
        """The step of the snapshot with the least distance among those that do not copy; None before any score.

        Where all of them copy, the one that copies least.
        """
        scores = self.scores()
        rows = list(zip(scores["step"], scores["distance"], scores["nearest_ratio"], strict=True))
        if not rows:
            return None
        new = [(distance, step) for step, distance, ratio in rows if not ratio < COPYING]
        return int(min(new)[1] if new else max((ratio, step) for step, _, ratio in rows)[1])

    def minutes_since_best(self) -> float:
        """Minutes of training between the best snapshot and the last one that was scored; 0 before any score."""
        scores = self.scores()
        if not scores["step"]:
            return 0.0
        return (scores["seconds"][-1] - scores["seconds"][scores["step"].index(self.best_step)]) / 60

    @property
    def losses_picture(self) -> Path:
        return self.folder / "losses.png"

    @property
    def beliefs_picture(self) -> Path:
        return self.folder / "probabilities.png"

    # sounds and weights

    def save_snapshot(self, step: int, tensors: dict, previews: list[bytes]) -> None:
        """Keep a generator (torch tensors by name) and the WAV files it makes of the fixed latents."""
        from audiogan.tensors import save_tensors

        stem = f"step-{step:08d}"
        sounds = [self.folder / "previews" / f"{stem}-{index}.wav" for index in range(len(previews))]
        try:
            for path, wav in zip(sounds, previews, strict=True):
                whole.write_bytes(path, wav)
            # the weights come last: a snapshot that is listed is whole
            save_tensors(self.folder / "snapshots" / f"{stem}.safetensors", tensors, {"step": str(step)})
        except OSError:
            for path in sounds:
                path.unlink(missing_ok=True)
            raise
        self._thin_snapshots()

    def snapshots(self) -> list[Snapshot]:
        """What was kept, oldest first."""
        found = []
        for path in sorted((self.folder / "snapshots").glob("step-*.safetensors")):
            previews = sorted((self.folder / "previews").glob(f"{path.stem}-*.wav"))
            found.append(Snapshot(path, int(re.sub(r"\D", "", path.stem)), tuple(previews)))
        return found

    def snapshot(self, step: int | None = None) -> Snapshot:
        """The snapshot of that step, by default the best, or the newest before any was scored.

        Raises RunError when there is none.
        """
        snapshots = self.snapshots()
        wanted = self.best_step if step is None else step
        found = [item for item in snapshots if item.step == wanted]
        if step is None and not found:
            found = snapshots
        if not found and step is None:
            raise RunError(f"The run '{self.name}' has no sound yet: let it train for a few seconds first.")
        if not found:
            raise RunError(f"The run '{self.name}' kept no snapshot of step {step}.")
        return found[-1]

    def _thin_snapshots(self) -> None:
        snapshots = self.snapshots()
        keep = {snapshot.step for snapshot in snapshots[-RECENT_SNAPSHOTS:]} | {self.best_step}
        doublings = set()
        for snapshot in snapshots:
            if snapshot.step.bit_length() not in doublings:
                doublings.add(snapshot.step.bit_length())
                keep.add(snapshot.step)
        self._drop(snapshot for snapshot in snapshots if snapshot.step not in keep)

    def drop_snapshots_after(self, step: int) -> None:
        self._drop(snapshot for snapshot in self.snapshots() if snapshot.step > step)

    def _drop(self, snapshots: Iterable[Snapshot]) -> None:
        for snapshot in snapshots:
            for path in (snapshot.path, *snapshot.previews, self._encoder_path(snapshot)):
                path.unlink(missing_ok=True)

    def clear_unfinished(self) -> None:
        """Remove what a trainer that was killed left half-written, which nobody would ever finish."""
        for partial in (*self.folder.glob("resume*.partial"), *self.folder.glob("snapshots/*.partial")):
            partial.unlink(missing_ok=True)
        finished = {path.stem for path in self.folder.glob("snapshots/step-*.safetensors")}
        for sound in self.folder.glob("previews/*"):
            # a snapshot's sounds are written before its weights
            if sound.name.rpartition("-")[0] not in finished:
                sound.unlink(missing_ok=True)

    def save_encoder(self, snapshot: Snapshot, tensors: dict) -> None:
        """Keep an encoder (torch tensors by name) that was trained for this snapshot's generator."""
        from audiogan.tensors import save_tensors

        path = self._encoder_path(snapshot)
        path.parent.mkdir(exist_ok=True)
        save_tensors(path, tensors, {"generator": _digest(snapshot.path)})

    def load_encoder(self, snapshot: Snapshot) -> dict | None:
        """The encoder's tensors, or None when there is none for the snapshot as it is now."""
        from audiogan.tensors import DamagedFile, load_tensors

        try:
            tensors, metadata = load_tensors(self._encoder_path(snapshot))
        except (FileNotFoundError, DamagedFile):
            return None
        return tensors if metadata.get("generator") == _digest(snapshot.path) else None

    def _encoder_path(self, snapshot: Snapshot) -> Path:
        return self.folder / "encoders" / snapshot.path.name

    def save_evaluation(self, step: int, dataset: str, embedder: str, text: str) -> None:
        """Keep an evaluation (JSON) of a snapshot; one by the same data set and embedder is replaced."""
        # names of files are anybody's, and no part of a path
        key = hashlib.sha256(json.dumps([dataset, embedder]).encode()).hexdigest()[:12]
        folder = self.folder / "evaluations"
        folder.mkdir(exist_ok=True)
        whole.write_text(folder / f"step-{step:08d}-{key}.json", text)

    def evaluations(self) -> list[str]:
        """The kept evaluations as JSON texts, those of the oldest snapshot first."""
        return [path.read_text(encoding="utf-8") for path in sorted((self.folder / "evaluations").glob("step-*.json"))]

    def save_resume(self, tensors: dict, progress: dict) -> None:
        """Everything needed to go on exactly, in one file so that tensors and numbers cannot disagree."""
        from audiogan.tensors import save_tensors

        save_tensors(self.folder / "resume.safetensors", tensors, {"progress": json.dumps(progress)})

    def load_resume(self) -> tuple[dict, dict] | None:
        """(tensors, progress) of the last save, or None when there was none."""
        path = self.folder / "resume.safetensors"
        return self._read_save(path) if path.exists() else None

    def keep_save_as_best(self) -> None:
        """Keep the last save beside the ones to come, as the one from which the best snapshot was made."""
        save, path = self.folder / "resume.safetensors", self.folder / "resume-best.safetensors"
        with whole.replacing(path) as partial:
            partial.unlink(missing_ok=True)
            try:
                # a second name, which costs nothing: the next save takes the first name and leaves these bytes alone
                os.link(save, partial)
            except OSError:
                shutil.copy(save, partial)

    def saved_steps(self) -> list[int]:
        """Steps from which a training can go on, ascending: of the best snapshot where there was one, and the last."""
        return sorted(self._saves())

    def _saves(self) -> dict[int, Path]:
        """The saves by their steps, without damaged ones."""
        from audiogan.tensors import DamagedFile, load_metadata

        saves = {}
        for path in sorted(self.folder.glob("resume*.safetensors")):
            with contextlib.suppress(DamagedFile, KeyError, FileNotFoundError):
                saves[json.loads(load_metadata(path)["progress"])["step"]] = path
        return saves

    def _read_save(self, path: Path) -> tuple[dict, dict]:
        from audiogan.tensors import DamagedFile, load_tensors

        try:
            tensors, metadata = load_tensors(path)
        except DamagedFile as error:
            raise RunError(f"The run '{self.name}' cannot be resumed: {error}") from None
        return tensors, json.loads(metadata["progress"])

    def disk_bytes(self) -> int:
        """Bytes the folder takes."""
        total = 0
        # os.walk takes less than half of rglob's time, and a page asks this of every run
        for folder, _, names in os.walk(self.folder):
            for name in names:
                # a trainer replaces its files meanwhile
                with contextlib.suppress(FileNotFoundError):
                    total += os.stat(os.path.join(folder, name)).st_size
        return total


def most_snapshots(steps: int) -> int:
    """Snapshots that are kept at the very most after so many steps: about 7 + log2(steps).

    The newest ones, the best, and one for each length of a step's number in bits, of which 0 has none.
    """
    return RECENT_SNAPSHOTS + 1 + steps.bit_length() + 1


def run_folders(root: Path, holding: str = "config.json") -> list[Run]:
    """The runs under a folder that hold a file of that name, in no order; unfinished and half-deleted ones are not."""
    return [Run(path.parent) for path in Path(root).glob(f"*/{holding}") if not path.parent.name.startswith(".")]


class Onlooker(Run):
    """A run as a process sees it that trains along and leaves all writing to another: it reads, and writes nothing."""

    def _left_to_the_other(self, *_) -> None:
        """Nothing."""

    write_status = request = clear_request = _left_to_the_other
    append_metrics = append_epoch = append_score = cut_back = _left_to_the_other
    write_place = clear_place = clear_unfinished = _left_to_the_other
    save_snapshot = save_resume = keep_save_as_best = save_class_shares = _left_to_the_other
    save_encoder = save_evaluation = _left_to_the_other


def list_runs(root: Path) -> list[Run]:
    """The runs under a folder, newest first; anything that is not a run is passed over."""
    runs = []
    for run in run_folders(root):
        try:
            runs.append((run.config.created, run.name, run))
        except RunError:
            continue
    return [run for *_, run in sorted(runs, key=lambda item: item[:2], reverse=True)]


def _digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
