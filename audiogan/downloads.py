"""Downloads: the name of a public data set -> a folder of sounds on this computer, checked and unpacked.

A download is all there or not there at all, but for the part of an archive that has come so far: the next call asks the
server for the rest of it.
"""

import contextlib
import errno
import gzip
import os
import shutil
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from filelock import FileLock, Timeout

from audiogan.sources import SOURCES, Archive, Source, SourceError, find_source
from audiogan.wording import size

if TYPE_CHECKING:
    import requests

CHUNK_BYTES = 2**18
"""256 KiB: at 100 MB/s the bar moves 400 times a second, and a broken connection loses no more than this."""

TIMEOUT_SECONDS = 30
"""Without a single byte: as pooch's own downloaders wait."""

ARCHIVES = "archives"
"""The folder, beside those of the data sets, of what has come and is still needed."""

Progress = Callable[[int, int], None]
"""Told (bytes that have come, bytes in all) with every piece that comes and every file that is unpacked; what it raises
ends the download as a broken connection would."""


class Cancelled(SourceError):
    """A download that somebody no longer wanted."""


def download(name: str, to: Path, progress: Progress | None = None) -> Path:
    """The folder `to / name` with the sounds of a public data set; at once when it is there already.

    Archives are fetched into `to / "archives"`, compared with their checksums, unpacked, and removed when no other
    data set is left to be made of them. Raises SourceError for an unknown name, too little room, a connection that
    breaks off (the next call goes on from there), a wrong checksum, or an archive with members that lead elsewhere.
    """
    source = find_source(name)
    if source.by_hand:
        raise SourceError(source.by_hand)
    folder = Path(to).expanduser().resolve() / name
    if folder.is_dir() and any(folder.iterdir()):
        return folder
    work = folder.parent / ARCHIVES
    lock_path = work / f"{source.archives[0].name}.lock"
    try:
        work.mkdir(parents=True, exist_ok=True)
        with FileLock(lock_path, timeout=0):
            try:
                total_bytes = _fetch_all(source, work, progress)
                _unpack_all(source, work, folder, lambda: progress and progress(total_bytes, total_bytes))
                for archive in source.archives:
                    if not _others_made_of(archive, source, folder.parent):
                        (work / archive.name).unlink()
            finally:
                # while it is held, so that nobody can hold a file that is gone; Windows does not let it go
                with contextlib.suppress(OSError):
                    lock_path.unlink()
    except Timeout:
        raise SourceError(f"The archive of {source.title} is being downloaded already: wait for that.") from None
    except OSError as error:
        raise SourceError(_why_not_written(error, folder.parent)) from error
    finally:
        # when nothing is left in it
        with contextlib.suppress(OSError):
            work.rmdir()
    return folder


def kept_archives(name: str, to: Path) -> list[str]:
    """A sentence for each archive of a public data set that is kept beside it, because another can be made of it."""
    to, source = Path(to).expanduser().resolve(), find_source(name)
    places = {to / ARCHIVES / archive.name: _others_made_of(archive, source, to) for archive in source.archives}
    return [
        f"The archive ({size(place.stat().st_size)}) is kept for {' and '.join(others)}: delete '{place}' if you do "
        "not want that."
        for place, others in places.items()
        if others and place.exists()
    ]


def _others_made_of(archive: Archive, source: Source, to: Path) -> list[str]:
    """The other public data sets that need this archive and are not there."""
    return [
        other.name
        for other in SOURCES.values()
        if other.name != source.name and archive in other.archives and not (to / other.name).is_dir()
    ]


def _why_not_written(error: OSError, folder: Path) -> str:
    if error.errno == errno.ENOSPC:
        return f"The disk of '{folder}' is full: free some space, or choose another folder, and download again."
    return f"'{folder}' cannot be written ({error.strerror or error}): choose another folder."


