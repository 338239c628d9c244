"""A messy folder -> what is in it: which files are sounds, which are refused and why, and what suits them.

`listen` listens to every file that is found under the sources and decides. A CSV that names files and labels is
believed before the folders are.
"""

import contextlib
import hashlib
import itertools
import math
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from audiogan import audio, labels
from audiogan.files import DatasetError, Found, NoSounds, Upload, find_all, is_hidden, natural_key, printable
from audiogan.wording import plural

KEPT_BYTES = 2**28
"""256 MiB of decoded sound (25 minutes at 44.1 kHz) are kept for cutting; the rest is read again."""

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

UNSORTED = "unsorted"
"""The label of files that lie beside labelled folders, or that a table of labels does not name."""

Progress = Callable[[int, int], None]
"""Told (files done, files in all)."""


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

    _found: tuple["Found", ...] = field(repr=False)
    _kept: dict[int, np.ndarray] = field(repr=False)

    _verified: tuple[bool | None, ...] = field(repr=False)
    """Of each file whether a table says that a person confirmed its label; None when none says."""

    notes: tuple[str, ...] = ()
    """Sentences about where the labels come from, and what was left out on request."""

    @property
    def accepted(self) -> tuple[SurveyedFile, ...]:
        """The files that will be used."""
        return tuple(file for file in self.files if file.status == "accepted")

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the accepted files, in natural order; empty when there are no subfolders."""
        return tuple(sorted({file.label for file in self.accepted if file.label}, key=natural_key))

    @property
    def tells_verified(self) -> bool:
        """Whether a table says of any accepted file if its label was confirmed by hand."""
        return any(told is not None and file.status == "accepted" for file, told in self._with_verified())

    def _with_verified(self) -> Iterator[tuple[SurveyedFile, bool | None]]:
        return zip(self.files, self._verified, strict=True)

    def keep(self, wanted: Sequence[str] = (), verified: bool = False) -> "Survey":
        """The same survey with fewer files accepted: those of some labels (all, if none is named), confirmed ones.

        `verified` prefers: a label of which nothing was confirmed by hand keeps all of its sounds. Upper and lower
        case, space and underscore are the same. Raises DatasetError naming the labels there are.
        """
        names = [self._label(word) for word in wanted]
        confirmed = {file.label for file, is_verified in self._with_verified() if verified and is_verified}
        files = []
        for file, is_verified in self._with_verified():
            if file.status == "accepted" and names and file.label not in names:
                file = replace(file, status="ignored", reason=f"left out: its label is {file.label or 'missing'}")
            elif file.status == "accepted" and file.label in confirmed and not is_verified:
                file = replace(file, status="ignored", reason="left out: its label was not confirmed by hand")
            files.append(file)
        notes = [*self.notes]
        if verified and not self.tells_verified:
            notes.append("No table says which labels were confirmed by hand: all sounds are used.")
        return replace(self, files=tuple(files), notes=tuple(notes))

    def _label(self, word: str) -> str:
        """The label that is meant by a word. Raises DatasetError when there is none."""
        plain = {re.sub(r"[\s_]+", " ", label).casefold(): label for label in self.labels}
        wanted = re.sub(r"[\s_]+", " ", word).strip().casefold()
        if wanted in plain:
            return plain[wanted]
        near = [label for key, label in plain.items() if wanted in key] or list(self.labels)
        more = f" and {len(near) - 10} more" if len(near) > 10 else ""
        raise DatasetError(f"There is no label '{printable(word)}'. There is {', '.join(near[:10]) or 'none'}{more}.")

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


def listen(sources: Iterable[Path | Upload], progress: Progress | None = None) -> Survey:
    """Listen to every file under the sources: files, folders, ZIP archives, uploads.

    Subfolders become labels, counted from where the accepted files part. Of several sources, each folder's or
    archive's own name counts as a subfolder. Where a CSV among the files names a sound, its label is taken instead.
    Raises NoSounds when nothing can be used.
    """
    sources = [source if isinstance(source, Upload) else Path(source).expanduser() for source in sources]
    found = sorted(find_all(sources), key=lambda item: natural_key(item.path))
    heard, kept, room_bytes = [], {}, KEPT_BYTES
    batches = in_parallel(_listen_to, found, [item.file_bytes for item in found], progress)
    for index, (finding, sound) in enumerate(itertools.chain.from_iterable(batches)):
        heard.append(finding)
        if sound is not None and sound.nbytes <= room_bytes:
            kept[index] = sound
            room_bytes -= sound.nbytes
    tables = _read_tables(found)
    entries = [_entry(tables, item) for item in found]
    files = _say_tables(_describe(found, heard, entries), entries, tables)
    if not any(file.status == "accepted" for file in files):
        raise NoSounds(_why_no_sounds(sources, files), files)
    verified = tuple(entry.verified if entry else None for _, entry in entries)
    return Survey(files, tuple(found), kept, verified, _note_tables(files, entries, found, tables))


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


def _listen_to(items: list[Found]) -> list[tuple[_Heard, np.ndarray | None]]:
    return [_listen(item) for item in items]


def _listen(item: Found) -> tuple[_Heard, np.ndarray | None]:
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


def in_parallel(work: Callable, items: list, sizes_bytes: list[int], progress: Progress | None) -> Iterator:
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


def _describe(found: list[Found], heard: list[_Heard], entries: list["_Said"]) -> tuple[SurveyedFile, ...]:
    """What became of each file, with its label and a remark on copies."""
    accepted = [index for index, item in enumerate(heard) if item.status == "accepted"]
    by_folder = _labels([found[index].parts[:-1] for index in accepted])
    originals = _originals(accepted, found, heard)
    label_of = dict(zip(accepted, by_folder, strict=True))
    if any(entries[index][1] for index in accepted):
        label_of = {index: _chosen(entries[index][1], label) for index, label in label_of.items()}
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


# labels from tables

_Said = tuple[int, labels.Entry | None]
"""The number of the file that is a table, and what it says of a sound; (-1, None) when no table names the sound."""


def _chosen(entry: labels.Entry | None, folder_label: str) -> str:
    """A table is believed before the folder."""
    return entry.label if entry else folder_label or UNSORTED


def _read_tables(found: list[Found]) -> dict[int, labels.Table]:
    """The CSV files among those found that have a column of files and a column of labels."""
    tables = {}
    for index, item in enumerate(found):
        is_table = item.parts[-1].lower().endswith((".csv", ".tsv")) and not is_hidden(item.parts)
        if is_table and item.content and item.file_bytes <= labels.LARGEST_TABLE_BYTES:
            with contextlib.suppress(audio.UnreadableAudio):  # such a file is passed over in any case
                table = labels.read_table(item.read())
                if table:
                    tables[index] = table
    return tables


def _entry(tables: dict[int, labels.Table], item: Found) -> _Said:
    """What the first table that names a sound says of it."""
    if not item.status:
        for index, table in tables.items():
            entry = table.find(item.parts)
            if entry:
                return index, entry
    return -1, None


def _say_tables(
    files: tuple[SurveyedFile, ...], entries: list[_Said], tables: dict[int, labels.Table]
) -> tuple[SurveyedFile, ...]:
    """The same files, with a remark on each table that says how many sounds it labelled."""
    given = _given(files, entries)
    remarks = {
        index: f"labels of {plural(given[index], 'sound')} are taken from its column '{printable(table.column)}'"
        if given[index]
        else "a table of labels, which names none of the sounds"
        for index, table in tables.items()
    }
    return tuple(replace(file, reason=remarks[index]) if index in remarks else file for index, file in enumerate(files))


def _given(files: tuple[SurveyedFile, ...], entries: list[_Said]) -> Counter:
    """How many accepted sounds each table labelled."""
    return Counter(
        index for file, (index, entry) in zip(files, entries, strict=True) if entry and file.status == "accepted"
    )


def _note_tables(
    files: tuple[SurveyedFile, ...], entries: list[_Said], found: list[Found], tables: dict[int, labels.Table]
) -> tuple[str, ...]:
    """A sentence about labels that come from tables and not from folders."""
    given = _given(files, entries)
    if not given:
        return ()
    sounds = sum(file.status == "accepted" for file in files)
    names = ", ".join(f"{found[index].parts[-1]} (column '{printable(tables[index].column)}')" for index in given)
    rest = sounds - given.total()
    note = f"Labels come from {names} for {given.total():,} of {plural(sounds, 'sound')}, before those of folders."
    return (note + (f" {plural(rest, 'sound')} in no table: labelled by folder, or '{UNSORTED}'." if rest else ""),)


def _originals(accepted: list[int], found: list[Found], heard: list[_Heard]) -> dict[int, int]:
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
