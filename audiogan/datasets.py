"""A messy folder -> clips on disk with a manifest of what was kept and what was refused, and why.

`survey` listens to everything under the sources and decides; `prepare` writes the clips of what it accepted. Names of
files, uploads and archive members are shown and become labels, never paths: nothing is unpacked to disk.
"""

import contextlib
import hashlib
import io
import itertools
import json
import math
import os
import re
import secrets
import shutil
import time
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from audiogan import __version__, audio

AUDIO_SUFFIXES = frozenset(
    # what libsndfile reads
    ".wav .wave .w64 .rf64 .aif .aiff .aifc .flac .ogg .oga .opus .mp3 .mp2 .mp1 .caf .au .snd .voc .sf .paf .pvf"
    # what FFmpeg reads beside that: compressed audio, and video, of which the first sound track is used
    " .m4a .m4b .aac .wma .mka .ac3 .eac3 .dts .ape .wv .tta .amr .mpc .ra .alac"
    " .mp4 .m4v .mov .mkv .webm .avi .wmv .asf .flv .mpg .mpeg .3gp .3g2 .ogv".split()
)
"""Extensions, in lower case, of the files that are opened. What is in them then decides, not the name."""

LARGEST_FILE_BYTES = 2**30
"""1 GiB: a file or archive member is read whole, one for each processor core at a time."""

LARGEST_ARCHIVE_BYTES = 2**33
"""8 GiB unpacked, thirteen hours of CD stereo; a ZIP that announces more is taken for a bomb."""

KEPT_BYTES = 2**28
"""256 MiB of decoded sound (25 minutes at 44.1 kHz) are kept between survey and prepare; the rest is read again."""

SMALL_BYTES = 2**15
"""Work of less than 32 KiB a file on average is done by one thread: most of it is then Python's own, of which threads
can do only one at a time, and two were measured to be slower than one."""

FILES_PER_BATCH = 16
"""Enough to make handing work to a thread cost little beside it, few enough for a bar that moves."""

SILENCE_DB = -60.0
"""A sound whose peak is lower is silent. Brought to full scale it would raise the steps of 16 bits, at -90 dB, to
-30 dB, where they are plainly heard as noise."""

SILENT = f"silent: its peak is below {SILENCE_DB:g} dB of full scale"

STANDARD_RATES = (8_000, 11_025, 16_000, 22_050)
"""Hz, those suggested. Training and Griffin-Lim cost grows with the rate, and 22,050 Hz holds 11 kHz of sound."""

CLIP_SECONDS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
"""Clip lengths that are suggested."""

RECORDING_CLIP_SECONDS = 2.0
"""The length suggested when most sounds are longer than the longest of these: they are recordings, and are cut."""

WHOLE_SHARE = 0.8
"""Share of the sounds that a suggested length holds whole; room for the longest would pad all others with silence."""

ONE_SHOT_CLIPS = 3
"""A sound of up to so many clip lengths is one event, of which the first clip is used: a drum's tail is not a drum."""

FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.001, 0.01
"""At edges that were cut: the first is too short to soften an attack, the second hides that the sound went on."""

LOWEST_RATE, HIGHEST_RATE = 4_000, 96_000
SHORTEST_SECONDS, LONGEST_SECONDS = 0.05, 30.0

LOUDNESS = ("peak", "keep")
"""Every clip brought to a peak of -1 dB, or left as loud as it is."""

UNSORTED = "unsorted"
"""The label of files that lie beside labelled folders."""

STALE_SECONDS = 86_400
"""No data set takes a day to prepare: a half-written one that old was left by a process that was killed."""

Progress = Callable[[int, int], None]
"""Told (files done, files in all)."""


class DatasetError(ValueError):
    """A data set that is missing, damaged or cannot be made; the message says what to do."""


class NoSounds(DatasetError):
    """Nothing under the sources can be used; `files` says of each file why."""

    def __init__(self, message: str, files: Sequence["SurveyedFile"] = ()) -> None:
        super().__init__(message)
        self.files = tuple(files)


@dataclass(frozen=True)
class Upload:
    """A file that came through a browser."""

    name: str
    """As the sender gave it, perhaps with folders ("drums/kick/a.wav"), perhaps hostile."""

    data: bytes = field(repr=False)


