"""A sound of one's own, and what a model makes of it."""

from pathlib import Path
from typing import Annotated

import typer

from audiogan.cli.printing import Json, print_json, progress_bar, words
from audiogan.lab import Lab, Reconstruction, Run, Sound

Label = Annotated[str, typer.Option(help="The sound's label (default: the one that fits best).")]
Snapshot = Annotated[int | None, typer.Option("--step", help="The snapshot of that step (default: the best).")]


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