class Download:
    """A download in a thread of its own, for a page that shows how far it is."""

    def __init__(self, name: str, to: Path) -> None:
        self.done_bytes, self.total_bytes = 0, find_source(name).most_archive_bytes
        self._archives = Path(to).expanduser().resolve() / ARCHIVES
        self.folder: Path | None = None
        """Where the sounds are, once they are."""

        self.error = ""
        """Why it failed, in one sentence."""

        self.is_cancelled = False
        self._thread = threading.Thread(target=self._run, args=(name, to), daemon=True)
        self._thread.start()

    @property
    def is_active(self) -> bool:
        return self._thread.is_alive()

    def cancel(self) -> None:
        """End it with the next piece that comes; what has come is kept for another time."""
        self.is_cancelled = True

    def wait(self, seconds: float | None = None) -> None:
        """Return when it has ended, or after so many seconds."""
        self._thread.join(seconds)

    def _run(self, name: str, to: Path) -> None:
        try:
            self.folder = download(name, to, self._show)
        except SourceError as error:
            self.error = str(error)

    def _show(self, done_bytes: int, total_bytes: int) -> None:
        self.done_bytes, self.total_bytes = done_bytes, total_bytes
        if self.is_cancelled:
            raise Cancelled(
                f"Cancelled after {size(done_bytes)} of {size(total_bytes)}. What came is kept in '{self._archives}': "
                "download again, and it goes on from there, or delete it."
            )


# fetching


def _fetch_all(source: Source, work: Path, progress: Progress | None) -> int:
    """Bring every archive into the working folder, when there is room for all that is to come; returns their bytes."""
    archives = [_with_record(archive) for archive in source.archives]
    total_bytes = sum(archive.archive_bytes for archive in archives)
    here_bytes = sum(min(archive.archive_bytes, _bytes_here(work, archive)) for archive in archives)
    _check_room(source, work, total_bytes - here_bytes + source.most_unpacked_bytes)
    before_bytes = 0
    for archive in archives:

        def show(done_bytes: int, before_bytes: int = before_bytes) -> None:
            if progress:
                progress(before_bytes + done_bytes, total_bytes)

        _fetch(archive, work, show)
        show(archive.archive_bytes)
        before_bytes += archive.archive_bytes
    return total_bytes


def _bytes_here(work: Path, archive: Archive) -> int:
    """How much of an archive an earlier call has brought."""
    places = (work / archive.name, work / f"{archive.name}.partial")
    return sum(place.stat().st_size for place in places if place.exists())


def _check_room(source: Source, folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise SourceError(
            f"{source.title} needs {size(needed_bytes)} of free space while it is unpacked, and the disk of "
            f"'{folder.parent}' has {size(free_bytes)}: free some space or choose another folder."
        )


def _with_record(archive: Archive) -> Archive:
    """The archive with size and checksum as its publisher lists them."""
    if not archive.record:
        return archive
    import requests

    try:
        answer = requests.get(archive.record, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        listed = next(file for file in answer.json()["files"] if file["key"] == archive.name)
        checksum = listed["checksum"]
        # some answers of Zenodo leave the algorithm out, and mean MD5
        checksum = checksum if ":" in checksum else f"md5:{checksum}"
        return replace(archive, archive_bytes=int(listed["size"]), checksum=checksum)
    except (StopIteration, KeyError, TypeError, ValueError):
        raise SourceError(
            f"{_host(archive.record)} no longer lists {archive.name} as it did: download it by hand from there."
        ) from None
    except requests.RequestException as error:
        raise SourceError(f"{_host(archive.record)} cannot be reached ({_why(error)}): try again later.") from None


def _fetch(archive: Archive, work: Path, show: Callable[[int], None]) -> None:
    """Bring one archive into the working folder, whole and compared with its checksum."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it would speak of paths in a cache
    try:
        pooch.retrieve(
            archive.address,
            known_hash=archive.checksum,
            fname=archive.name,
            path=work,
            downloader=_Resuming(archive, work / f"{archive.name}.partial", show),
        )
    except SourceError:
        raise
    except ValueError:  # pooch's word for a wrong checksum; it has removed the file
        raise SourceError(
            f"{archive.name} came with a wrong checksum and was thrown away: download it again; if that happens twice, "
            f"the file on {_host(archive.address)} is not the one that was published."
        ) from None


class _Resuming:
    """A downloader for pooch that goes on with what an earlier call has brought.

    Pooch's own cannot: it writes into a temporary file that is deleted when the connection breaks, and asks for the
    whole file each time. This one appends to a file that stays, and hands it over when it is complete.
    """

    def __init__(self, archive: Archive, partial: Path, show: Callable[[int], None]) -> None:
        self.archive, self.partial, self.show = archive, partial, show

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        """What pooch calls. Raises SourceError when the connection breaks off."""
        import requests

        here_bytes = self.partial.stat().st_size if self.partial.exists() else 0
        if here_bytes > self.archive.archive_bytes:
            self.partial.unlink()
            here_bytes = 0
        try:
            if here_bytes < self.archive.archive_bytes:
                self._append(url, here_bytes)
        except requests.RequestException as error:
            here_bytes = self.partial.stat().st_size if self.partial.exists() else 0
            if not here_bytes or error.response is not None:
                raise SourceError(f"{_host(url)} cannot be reached ({_why(error)}): try again later.") from None
            raise SourceError(
                f"The connection to {_host(url)} broke off after {size(here_bytes)} of "
                f"{size(self.archive.archive_bytes)} ({_why(error)}): download again, and it goes on from there."
            ) from None
        os.replace(self.partial, output_file)

    def _append(self, url: str, here_bytes: int) -> None:
        """Ask for the bytes that are missing and write them behind the others."""
        import requests

        # compressed on the way, the bytes would not be those that were counted
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here_bytes}-"} if here_bytes else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            answer.raise_for_status()
            goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {here_bytes}-")
            if answer.status_code != 206 or not goes_on:
                here_bytes = 0  # a server that knows no ranges sends all of it
            with open(self.partial, "ab" if here_bytes else "wb") as file:
                for chunk in answer.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    here_bytes += len(chunk)
                    if here_bytes > self.archive.archive_bytes:
                        raise SourceError(f"{_host(url)} sends more than {self.archive.name} holds: try again later.")
                    self.show(here_bytes)


def _host(address: str) -> str:
    return address.split("/")[2]


def _why(error: "requests.RequestException") -> str:
    """A network's failure in a word or two: its own text is a nest of class names."""
    if error.response is not None:
        return f"it answered {error.response.status_code}"
    return "no answer" if "Timeout" in type(error).__name__ else "connection lost"


# unpacking


class _Member(NamedTuple):
    """A file inside an archive."""

    name: str
    member_bytes: int
    open: Callable[[], BinaryIO]


_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError),
)
"""What reading a damaged or encrypted archive raises."""