@dataclass(frozen=True)
class SurveyedFile:
    """What became of one file."""

    path: str
    """Where it was found, below its source; for display."""

    status: str
    """accepted; skipped: a sound that cannot be used; ignored: not a sound."""

    reason: str = ""
    """Why it was skipped or ignored, or a remark on an accepted file."""

    label: str = ""
    rate: int = 0
    """Hz, of the file itself."""

    channels: int = 0
    seconds: float = 0.0
    """Length of the whole file."""

    trimmed_seconds: float = 0.0
    """Length without the silence at both ends."""

    clips: int = 0
    """Clips made of it; 0 until it is prepared."""


class Suggestion(NamedTuple):
    """The rate (Hz) and clip length that suit the sounds, and the reason in words."""

    rate: int
    seconds: float
    why: str


@dataclass(frozen=True, eq=False)
class Survey:
    """Everything that was found under the sources, and what was decided about it."""

    files: tuple[SurveyedFile, ...]
    """All files, in natural order of their paths."""

    _found: tuple["_Found", ...] = field(repr=False)
    _kept: dict[int, np.ndarray] = field(repr=False)

    @property
    def accepted(self) -> tuple[SurveyedFile, ...]:
        """The files that will be used."""
        return tuple(file for file in self.files if file.status == "accepted")

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the accepted files, in natural order; empty when there are no subfolders."""
        return _ordered(file.label for file in self.accepted)

    def sound(self, index: int) -> np.ndarray:
        """What clips of the accepted `files[index]` are cut from (T,): mono, no DC, trimmed, at the file's own rate.

        Raises DatasetError when the file can no longer be read.
        """
        if index in self._kept:
            return self._kept[index]
        try:
            samples, rate = audio.decode(self._found[index].read())
        except audio.UnreadableAudio as error:
            path = self.files[index].path
            raise DatasetError(f"'{path}' has changed since it was looked at ({error}): look again.") from None
        return audio.trim(_mono(samples), rate)

    def suggest(self) -> Suggestion:
        """A rate and a clip length that suit most of the accepted files."""
        rate, why_rate = _suggest_rate([file.rate for file in self.accepted])
        seconds, why_seconds = _suggest_seconds([file.trimmed_seconds for file in self.accepted])
        return Suggestion(rate, seconds, f"{why_rate} {why_seconds}")


def survey(sources: Iterable[Path | Upload], progress: Progress | None = None) -> Survey:
    """Listen to every file under the sources: files, folders, ZIP archives, uploads.

    Subfolders become labels, counted from where the accepted files part. Of several sources, each folder's or
    archive's own name counts as a subfolder. Raises NoSounds when nothing can be used.
    """
    sources = [source if isinstance(source, Upload) else Path(source).expanduser() for source in sources]
    found = sorted(_find_all(sources), key=lambda item: _natural(item.path))
    heard, kept, room_bytes = [], {}, KEPT_BYTES
    batches = _in_parallel(_listen_to, found, [item.file_bytes for item in found], progress)
    for index, (finding, sound) in enumerate(itertools.chain.from_iterable(batches)):
        heard.append(finding)
        if sound is not None and sound.nbytes <= room_bytes:
            kept[index] = sound
            room_bytes -= sound.nbytes
    files = _describe(found, heard)
    if not any(file.status == "accepted" for file in files):
        raise NoSounds(_why_no_sounds(sources, files), files)
    return Survey(files, tuple(found), kept)


# finding files


@dataclass(frozen=True)
class _OnDisk:
    """A file of its own."""

    path: str

    def read_all(self) -> bytes:
        # unbuffered, because it is read once and whole
        with open(self.path, "rb", buffering=0) as file:
            return file.readall()

    def open_archive(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.path)


@dataclass(frozen=True)
class _InMemory:
    """The content of an upload."""

    data: bytes

    def read_all(self) -> bytes:
        return self.data

    def open_archive(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(self.data))


@dataclass(frozen=True)
class _InArchive:
    """A file inside a ZIP archive."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def read_all(self) -> bytes:
        return self.archive.read(self.info)


@dataclass(frozen=True)
class _Found:
    """A file that was found and not yet read."""

    parts: tuple[str, ...]
    """The folders it lies in, below its source, and its name."""

    content: _OnDisk | _InMemory | _InArchive | None = None
    file_bytes: int = 0
    status: str = ""
    """'skipped' or 'ignored' where that is known without reading it."""

    reason: str = ""

    @property
    def path(self) -> str:
        return "/".join(self.parts)

    @property
    def is_archive(self) -> bool:
        return self.parts[-1].lower().endswith(".zip") and not _is_hidden(self.parts)

    def read(self) -> bytes:
        """Its bytes. Raises UnreadableAudio when they are too many or cannot be had."""
        if self.file_bytes > LARGEST_FILE_BYTES:
            raise audio.UnreadableAudio("larger than 1 GiB: split it into parts")
        try:
            return self.content.read_all()
        except OSError as error:
            raise audio.UnreadableAudio(f"cannot be read ({error.strerror or error})") from None
        except _ARCHIVE_ERRORS:
            raise audio.UnreadableAudio("damaged inside its ZIP archive") from None


_ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What zipfile raises on damage; NotImplementedError for compression it does not know, ValueError for odd headers."""


def _find_all(sources: list[Path | Upload]) -> Iterator[_Found]:
    """Every file under the sources, those inside archives too (but not those of archives inside archives)."""
    for source in sources:
        for item in _find(source):
            for file in _unpack(item) if item.is_archive else [item]:
                if len(sources) > 1 and isinstance(source, Path) and source.is_dir():
                    file = replace(file, parts=(_printable(source.resolve().name), *file.parts))
                yield file


def _find(source: Path | Upload) -> Iterator[_Found]:
    """Every file under one source, with its path below it."""
    if isinstance(source, Upload):
        yield _file(_safe_parts(source.name), _InMemory(source.data), len(source.data))
        return
    try:
        if source.is_dir():
            yield from _walk(source)
        else:
            yield _file((_printable(source.name),), _OnDisk(os.fspath(source)), source.stat().st_size)
    except OSError as error:
        raise NoSounds(f"'{source}' cannot be opened ({error.strerror}): check the path.") from None


def _walk(folder: Path) -> Iterator[_Found]:
    """Every file below a folder. Links to folders are not followed: they may lead around in circles."""
    waiting = [(os.fspath(folder), ())]
    while waiting:
        place, above = waiting.pop()
        try:
            entries = list(os.scandir(place))
        except OSError as error:
            if not above:
                raise
            yield _Found(above, status="skipped", reason=f"folder cannot be opened ({error.strerror})")
            continue
        for entry in entries:
            parts = (*above, _printable(entry.name))
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, parts))
            elif entry.is_file():
                yield _file(parts, _OnDisk(entry.path), entry.stat().st_size)
            else:
                # reading a pipe or a device might never end
                yield _Found(parts, status="ignored", reason="not a file (a linked folder, a pipe or a device)")


def _unpack(item: _Found) -> Iterator[_Found]:
    """The files of an archive, in a folder named as the archive; or the archive itself, refused."""
    try:
        archive = item.content.open_archive()
    except (OSError, *_ARCHIVE_ERRORS):
        yield replace(item, status="skipped", reason="not a ZIP archive, or a damaged one")
        return
    members = [info for info in archive.infolist() if not info.is_dir()]
    if sum(info.file_size for info in members) > LARGEST_ARCHIVE_BYTES:
        yield replace(item, status="skipped", reason="unpacks to more than 8 GiB: unpack it and choose a part")
        return
    folder = (*item.parts[:-1], item.parts[-1][: -len(".zip")])
    for info in members:
        file = _file((*folder, *_safe_parts(info.filename)), _InArchive(archive, info), info.file_size)
        if info.flag_bits & 1 and not file.status:
            file = replace(file, status="skipped", reason="encrypted: unpack the archive with its password first")
        yield file


def _file(parts: tuple[str, ...], content: _OnDisk | _InMemory | _InArchive, file_bytes: int) -> _Found:
    """A file that was found, ignored already when its name says that it holds no sound."""
    suffix = os.path.splitext(parts[-1])[1].lower()
    if _is_hidden(parts):
        reason = "hidden, or kept by the system for itself"
    elif suffix not in AUDIO_SUFFIXES:
        reason = f"not an audio file ({suffix or 'no extension'})"
    else:
        return _Found(parts, content, file_bytes)
    return _Found(parts, content, file_bytes, "ignored", reason)


def _is_hidden(parts: tuple[str, ...]) -> bool:
    """Whether any part of a path is hidden; macOS leaves "._name" beside files and __MACOSX in archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _safe_parts(name: str) -> tuple[str, ...]:
    """The parts of a name from outside without what would lead out of its folder, were it ever used as a path."""
    parts = re.split(r"[/\\]", re.sub(r"^[A-Za-z]:", "", name))
    return tuple(_printable(part) for part in parts if part not in ("", ".", "..")) or ("nameless",)


