"""What a survey accepted -> clips on disk, with a manifest of what was kept and what was refused, and why."""

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np

from audiogan import __version__, audio
from audiogan.files import DatasetError, natural_key, printable
from audiogan.survey import (
    SILENCE_DB,
    Progress,
    Survey,
    SurveyedFile,
    in_parallel,
)

ONE_SHOT_CLIPS = 3
"""A sound of up to so many clip lengths is one event, of which the first clip is used: a drum's tail is not a drum."""

FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.001, 0.01
"""At edges that were cut: the first is too short to soften an attack, the second hides that the sound went on."""

LOWEST_RATE, HIGHEST_RATE = 4_000, 96_000
SHORTEST_SECONDS, LONGEST_SECONDS = 0.05, 30.0

LOUDNESS = ("peak", "keep")
"""Every clip brought to a peak of -1 dB, or left as loud as it is."""

STALE_SECONDS = 86_400
"""No data set takes a day to prepare: a half-written one that old was left by a process that was killed."""


def check_name(name: str) -> None:
    """Raise DatasetError unless the name can be a folder on every system, an address and a word on a command line."""
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,78}[A-Za-z0-9_-])?", name):
        raise DatasetError(
            f"'{printable(name)}' cannot be a name: use up to 80 letters from a to z, digits, spaces, dots, dashes "
            "and underscores, and begin with a letter or digit."
        )


@dataclass(frozen=True)
class Cutting:
    """How sounds become clips."""

    rate: int
    """Hz of the clips."""

    seconds: float
    """Length of a clip."""

    loudness: str = LOUDNESS[0]

    def __post_init__(self) -> None:
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            raise DatasetError(f"The rate must lie between {LOWEST_RATE:,} and {HIGHEST_RATE:,} Hz, not {self.rate:,}.")
        if not SHORTEST_SECONDS <= self.seconds <= LONGEST_SECONDS:
            raise DatasetError(
                f"A clip must last from {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s, not {self.seconds:g}."
            )
        if self.loudness not in LOUDNESS:
            raise DatasetError(f"Loudness is one of {', '.join(LOUDNESS)}; '{self.loudness}' is not.")

    @property
    def clip_samples(self) -> int:
        return round(self.seconds * self.rate)

    def clips(self, sound: np.ndarray, rate: int) -> list[np.ndarray]:
        """The int16 clips (up to clip_samples,) of a trimmed sound (T,), without those that are silent.

        The first one alone of a one-shot, which is a sound of up to three clip lengths; all of a longer one.
        """
        is_one_shot = len(sound) * self.rate <= ONE_SHOT_CLIPS * self.clip_samples * rate
        if is_one_shot:
            # one sample more than a clip tells that it was cut; the rest need not be resampled
            sound = sound[: math.ceil((self.clip_samples + 1) * rate / self.rate)]
        sound = audio.resample(sound, rate, self.rate)
        quietest = audio.amplitude(SILENCE_DB)
        if not is_one_shot:
            # the pauses of a recording are not clips, though its noise may be louder than -60 dB
            quietest = max(quietest, audio.peak(sound) * audio.amplitude(audio.QUIET_DB))
        level = audio.normalise_peak if self.loudness == "peak" else audio.without_clipping
        pieces = audio.cut(sound, self.clip_samples)[: 1 if is_one_shot else None]
        clips = []
        for place, piece in enumerate(pieces):
            if place > 0:
                piece = audio.fade(piece, self.rate, in_seconds=FADE_IN_SECONDS)
            if (place + 1) * self.clip_samples < len(sound):
                piece = audio.fade(piece, self.rate, out_seconds=FADE_OUT_SECONDS)
            if audio.peak(piece) >= quietest:
                clips.append(audio.to_int16(level(piece)))
        return clips


