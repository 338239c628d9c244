"""Metadata tables -> labels: a CSV that names files in one column and what they are in another.

A table gives labels to files that were found and nothing else: what stands in it is compared with names, never opened.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

LARGEST_TABLE_BYTES = 2**26
"""64 MiB: the table of FSD50K, 51,197 clips, has 3 MB."""

FILE_COLUMNS = (
    "file_name filename fname slice_file_name file audio_file audio_filename audio wav path file_path filepath"
    " file_id recording_id xc_id id"
).split()
"""Headings of the column that names the file, the surest first; an id counts as a name without its extension."""

LABEL_COLUMNS = (
    "label labels class class_name category english_cname english_name common_name species word instrument tag genre"
).split()
"""Headings of the column that says what a file is, the surest first. English names stand before `species`, which in
the British bird song table is the second half of the Latin name alone."""

VERIFIED_COLUMN = "manually_verified"
"""FSDKaggle2018: 1 where a person confirmed the label."""

DELIMITERS = ",;\t|"


class Entry(NamedTuple):
    """What a table says of one file."""

    label: str
    verified: bool | None
    """Whether a person confirmed the label; None when the table does not say."""


class Table(NamedTuple):
    """The entries of one CSV."""

    column: str
    """Heading of the labels' column, as it is written in the file."""

    entries: dict[str, Entry]
    """By every ending of the file's path, with and without extension, that names one label only."""

    def find(self, parts: Sequence[str]) -> Entry | None:
        """The entry of a file that lies at such a path, of which the longest known ending decides."""
        for ending in _endings("/".join(parts)):
            # xeno-canto's files are named by an id that its tables write without the letters
            for name in (ending, ending.removeprefix("xc")):
                if name in self.entries:
                    return self.entries[name]
        return None


def read_table(data: bytes) -> Table | None:
    """The labels in a CSV; None when it has no column of files or no column of labels, or is no CSV at all."""
    text = _text(data)
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    try:
        headings, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except (csv.Error, ValueError):  # ValueError: there is not even a first line
        return None
    names = [re.sub(r"\W+", "_", heading.strip().lower()) for heading in headings]
    file_at, label_at = _first(names, FILE_COLUMNS), _first(names, LABEL_COLUMNS)
    if file_at is None or label_at is None:
        return None
    verified_at = _first(names, [VERIFIED_COLUMN])
    entries: dict[str, Entry | None] = {}
    for row in rows:
        # a row that is too short or leaves the label empty says nothing
        if len(row) > max(file_at, label_at) and row[label_at].strip():
            verified = None if verified_at is None or len(row) <= verified_at else row[verified_at].strip() == "1"
            entry = Entry(unicodedata.normalize("NFC", row[label_at].strip()), verified)
            for ending in _endings(row[file_at]):
                # two files of one name and different labels: only a longer ending can tell them apart
                entries[ending] = entry if entries.get(ending, entry) == entry else None
    return Table(headings[label_at].strip(), {ending: entry for ending, entry in entries.items() if entry})


def _text(data: bytes) -> str:
    """UTF-8 with or without a mark, else Latin-1, in which every byte is a letter."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _first(names: list[str], wanted: Sequence[str]) -> int | None:
    """Where the first of the wanted headings that there is stands."""
    return next((names.index(name) for name in wanted if name in names), None)


def _endings(path: str) -> list[str]:
    """'a/B.wav' -> ['a/b.wav', 'a/b', 'b.wav', 'b']: the endings of a path, the longest first."""
    parts = [part for part in re.split(r"[/\\]", unicodedata.normalize("NFC", path.strip()).casefold()) if part]
    endings = ["/".join(parts[at:]) for at in range(len(parts))]
    # an extension has letters: the end of "loop 1.5" is none
    return [name for ending in endings for name in dict.fromkeys((ending, re.sub(r"\.[a-z]\w{1,4}$", "", ending)))]