def _printable(name: str) -> str:
    """A name fit for screen and JSON: bytes that are not UTF-8 and control characters become a replacement sign."""
    if name.isprintable():
        return name
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) == "Cc" else letter for letter in name)


def _natural(path: str) -> tuple[str, str]:
    """A sort key by which "kick 9" comes before "Kick 10"."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(12), path.casefold()), path


# listening


class _Heard(NamedTuple):
    """What listening to one file found out."""

    status: str
    reason: str = ""
    rate: int = 0
    channels: int = 0
    samples: int = 0
    trimmed_samples: int = 0
    peak: float = 0.0


def _listen_to(items: list[_Found]) -> list[tuple[_Heard, np.ndarray | None]]:
    return [_listen(item) for item in items]


def _listen(item: _Found) -> tuple[_Heard, np.ndarray | None]:
    """Read one file and decide about it; with the sound, as `Survey.sound` has it, when it is accepted."""
    if item.status:
        return _Heard(item.status, item.reason), None
    try:
        data = item.read()
        samples, rate = audio.decode(data)
    except audio.UnreadableAudio as error:
        return _Heard("skipped", str(error)), None
    length, channels = samples.shape
    mono = _mono(samples)
    peak = audio.peak(mono)
    if peak < audio.amplitude(SILENCE_DB):
        return _Heard("skipped", SILENT, rate, channels, length), None
    # a copy, so that the silence around it is not kept in memory
    sound = audio.trim(mono, rate).copy()
    remarks = "; ".join(_remarks(data, samples))
    return _Heard("accepted", remarks, rate, channels, length, len(sound), peak), sound


def _mono(samples: np.ndarray) -> np.ndarray:
    return audio.remove_dc(audio.downmix(samples))


def _remarks(data: bytes, samples: np.ndarray) -> Iterator[str]:
    """What its owner should know about a file (bytes; decoded (T, C)) that is used nevertheless."""
    announced = audio.announced_samples(data)
    if announced and announced > len(samples):
        yield f"truncated: the header announces {announced:,} samples, the {len(samples):,} that exist are used"
    if audio.channels_cancel(samples):
        yield "its channels cancel each other: the loudest one is used"


def _in_parallel(work: Callable, items: list, sizes_bytes: list[int], progress: Progress | None) -> Iterator:
    """What `work` makes of each batch of items, in order, by as many threads as the items' sizes make worth while."""
    batches = [items[at : at + FILES_PER_BATCH] for at in range(0, len(items), FILES_PER_BATCH)]
    is_small = sum(sizes_bytes) < SMALL_BYTES * len(items)
    pool = ThreadPoolExecutor(1 if is_small else os.cpu_count())
    try:
        for number, result in enumerate(pool.map(work, batches), start=1):
            yield result
            if progress:
                progress(min(number * FILES_PER_BATCH, len(items)), len(items))
    finally:
        pool.shutdown(cancel_futures=True)


def _describe(found: list[_Found], heard: list[_Heard]) -> tuple[SurveyedFile, ...]:
    """What became of each file, with its label and a remark on copies."""
    accepted = [index for index, item in enumerate(heard) if item.status == "accepted"]
    labels = _labels([found[index].parts[:-1] for index in accepted])
    originals = _originals(accepted, found, heard)
    label_of = dict(zip(accepted, labels, strict=True))
    files = []
    for index, (place, item) in enumerate(zip(found, heard, strict=True)):
        reason = item.reason
        if index in originals:
            reason = "; ".join(filter(None, [reason, f"same content as {found[originals[index]].path}"]))
        rate = item.rate or 1  # nothing has a length where nothing has a rate
        lengths_seconds = item.samples / rate, item.trimmed_samples / rate
        label = label_of.get(index, "")
        files.append(SurveyedFile(place.path, item.status, reason, label, item.rate, item.channels, *lengths_seconds))
    return tuple(files)


def _labels(folders: list[tuple[str, ...]]) -> list[str]:
    """The label of each file that lies in such folders: the first one below those that all of them share."""
    levels = zip(*folders, strict=False)
    shared = sum(1 for _ in itertools.takewhile(lambda names: len(set(names)) == 1, levels))
    if all(len(parts) == shared for parts in folders):
        return [""] * len(folders)
    # the same letter in two Unicode forms would make two labels of one
    return [unicodedata.normalize("NFC", parts[shared]) if len(parts) > shared else UNSORTED for parts in folders]


