"""The runs there are, here and in TensorBoard."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from audiogan.cli.printing import Json, show_rows, words
from audiogan.lab import Lab, Run

FOLLOW_SECONDS = 10.0
"""TensorBoard itself looks for news every 30 seconds."""


def runs(context: typer.Context, as_json: Json = False) -> None:
    """The trainings, newest first."""
    rows = [describe_run(context.obj, run) for run in context.obj.runs()]
    show_rows(
        "runs",
        rows,
        as_json,
        "No run yet: audiogan train NAME",
        columns=("name", "state", "preset", "dataset", "step", "minutes", "message"),
    )
    if rows and not as_json:
        words.print(context.obj.disk_words())


def describe_run(lab: Lab, run: Run) -> dict:
    """A run as one JSON object."""
    status = run.status
    return {
        "name": run.name,
        "folder": str(run.folder),
        "preset": run.config.preset,
        "dataset": run.config.dataset,
        "state": status.state,
        "step": status.step,
        "epoch": round(status.epoch, 3),
        "minutes": round(status.seconds / 60, 2),
        "fraction": round(status.fraction, 4),
        "steps_per_second": round(status.steps_per_second, 3),
        "device": status.device,
        "memory_bytes": status.memory_bytes,
        "disk_bytes": run.disk_bytes(),
        "origin": run.config.origin,
        "saves": run.saved_steps(),
        "snapshots": [snapshot.step for snapshot in run.snapshots()],
        "best": run.best_step,
        "findings": [asdict(finding) for finding in lab.findings(run)],
        "message": status.message,
    }


def tensorboard(
    context: typer.Context,
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN...]", help="Which; without it, all.")] = None,
    to: Annotated[Path | None, typer.Option(help="Folder for the event files (default: tensorboard/).")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Keep up while a run is being trained.")] = False,
) -> None:
    """Show runs in TensorBoard: numbers, sounds and spectrograms (pip install audiogan[tensorboard])."""
    lab: Lab = context.obj
    words.print("Next: tensorboard --logdir " + shlex.quote(str(to or lab.home / "tensorboard")), markup=False)
    lab.track(runs or [], to, FOLLOW_SECONDS if follow else 0.0)
