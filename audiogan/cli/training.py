"""Runs are trained here, behind a bar, and stopped wherever they are trained."""

import shlex
import time
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from audiogan.cli.following import describe_run
from audiogan.cli.printing import Json, print_json, words
from audiogan.lab import Lab, Limit, Run, RunError, Status
from audiogan.wording import duration, pace

Steps = Annotated[int | None, typer.Option(help="Train until this many generator steps in all.")]
Epochs = Annotated[float | None, typer.Option(help="Train until this many passes over the data in all.")]
Minutes = Annotated[float | None, typer.Option(help="Train until this many minutes of training in all.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Now = Annotated[
    bool, typer.Option("--now/--queue", help="Begin at once, or after those that train on the same device already.")
]


def train(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="NAME", help="A prepared data set.")],
    preset: Annotated[str, typer.Option(help="See `presets` (default: studio on an NVIDIA card, else framegan).")] = "",
    run: Annotated[str, typer.Option(help="Name of the run (default: date, data set, preset).")] = "",
    steps: Steps = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting.")] = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of the weights, the data order and everything random.")] = 0,
    at_once: Now = False,
    as_json: Json = False,
) -> None:
    """Train a new model, after those that train on the same device already; Ctrl-C saves and leaves.

    On several graphics cards: torchrun -m audiogan train.
    """
    lab: Lab = context.obj
    words.quiet = not lab.join_ranks()
    limit = Limit(steps, epochs, minutes)
    preset = preset or lab.suggested_preset(device)
    config = lab.configure(lab.dataset(dataset), preset, settings or [], seed)
    words.print(lab.describe_construction(config), markup=False)
    follow_training(lab, lab.create_run(config, run, device, limit), limit, device, at_once, as_json)


def resume(
    context: typer.Context,
    run: str,
    steps: Steps = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    step: Annotated[
        str, typer.Option("--from", help="best, last, or the step of a save: goes on in a new run, this one stays.")
    ] = "",
    rate_scale: Annotated[
        float | None, typer.Option(help="Learning rates times this, in a new run that begins at the best save.")
    ] = None,
    device: Device = "auto",
    at_once: Now = False,
    as_json: Json = False,
) -> None:
    """Go on with a run from its last save; limits count from the run's beginning."""
    lab: Lab = context.obj
    words.quiet = not lab.join_ranks()
    found = lab.run(run)
    if step or rate_scale is not None:
        found = lab.branch(found, save_step(found, step or "best"), 1.0 if rate_scale is None else rate_scale)
    follow_training(lab, found, Limit(steps, epochs, minutes), device, at_once, as_json)


def save_step(run: Run, name: str) -> int | None:
    """The step of a save by its name; None for the best there is. Raises RunError."""
    if name == "best":
        return None
    if name == "last":
        return max(run.saved_steps(), default=0)
    if not name.isdecimal():
        raise RunError(f"--from wants best, last, or the step of a save, not '{name}'.")
    return int(name)


def follow_training(lab: Lab, run: Run, limit: Limit, device: str, at_once: bool, as_json: bool) -> None:
    """Train here, with a bar; exit 1 when it failed."""
    words.print(f"Run '{run.name}' in {run.folder}", markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    bar = Progress(*columns, console=words)
    task = bar.add_task("starting", total=1.0)

    def show(status: Status) -> None:
        # started here and not before: a training that is refused draws none
        bar.start()
        waits_for = lab.waits_for(run) if status.state == "waiting" else ""
        bar.update(task, completed=status.fraction, description=describe_status(status, waits_for))

    try:
        status = lab.train(run, limit, device, show, at_once)
    finally:
        bar.stop()
    if as_json and not words.quiet:
        print_json(describe_run(lab, run))
    if status.state == "failed":
        lower = f" Next: audiogan resume {shlex.quote(run.name)} --rate-scale 0.5" if status.diverged else ""
        raise RunError(status.message + lower)
    for finding in lab.findings(run):
        words.print(f"{finding.sentence} [{finding.rule}]", markup=False)
    following = f"Next: audiogan generate {shlex.quote(run.name)}"
    words.print(f"{status.state} after {status.step:,} steps. {following}", markup=False)


def describe_status(status: Status, waits_for: str = "") -> str:
    """One line for the bar."""
    if status.state == "waiting":
        return f"waiting for {waits_for}" if waits_for else "waiting for its turn"
    left = "" if status.seconds_left is None else f", {duration(status.seconds_left)} left"
    return f"{status.state}, step {status.step:,}, {pace(status.steps_per_second)}{left}"


def stop(
    context: typer.Context,
    run: str,
    wait: Annotated[float, typer.Option(help="Seconds to wait until it has saved and left.")] = 60.0,
) -> None:
    """Ask a training to finish its step, save and leave."""
    lab: Lab = context.obj
    found = lab.run(run)
    lab.stop(found)
    deadline = time.monotonic() + wait
    while found.status.is_active:
        if time.monotonic() > deadline:
            raise RunError(f"The run '{run}' was asked to stop and is still finishing its step.")
        time.sleep(0.2)
    words.print(f"{found.status.state} after {found.status.step:,} steps.")
