"""Tables of numbers as CSV files, which grow by whole lines while others read them."""

import csv
import functools
from collections.abc import Iterable
from pathlib import Path

from audiogan import whole

Row = tuple[float, ...]


def append(path: Path, names: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Add rows; a file that is not there yet begins with the names of the columns."""
    header = "" if path.exists() else ",".join(names) + "\n"
    with open(path, "a", encoding="utf-8") as file:
        file.write(header + _lines(rows))


def write(path: Path, names: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Replace the file by one with these rows."""
    whole.write_text(path, ",".join(names) + "\n" + _lines(rows))


def read(path: Path, names: tuple[str, ...]) -> dict[str, list[float]]:
    """The columns of finished lines: one that has no line end yet is still being written. Empty without a file."""
    try:
        written = path.stat()
    except FileNotFoundError:
        return {name: [] for name in names}
    rows = _rows(path, len(names), (written.st_ino, written.st_mtime_ns, written.st_size))
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _lines(rows: Iterable[Row]) -> str:
    return "".join(",".join(f"{value:.10g}" for value in row) + "\n" for row in rows)


@functools.lru_cache(maxsize=64)
def _rows(path: Path, count: int, _written: tuple[int, int, int]) -> list[Row]:
    """The finished lines of `count` numbers; a page asks for the same ones several times each second."""
    text = path.read_text(encoding="utf-8")
    lines = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))[1:]
    return [tuple(map(float, line)) for line in lines if len(line) == count]
