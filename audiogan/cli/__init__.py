"""The command line: the same `Lab` calls as the pages.

One object on standard output under --json, the sounds or nothing otherwise; words and progress go to standard error.
Exit 0, 1 with one plain sentence (a traceback only under --debug), 2 for wrong usage.

A file holds the commands for one section of the laboratory, under that section's name; `serving` starts the app, and
`printing` is what all of them write with. Here they become one program.
"""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from audiogan.cli import (
    following,
    generating,
    judging,
    keeping,
    own_sounds,
    planning,
    queueing,
    serving,
    sounds,
    training,
)
from audiogan.cli.printing import sentence, words
from audiogan.lab import Lab

app = typer.Typer(
    help="Train a small GAN on a folder of sounds, on your own machine, and play it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="Folder of datasets/ and checkpoints/ (default: AUDIOGAN_HOME, or here)."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """What every command shares."""
    context.obj = Lab(home)


# in the order of --help, which puts `queue` last
app.command()(sounds.prepare)
app.command()(sounds.download)
app.command()(training.train)
app.command()(training.resume)
app.command()(training.stop)
app.command()(keeping.delete)
app.command()(sounds.datasets)
app.command()(planning.presets)
app.command()(following.runs)
app.command()(generating.generate)
app.command()(judging.evaluate)
app.command()(judging.report)
app.command()(own_sounds.encode)
app.command()(own_sounds.reconstruct)
app.command()(following.tensorboard)
app.command(name="app")(serving.serve)
app.add_typer(queueing.queue_app, name="queue")


def main() -> None:
    """Run the command line; every failure of ours is one sentence."""
    debug = "--debug" in sys.argv
    logging.basicConfig(level=logging.INFO if debug else logging.CRITICAL)
    try:
        app(shared_options_first(sys.argv[1:]))
    except (ValueError, OSError) as error:
        if debug:
            raise
        words.quiet = False
        words.print(sentence(error), markup=False, style="red")
        sys.exit(1)


def shared_options_first(arguments: list[str]) -> list[str]:
    """--home and --debug may stand anywhere; typer wants them before the command."""
    first, rest = [], []
    queue = iter(arguments)
    for argument in queue:
        if argument == "--home":
            first += [argument, *[value for value in [next(queue, None)] if value is not None]]
        elif argument == "--debug" or argument.startswith("--home="):
            first.append(argument)
        else:
            rest.append(argument)
    return first + rest
