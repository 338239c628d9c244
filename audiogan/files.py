"""Folders, uploads and archives -> every file in them, found and not yet read.

Names are shown and become labels, never paths: nothing is unpacked to disk.
"""

import io
import os
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from audiogan import audio

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

BACKGROUND_NOISE = "_background_noise_"
"""The folder of Speech Commands with minutes of noise to be mixed under the words: it is not a word."""


class DatasetError(ValueError):
    """Sounds or a data set that are missing, damaged or unfit; the message says what to do."""


class NoSounds(DatasetError):
    """Nothing under the sources can be used; `files`, as a survey has them, says of each why."""

    def __init__(self, message: str, files: Iterable = ()) -> None:
        super().__init__(message)
        self.files = tuple(files)


@dataclass(frozen=True)
class Upload:
    """A file that came through a browser."""

    name: str
    """As the sender gave it, perhaps with folders ("drums/kick/a.wav"), perhaps hostile."""

    data: bytes = field(repr=False)


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
class Found:
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
        return self.parts[-1].lower().endswith(".zip") and not is_hidden(self.parts)

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


def find_all(sources: list[Path | Upload]) -> Iterator[Found]:
    """Every file under the sources, those inside archives too (but not those of archives inside archives)."""
    for source in sources:
        for item in _find(source):
            for file in _unpack(item) if item.is_archive else [item]:
                if len(sources) > 1 and isinstance(source, Path) and source.is_dir():
                    file = replace(file, parts=(printable(source.resolve().name), *file.parts))
                yield file


def _find(source: Path | Upload) -> Iterator[Found]:
    """Every file under one source, with its path below it."""
    if isinstance(source, Upload):
        yield _file(_safe_parts(source.name), _InMemory(source.data), len(source.data))
        return
    try:
        if source.is_dir():
            yield from _walk(source)
        else:
            yield _file((printable(source.name),), _OnDisk(os.fspath(source)), source.stat().st_size)
    except OSError as error:
        raise NoSounds(f"'{source}' cannot be opened ({error.strerror}): check the path.") from None


def _walk(folder: Path) -> Iterator[Found]:
    """Every file below a folder. Links to folders are not followed: they may lead around in circles."""
    waiting = [(os.fspath(folder), ())]
    while waiting:
        place, above = waiting.pop()
        try:
            entries = list(os.scandir(place))
        except OSError as error:
            if not above:
                raise
            yield Found(above, status="skipped", reason=f"folder cannot be opened ({error.strerror})")
            continue
        for entry in entries:
            parts = (*above, printable(entry.name))
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, parts))
            elif entry.is_file():
                yield _file(parts, _OnDisk(entry.path), entry.stat().st_size)
            else:
                # reading a pipe or a device might never end
                yield Found(parts, status="ignored", reason="not a file (a linked folder, a pipe or a device)")


def _unpack(item: Found) -> Iterator[Found]:
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


def _file(parts: tuple[str, ...], content: _OnDisk | _InMemory | _InArchive, file_bytes: int) -> Found:
    """A file that was found, ignored already when its name says that it holds no sound."""
    suffix = os.path.splitext(parts[-1])[1].lower()
    if is_hidden(parts):
        reason = "hidden, or kept by the system for itself"
    elif BACKGROUND_NOISE in parts[:-1]:
        reason = "background noise of Speech Commands, not a word"
    elif suffix not in AUDIO_SUFFIXES:
        reason = f"not an audio file ({suffix or 'no extension'})"
    else:
        return Found(parts, content, file_bytes)
    return Found(parts, content, file_bytes, "ignored", reason)


def is_hidden(parts: tuple[str, ...]) -> bool:
    """Whether any part of a path is hidden; macOS leaves "._name" beside files and __MACOSX in archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _safe_parts(name: str) -> tuple[str, ...]:
    """The parts of a name from outside without what would lead out of its folder, were it ever used as a path."""
    parts = re.split(r"[/\\]", re.sub(r"^[A-Za-z]:", "", name))
    return tuple(printable(part) for part in parts if part not in ("", ".", "..")) or ("nameless",)


def printable(name: str) -> str:
    """A name fit for screen and JSON: bytes that are not UTF-8 and control characters become a replacement sign."""
    if name.isprintable():
        return name
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) == "Cc" else letter for letter in name)


def natural_key(path: str) -> tuple[str, str]:
    """A sort key by which "kick 9" comes before "Kick 10"."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(12), path.casefold()), path
