"""How good a run's sounds are, and a report of that to hand on."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TaskProgressColumn

from audiogan import whole
from audiogan.cli.printing import Json, progress_bar, show_rows, words
from audiogan.lab import Lab
from audiogan.wording import duration, size

EVALUATION_COLUMNS = ("title", "value", "interval", "floor", "clips", "verdict")


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
        whole.write_text(report, lab.report([found], [evaluation.step]))
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
    whole.write_text(out, lab.report(found))
    words.print(f"The report is in {out} ({size(out.stat().st_size)}).", markup=False)
