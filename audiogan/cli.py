"""The command line: the same `Lab` calls as the pages.

One object on standard output under --json, the sounds or nothing otherwise; words and progress go to standard error.
Exit 0, 1 with one plain sentence (a traceback only under --debug), 2 for wrong usage.
"""

import json
import logging
import os
import shlex
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from audiogan.lab import Entry, Lab, Limit, Reconstruction, Run, RunError, Sound, Source, Status, site
from audiogan.wording import duration, pace, plural, size

app = typer.Typer(
    help="Train a small GAN on a folder of sounds, on your own machine, and play it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
queue_app = typer.Typer(invoke_without_command=True)
app.add_typer(queue_app, name="queue")
FOLLOW_SECONDS = 10.0
"""TensorBoard itself looks for news every 30 seconds."""

words = Console(stderr=True, highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Steps = Annotated[int | None, typer.Option(help="Train until this many generator steps in all.")]
Epochs = Annotated[float | None, typer.Option(help="Train until this many passes over the data in all.")]
Minutes = Annotated[float | None, typer.Option(help="Train until this many minutes of training in all.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Now = Annotated[
    bool, typer.Option("--now/--queue", help="Begin at once, or after those that train on the same device already.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def presets(context: typer.Context, as_json: Json = False) -> None:
    """The models that can be trained, with their settings."""
    rows = [
        {
            "name": name,
            "title": item.title,
            "about": item.about,
            "source": item.source,
            "settings": asdict(item.settings),
        }
        for name, item in context.obj.presets().items()
    ]
    show_rows("presets", rows, as_json, "", columns=("name", "title", "about"))


@app.command()
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


@app.command()
def generate(
    context: typer.Context,
    run: str,
    count: Annotated[int, typer.Option(help="How many sounds.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the first; the others follow.")] = 0,
    label: Annotated[str, typer.Option(help="Only sounds of this label.")] = "",
    step: Annotated[int | None, typer.Option(help="The snapshot of that step (default: the best).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for WAVs (default: RUN-sounds here).")] = None,
    zip_file: Annotated[Path | None, typer.Option("--zip", help="Write one ZIP instead.")] = None,
    recall: Annotated[
        Path | None,
        typer.Option(help="Make the sounds of a sounds.json (or of the ZIP that holds it) again."),
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="Turn steady noise down, take out an offset and fade both ends.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make WAVs with a trained model; sounds.json beside them calls each of them back."""
    lab: Lab = context.obj
    found = lab.run(run)
    if recall:
        sounds = lab.recall(found, read_addresses(recall), step, clean)
    else:
        with progress_bar("Making sounds") as show:
            sounds = lab.generate(found, count, seed, label or None, step, show, clean)
    written = []
    if zip_file:
        zip_file.write_bytes(lab.pack(found, sounds, step))
        written.append(zip_file)
    if out or not zip_file:
        folder = out or Path(f"{run}-sounds")
        folder.mkdir(parents=True, exist_ok=True)
        for sound in sounds:
            (folder / sound.name).write_bytes(sound.wav)
            written.append(folder / sound.name)
        (folder / "sounds.json").write_text(lab.addresses(found, sounds, step), encoding="utf-8")
    words.print(f"{len(sounds)} sounds in {zip_file or folder}", markup=False)
    if as_json:
        print_json({"run": run, "files": [str(path) for path in written]})


@app.command()
def evaluate(
    context: typer.Context,
    run: str,
    step: Annotated[int | None, typer.Option("--snapshot", help="The one of that step (default: the best).")] = None,
    data: Annotated[str | None, typer.Option(help="Data set to judge by (default: the run's own).")] = None,
    count: Annotated[int, typer.Option(help="How many sounds are made and judged.")] = 1000,
    embedder: Annotated[
        str | None, typer.Option(help="Your own beside ours: a file (.pt, .ts, .onnx), or a model's name in fadtk.")
    ] = None,
    embedder_rate: Annotated[int, typer.Option(help="Samples per second that your own embedder wants.")] = 16_000,
    report: Annotated[Path | None, typer.Option(help="Write a report to hand on, too (HTML).")] = None,
    as_json: Json = False,
) -> None:
    """Say how good a model's sounds are: real, varied, new, clean? The answer is kept in the run."""
    lab: Lab = context.obj
    found = lab.run(run)
    with progress_bar("Judging", TaskProgressColumn()) as show:
        evaluation = lab.evaluate(found, step, data, count, embedder, embedder_rate, show)
    if report:
        write_whole(report, lab.report([found], [evaluation.step]))
    if as_json:
        print(evaluation.to_json())
        return
    words.print(f"'{run}', snapshot of step {evaluation.step:,}, in {duration(evaluation.seconds)}:", markup=False)
    for answer in evaluation.card.answers:
        words.print(f"{answer.question + '?':8} {answer.verdict:9} {answer.sentence}", markup=False)
    show_rows("lines", [vars(row) for row in evaluation.rows()], False, "", EVALUATION_COLUMNS)
    for sentence in evaluation.sentences():
        words.print(sentence, markup=False)
    if report:
        words.print(f"The report is in {report}.", markup=False)


EVALUATION_COLUMNS = ("title", "value", "interval", "floor", "clips", "verdict")


@app.command()
def report(
    context: typer.Context,
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="One, or several to be shown side by side.")],
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
) -> None:
    """Write a report to hand on: one HTML file with answers, measures, charts, sounds and settings."""
    lab: Lab = context.obj
    found = [lab.run(name) for name in runs]
    for run in found:
        if run.snapshot().step not in {evaluation.step for evaluation in lab.evaluations(run)}:
            with progress_bar(f"Judging {run.name}", TaskProgressColumn()) as show:
                lab.evaluate(run, progress=show)
    write_whole(out, lab.report(found))
    words.print(f"The report is in {out} ({size(out.stat().st_size)}).", markup=False)


def write_whole(path: Path, text: str) -> None:
    """A file with this text, or as it was before."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


Label = Annotated[str, typer.Option(help="The sound's label (default: the one that fits best).")]
Snapshot = Annotated[int | None, typer.Option("--step", help="The snapshot of that step (default: the best).")]


@app.command()
def encode(
    context: typer.Context, run: str, file: Path, label: Label = "", step: Snapshot = None, as_json: Json = False
) -> None:
    """Print the latent from which a model makes the sound nearest to a file; with --json, as in sounds.json."""
    lab: Lab = context.obj
    result = reconstruct_file(lab, lab.run(run), file, label, step)
    if as_json:
        sound = Sound(file.name, result.wav, result.point, result.label)
        print(lab.addresses(lab.run(run), [sound], step))
    else:
        print(*result.point.latent)


@app.command()
def reconstruct(
    context: typer.Context,
    run: str,
    file: Path,
    label: Label = "",
    step: Snapshot = None,
    out: Annotated[Path | None, typer.Option(help="The WAV to write (default: FILE-RUN.wav here).")] = None,
    as_json: Json = False,
) -> None:
    """Write what a model makes of a sound, and say how near it comes."""
    lab: Lab = context.obj
    result = reconstruct_file(lab, lab.run(run), file, label, step)
    out = out or Path(f"{file.stem}-{run}.wav")
    out.write_bytes(result.wav)
    heard_as = f", as {result.label}" if result.label else ""
    words.print(f"{out}: what '{run}' makes of {file.name}{heard_as}.", markup=False)
    for line in result.sentences():
        words.print(line, markup=False)
    if as_json:
        print_json(
            {
                "file": str(out),
                "label": result.label or None,
                "spectral_distance": result.spectral_distance,
                "usual_distance": result.usual_distance,
                "wave_error": result.wave_error,
                "silence_error": result.silence_error,
            }
        )


def reconstruct_file(lab: Lab, run: Run, file: Path, label: str, step: int | None) -> Reconstruction:
    """A file encoded and decoded, behind a bar while the run's encoder is trained the first time."""
    clip = lab.clip_for(run, file)
    if lab.has_encoder(run, step):
        return lab.reconstruct(run, clip, label or None, step)
    words.print("The first sound for this model: training its encoder takes up to two minutes, once.")
    with progress_bar("Training the encoder") as show:
        return lab.reconstruct(run, clip, label or None, step, show)


def read_addresses(path: Path) -> str:
    """The text of a sounds.json, or of the one in a ZIP."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "sounds.json" in archive.namelist():
                return archive.read("sounds.json").decode()
        raise RunError(f"There is no sounds.json in {path.name}.")
    return path.read_text(encoding="utf-8")


@app.command()
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


@app.command(name="app")
def serve(context: typer.Context, port: Annotated[int, typer.Option(help="Port on this computer.")] = 8501) -> None:
    """Start the app in the browser."""
    lab: Lab = context.obj
    command = [sys.executable, "-m", "streamlit", "run", str(site() / "app.py"), "--server.port", str(port)]
    try:
        code = subprocess.call(command, env=os.environ | {"AUDIOGAN_HOME": str(lab.home)})
    except KeyboardInterrupt:
        code = 0
    raise typer.Exit(code)


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


def sentence(error: Exception) -> str:
    """An error in words: ours are sentences already, the system's are given one."""
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{place}."
    return str(error)
