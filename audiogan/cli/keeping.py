"""Runs and data sets are removed."""

from typing import Annotated

import typer

from audiogan.cli.printing import words
from audiogan.lab import Lab
from audiogan.wording import plural, size

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def delete(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A run, or a data set with --dataset.")],
    is_dataset: Annotated[bool, typer.Option("--dataset", help="Delete the data set of that name.")] = False,
    yes: Yes = False,
) -> None:
    """Delete a run with all its sounds, or a data set's clips; asks before."""
    lab: Lab = context.obj
    if is_dataset:
        dataset = lab.dataset(name)
        users = plural(len(lab.runs_on(dataset)), "run")
        what = f"the data set '{name}' ({plural(dataset.n_clips, 'clip')}; {users} cannot go on without it)"
    else:
        run = lab.run(name)
        what = f"the run '{name}' ({size(run.disk_bytes())}, {plural(len(run.snapshots()), 'snapshot')})"
    if not yes:
        typer.confirm(f"Delete {what}?", abort=True, err=True)
    lab.delete_dataset(dataset) if is_dataset else lab.delete_run(run)
    words.print(f"Deleted {what}.", markup=False)