def _originals(accepted: list[int], found: list[_Found], heard: list[_Heard]) -> dict[int, int]:
    """Of each accepted file that is byte for byte the same as one before it, which that is, by their indices."""
    alike: dict[tuple, list[int]] = {}
    for index in accepted:
        alike.setdefault((found[index].file_bytes, heard[index]), []).append(index)
    originals = {}
    # copies sound the same and have the same size: only what agrees in that is read a second time and compared
    for group in alike.values():
        first: dict[bytes, int] = {}
        for index in group if len(group) > 1 else ():
            with contextlib.suppress(audio.UnreadableAudio):  # deleted a moment ago: `Survey.sound` will say so
                original = first.setdefault(hashlib.sha256(found[index].read()).digest(), index)
                if original != index:
                    originals[index] = original
    return originals


def _ordered(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({label for label in labels if label}, key=_natural))


def _why_no_sounds(sources: list[Path | Upload], files: list[SurveyedFile]) -> str:
    """One sentence about sources of which nothing was accepted."""
    names = ", ".join(f"'{source.name if isinstance(source, Upload) else source}'" for source in sources[:3])
    if len(sources) > 3:
        names += f" and {len(sources) - 3} more"
    skipped = [file for file in files if file.status == "skipped"]
    if not files:
        return f"There are no files in {names or 'nothing'}: choose a folder with sounds in it."
    if not skipped:
        kinds = Counter(os.path.splitext(file.path)[1].lower() or "no extension" for file in files)
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
        return f"There is no sound among the {len(files)} files in {names} ({counts}): choose another folder."
    if all(file.reason == SILENT for file in skipped):
        return f"Every sound in {names} is silent (its peak is below {SILENCE_DB:g} dB): record or choose louder ones."
    first = skipped[0]
    return f"None of the {len(skipped)} sounds in {names} can be used; '{first.path}': {first.reason}."


def _suggest_rate(rates: list[int]) -> tuple[int, str]:
    usual = Counter(rates).most_common(1)[0][0]
    rate = max((standard for standard in STANDARD_RATES if standard <= usual), default=STANDARD_RATES[0])
    if rate < usual:
        return rate, (
            f"Most files are at {usual:,} Hz; {rate:,} Hz keeps their sound up to {rate // 2:,} Hz and trains faster."
        )
    return rate, f"Most files are at {usual:,} Hz, and {rate:,} Hz keeps all of their sound."


def _suggest_seconds(lengths_seconds: list[float]) -> tuple[float, str]:
    needed = sorted(lengths_seconds)[math.ceil(WHOLE_SHARE * len(lengths_seconds)) - 1]
    long_enough = [seconds for seconds in CLIP_SECONDS if seconds >= needed]
    if not long_enough:
        return RECORDING_CLIP_SECONDS, (
            f"Most sounds last longer than {CLIP_SECONDS[-1]:g} s: they are cut into clips of "
            f"{RECORDING_CLIP_SECONDS:g} s."
        )
    seconds = long_enough[0]
    share = sum(length <= seconds for length in lengths_seconds) / len(lengths_seconds)
    fitting = "All sounds fit" if share == 1 else f"{math.floor(100 * share)} % of the sounds fit"
    return seconds, f"{fitting} into {seconds:g} s."


# preparing


def check_name(name: str) -> None:
    """Raise DatasetError unless the name can be a folder on every system, an address and a word on a command line."""
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,78}[A-Za-z0-9_-])?", name):
        raise DatasetError(
            f"'{_printable(name)}' cannot be a name: use up to 80 letters from a to z, digits, spaces, dots, dashes "
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
        for clips, came_from in _in_parallel(cut, used, sizes_bytes, progress):
            output.write(clips)
            digest.update(clips)
            sources += came_from
        output.seek(0)
        _write_header(output, (len(sources), cutting.clip_samples))
    _check_count(len(sources), cutting)
    made = Counter(sources)
    files = [replace(file, clips=made[index]) if index in made else file for index, file in enumerate(survey.files)]
    names = _ordered(file.label for file in files if file.clips)
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


def list_datasets(root: Path) -> list[Dataset]:
    """The data sets in a folder, in natural order of their names; damaged and unfinished ones are passed over."""
    datasets = []
    for manifest in sorted(Path(root).glob("*/manifest.json"), key=lambda path: _natural(path.parent.name)):
        # an unfinished one lies in a hidden folder, which glob finds all the same
        if not manifest.parent.name.startswith("."):
            with contextlib.suppress(DatasetError):
                datasets.append(open_dataset(manifest.parent))
    return datasets