def _unpack_all(source: Source, work: Path, folder: Path, show: Callable[[], None]) -> None:
    """Unpack every archive beside its place and rename: a reader finds all of the sounds or none."""
    unpacked = folder.parent / f".{folder.name}.unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    room_bytes = source.most_unpacked_bytes
    try:
        for archive in source.archives:
            room_bytes = _unpack(work / archive.name, unpacked, source, room_bytes, show)
        os.rename(unpacked, folder)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _unpack(path: Path, folder: Path, source: Source, room_bytes: int, show: Callable[[], None]) -> int:
    """Write the wanted members of an archive below a folder; returns how many more bytes may be written."""
    try:
        with contextlib.closing(_members(path)) as members:
            for member in members:
                show()
                place = _place(member.name, folder, path.name)
                if not _is_wanted(place.relative_to(folder), source.folders):
                    continue
                room_bytes -= member.member_bytes
                if room_bytes < 0:
                    raise SourceError(
                        f"{path.name} unpacks to more than the {size(source.most_unpacked_bytes)} that "
                        f"{source.title} has, and was not unpacked."
                    )
                place.parent.mkdir(parents=True, exist_ok=True)
                with member.open() as content, open(place, "wb") as file:
                    shutil.copyfileobj(content, file, CHUNK_BYTES)
    except SourceError:
        raise
    except _DAMAGED as error:
        raise SourceError(f"{path.name} is damaged ({error}): delete '{path}' and download again.") from None
    return room_bytes


def _members(path: Path) -> Iterator[_Member]:
    """The files of a ZIP or a TAR, to be read and never extracted: owners, rights and links mean nothing here.

    Raises SourceError for anything else in it, but for folders.
    """
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield _Member(info.filename, info.file_size, lambda info=info: archive.open(info))
        return
    with tarfile.open(path, "r:*") as archive:
        for info in archive:
            if info.isfile():
                yield _Member(info.name, info.size, lambda info=info: archive.extractfile(info))
            elif not info.isdir():
                # a data set of sounds needs no links, and a link can be written through
                raise _leads_elsewhere(info.name, path.name)


def _place(name: str, folder: Path, archive: str) -> Path:
    """Where a member is written. Raises SourceError when that would be outside the folder."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
        raise _leads_elsewhere(name, archive)
    return folder.joinpath(*parts)


def _leads_elsewhere(name: str, archive: str) -> SourceError:
    return SourceError(f"{archive} holds '{name}', which leads out of its folder, and was not unpacked.")


def _is_wanted(path: Path, folders: tuple[str, ...]) -> bool:
    """Whether a member is unpacked: what lies in the wanted folders, and lists and licences above all of them."""
    return not folders or len(path.parts) == 1 or path.parts[0] in folders
