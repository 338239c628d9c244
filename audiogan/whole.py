"""Files that are there whole or not at all: a reader never sees half of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A neighbour to write, which takes the file's name in one step once it is written, and is gone otherwise."""
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        # two names of one file are not renamed onto each other, either
        partial.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """A file with these bytes, or as it was before."""
    with replacing(path) as partial:
        partial.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """A file with this text in UTF-8, or as it was before."""
    write_bytes(path, text.encode())
