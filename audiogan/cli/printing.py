"""What all commands write with: words, tables and bars on standard error, one JSON object on standard output."""

import json
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

words = Console(stderr=True, highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@contextmanager
def progress_bar(title: str, count: ProgressColumn | None = None):
    """A bar on standard error; yields show(done, total). `count` says how they are written: as numbers, or as bytes."""
    columns = (TextColumn(title), BarColumn(), count or MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=words, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_rows(name: str, rows: list[dict], as_json: bool, when_empty: str, columns: tuple[str, ...] = ()) -> None:
    """A table of the rows on standard error, or all of them as JSON on standard output."""
    if as_json:
        print_json({name: rows})
        return
    if not rows:
        words.print(when_empty)
        return
    table = Table(*(columns or rows[0]), box=None, header_style="bold")
    for row in rows:
        table.add_row(*(str(row[column]) for column in (columns or rows[0])))
    words.print(table)


def print_json(value: dict) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))


def sentence(error: Exception) -> str:
    """An error in words: ours are sentences already, the system's are given one."""
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{place}."
    return str(error)
