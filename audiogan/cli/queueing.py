"""Trainings that wait for their turn: `queue` and its own commands."""

from typing import Annotated

import typer

from audiogan.cli.printing import Json, show_rows, words
from audiogan.lab import Entry, Lab

queue_app = typer.Typer(invoke_without_command=True)


@queue_app.callback()
def queue(context: typer.Context, as_json: Json = False) -> None:
    """The trainings that are at work or wait for their turn; move, hurry and cancel them."""
    if context.invoked_subcommand:
        return
    lab: Lab = context.obj
    rows = [describe_entry(entry) for entry in lab.queue()]
    show_rows("queue", rows, as_json, "Nothing is being trained and nothing waits.")


def describe_entry(entry: Entry) -> dict:
    """A run in the queue as one JSON object."""
    return {
        "name": entry.run.name,
        "state": entry.status.state,
        "device": entry.place.device,
        "machine": entry.place.machine,
        "waits_for": entry.waits_for,
    }


@queue_app.command()
def move(context: typer.Context, run: str, position: Annotated[int, typer.Argument(min=1)]) -> None:
    """Let a waiting training be the so-manyth, from 1, of those that wait."""
    lab: Lab = context.obj
    lab.move(lab.run(run), position)


@queue_app.command()
def hurry(context: typer.Context, run: str) -> None:
    """Let a waiting training begin now, beside whatever trains."""
    lab: Lab = context.obj
    lab.hurry(lab.run(run))


@queue_app.command()
def cancel(context: typer.Context, run: str) -> None:
    """Take a waiting training out of the queue; the run is as it was before."""
    lab: Lab = context.obj
    lab.cancel(lab.run(run))


@queue_app.command(name="go-on")
def go_on(context: typer.Context) -> None:
    """Start what was interrupted while it trained or waited, in its old order."""
    started = context.obj.go_on()
    names = ", ".join(run.name for run in started)
    words.print(f"Started: {names}." if started else "Nothing was interrupted.", markup=False)
