"""From public sources, folders and files to data sets of clips."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import DownloadColumn

from audiogan.cli.printing import Json, print_json, progress_bar, show_rows, words
from audiogan.lab import Lab, Source
from audiogan.wording import size


def prepare(
    context: typer.Context,
    sources: Annotated[list[Path], typer.Argument(metavar="SRC...", help="Folders, sound files or ZIPs.")],
    name: Annotated[str, typer.Option(help="Name of the data set.")],
    rate: Annotated[int | None, typer.Option(help="Samples per second (default: suggested by the files).")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of a clip (default: suggested).")] = None,
    labels: Annotated[list[str] | None, typer.Option("--label", help="Use only sounds of this label.")] = None,
    verified: Annotated[
        bool, typer.Option("--verified", help="Prefer sounds whose labels a table calls confirmed by hand.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a data set of clips from folders, files or ZIPs; subfolders, or a CSV among them, give the labels."""
    lab: Lab = context.obj
    with progress_bar("Looking at the files") as show:
        survey = lab.survey(sources, show)
    if labels or verified:
        survey = survey.keep(labels or [], verified)
    for note in survey.notes:
        words.print(note, markup=False)
    suggestion = survey.suggest()
    if rate is None or seconds is None:
        words.print(suggestion.why)
    with progress_bar("Cutting clips") as show:
        dataset = lab.prepare(survey, name, rate, seconds, show)
    refused = [file for file in dataset.files if file.status == "skipped"]
    for file in refused:
        words.print(f"skipped {file.path}: {file.reason}", markup=False)
    counts = ", ".join(f"{label} {count}" for label, count in dataset.counts.items())
    words.print(
        f"Data set '{dataset.name}': {dataset.n_clips} clips of {dataset.seconds:g} s at {dataset.rate} Hz"
        + (f" ({counts})" if counts else "")
        + f"; {len(refused)} files skipped.",
        markup=False,
    )
    if as_json:
        print_json(
            {
                "name": dataset.name,
                "folder": str(dataset.folder),
                "rate": dataset.rate,
                "seconds": dataset.seconds,
                "clips": dataset.n_clips,
                "labels": dataset.counts,
                "files": [asdict(file) for file in dataset.files],
            }
        )


def download(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Which; without it, all are listed.")] = "",
    to: Annotated[Path | None, typer.Option(help="Folder in which to make NAME (default: downloads/).")] = None,
    as_json: Json = False,
) -> None:
    """Download a public data set; again after a broken connection, and it goes on from there."""
    lab: Lab = context.obj
    if not name:
        rows = [describe_source(source) for source in lab.public_sources().values()]
        show_rows("sources", rows, as_json, "", columns=("name", "title", "size", "licence"))
        return
    with progress_bar("Downloading", DownloadColumn()) as show:
        folder = lab.download(name, to, show)
    words.print(f"The sounds are in {folder}. Next: audiogan prepare {folder} --name {name}", markup=False)
    for kept in lab.kept_archives(name, to):
        words.print(kept, markup=False)
    if as_json:
        print_json({"name": name, "folder": str(folder)})


def describe_source(source: Source) -> dict:
    """A public data set as one JSON object."""
    return {
        "name": source.name,
        "title": source.title,
        "about": source.about,
        "licence": source.licence,
        "size": "by hand" if source.by_hand else size(source.most_archive_bytes),
        "page": source.page,
        "by_hand": source.by_hand,
    }


def datasets(context: typer.Context, as_json: Json = False) -> None:
    """The prepared data sets."""
    rows = [
        {
            "name": dataset.name,
            "clips": dataset.n_clips,
            "seconds": dataset.seconds,
            "rate": dataset.rate,
            "labels": dataset.counts,
        }
        for dataset in context.obj.datasets()
    ]
    show_rows("datasets", rows, as_json, "No data set yet: audiogan prepare FOLDER --name NAME")