def prepare(
    survey: Survey,
    root: Path,
    name: str,
    rate: int,
    seconds: float,
    loudness: str = LOUDNESS[0],
    progress: Progress | None = None,
) -> "Dataset":
    """Cut the accepted sounds into clips and write them to the new folder `root / name`, whole or not at all.

    Sounds are resampled to `rate` (Hz), cut into clips of `seconds`, faded where they were cut, and with the loudness
    "peak" each brought to a peak of -1 dB. Of a sound that lasts up to three clips, a one-shot, only the first is
    used; clips that are silent beside the rest of their sound are left out. Raises DatasetError for settings out of
    range, a name that is taken or unfit, fewer than two clips, and when writing fails.
    """
    check_name(name)
    cutting = Cutting(rate, seconds, loudness)
    root = Path(root).expanduser()
    if (root / name).exists():
        raise DatasetError(f"There is already a data set named '{name}': choose another name or delete that one.")
    # written beside its place and renamed: a reader finds a whole data set or none
    partial = root / f".{name}.{secrets.token_hex(4)}.partial"
    try:
        partial.mkdir(parents=True)
        _remove_stale(root)
        _write(survey, partial, name, cutting, progress)
        os.rename(partial, root / name)
    except OSError as error:
        raise DatasetError(
            f"The data set cannot be written to '{root}' ({error.strerror}): free some space or choose another place."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return open_dataset(root / name)


def _remove_stale(root: Path) -> None:
    """Remove what a process that was killed while preparing left behind."""
    for folder in root.glob(".*.partial"):
        with contextlib.suppress(FileNotFoundError):  # another process removed it first, or finished it
            if time.time() - folder.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _write(survey: Survey, folder: Path, name: str, cutting: Cutting, progress: Progress | None) -> None:
    """Write the files of a data set. Raises DatasetError when they make fewer than two clips."""
    used = [index for index, file in enumerate(survey.files) if file.status == "accepted"]
    sizes_bytes = [4 * round(file.trimmed_seconds * file.rate) for file in survey.accepted]

    def cut(indices: list[int]) -> tuple[np.ndarray, list[int]]:
        """The clips (N, clip_samples) of some files, and the file that each came from."""
        clips = [(clip, at) for at in indices for clip in cutting.clips(survey.sound(at), survey.files[at].rate)]
        return audio.pad([clip for clip, _ in clips], cutting.clip_samples), [at for _, at in clips]

    sources, digest = [], hashlib.sha256()
    with open(folder / "clips.npy", "wb") as output:
        _write_header(output, (0, cutting.clip_samples))
        for clips, came_from in in_parallel(cut, used, sizes_bytes, progress):
            output.write(clips)
            digest.update(clips)
            sources += came_from
        output.seek(0)
        _write_header(output, (len(sources), cutting.clip_samples))
    _check_count(len(sources), cutting)
    made = Counter(sources)
    files = [replace(file, clips=made[index]) if index in made else file for index, file in enumerate(survey.files)]
    with_clips = {file.label for file in files if file.clips}
    names = [label for label in survey.labels if label in with_clips]
    labels = np.array([names.index(files[index].label) if names else 0 for index in sources])
    np.save(folder / "labels.npy", labels)
    np.save(folder / "files.npy", np.array(sources))
    digest.update(json.dumps([labels.tolist(), names, cutting.rate, cutting.clip_samples]).encode())
    manifest = {
        "name": name,
        "rate": cutting.rate,
        "clip_samples": cutting.clip_samples,
        "n_clips": len(sources),
        "labels": names,
        "counts": {name: int(count) for name, count in zip(names, np.bincount(labels), strict=bool(names))},
        "settings": {"seconds": cutting.seconds, "loudness": cutting.loudness},
        "fingerprint": digest.hexdigest(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
    }
    (folder / "manifest.json").write_text(_manifest_text(manifest, files), encoding="utf-8")


def _write_header(output: BinaryIO, shape: tuple[int, int]) -> None:
    """Begin an int16 NPY file, or correct its beginning: NumPy pads a header so that its first axis can grow."""
    np.lib.format.write_array_header_1_0(output, {"descr": "<i2", "fortran_order": False, "shape": shape})


def _check_count(n_clips: int, cutting: Cutting) -> None:
    if n_clips == 0:
        raise DatasetError("Every clip is silent: choose louder sounds or longer clips.")
    if n_clips == 1:
        raise DatasetError(
            "One clip is not enough to train on, because a GAN needs variety: add more sounds or choose a clip length "
            f"shorter than {cutting.seconds:g} s."
        )


def _manifest_text(manifest: dict, files: Sequence[SurveyedFile]) -> str:
    """JSON with one line a file, which is easier to look through than the eleven of json's own indentation."""
    head = json.dumps(manifest, indent=1, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join("  " + json.dumps(vars(file), ensure_ascii=False) for file in files)
    return f'{head},\n "files": [\n{lines}\n ]\n}}\n'


# opening


@dataclass(frozen=True, eq=False)
class Dataset:
    """A prepared data set. Opening it reads the manifest; the clips stay on disk until they are asked for."""

    folder: Path
    rate: int
    """Hz."""

    clip_samples: int
    n_clips: int
    labels: tuple[str, ...]
    """Names of the labels in the order of their numbers; empty when there are none."""

    counts: dict[str, int]
    """Clips of each label."""

    settings: dict
    """How the sounds were cut: seconds and loudness."""

    fingerprint: str
    """SHA-256 of the clips, their labels and the rate: the same for the same content, whatever its name."""

    created: str
    """UTC, ISO 8601."""

    version: str
    """Of audiogan, when it was made."""

    files: tuple[SurveyedFile, ...] = field(repr=False)
    """Every file that was looked at, and how many clips it gave."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def seconds(self) -> float:
        """Length of a clip."""
        return self.clip_samples / self.rate

    def clips(self) -> np.ndarray:
        """int16 (N, clip_samples), memory-mapped and read-only."""
        return self._array("clips.npy", (self.n_clips, self.clip_samples))

    def clip_labels(self) -> np.ndarray:
        """int64 (N,): the number of each clip's label; all 0 when there are none."""
        return self._array("labels.npy", (self.n_clips,))

    def clip_files(self) -> np.ndarray:
        """int64 (N,): the file that each clip came from, as an index into `files`."""
        return self._array("files.npy", (self.n_clips,))

    def clip(self, index: int) -> np.ndarray:
        """One clip (clip_samples,), float32 in [-1, 1]."""
        return audio.from_int16(self.clips()[index])

    def _array(self, file_name: str, shape: tuple[int, ...]) -> np.ndarray:
        try:
            array = np.load(self.folder / file_name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise self._damage(f"{file_name} cannot be read: {error}") from None
        if array.shape != shape:
            raise self._damage(f"{file_name} has the shape {array.shape} where the manifest says {shape}")
        return array

    def _damage(self, what: str) -> DatasetError:
        return DatasetError(f"The data set '{self.name}' is damaged ({what}): delete it and prepare it again.")


def open_dataset(folder: Path) -> Dataset:
    """The data set in a folder. Raises DatasetError when it is missing or its manifest is damaged."""
    folder = Path(folder)
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return Dataset(
            folder=folder,
            rate=manifest["rate"],
            clip_samples=manifest["clip_samples"],
            n_clips=manifest["n_clips"],
            labels=tuple(manifest["labels"]),
            counts=manifest["counts"],
            settings=manifest["settings"],
            fingerprint=manifest["fingerprint"],
            created=manifest["created"],
            version=manifest["version"],
            files=tuple(SurveyedFile(**file) for file in manifest["files"]),
        )
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(f"There is no data set '{folder.name}': prepare one first, or check its name.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"The data set '{folder.name}' has a damaged manifest.json ({error}): delete it and prepare it again."
        ) from None


def delete(dataset: Dataset) -> None:
    """Remove a data set; one that cannot be removed whole is at least listed no more."""
    gone = dataset.folder.with_name(f".{dataset.name}.deleted")
    shutil.rmtree(gone, ignore_errors=True)
    os.rename(dataset.folder, gone)
    shutil.rmtree(gone)


def list_datasets(root: Path) -> list[Dataset]:
    """The data sets in a folder, in natural order of their names; damaged and unfinished ones are passed over."""
    datasets = []
    for manifest in sorted(Path(root).glob("*/manifest.json"), key=lambda path: natural_key(path.parent.name)):
        # an unfinished one lies in a hidden folder, which glob finds all the same
        if not manifest.parent.name.startswith("."):
            with contextlib.suppress(DatasetError):
                datasets.append(open_dataset(manifest.parent))
    return datasets
