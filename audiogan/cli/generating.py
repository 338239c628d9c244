"""Many sounds at once, as files, and the same ones again."""

import zipfile
from pathlib import Path
from typing import Annotated

import typer

from audiogan.cli.printing import Json, print_json, progress_bar, words
from audiogan.lab import Lab, RunError


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


def read_addresses(path: Path) -> str:
    """The text of a sounds.json, or of the one in a ZIP."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "sounds.json" in archive.namelist():
                return archive.read("sounds.json").decode()
        raise RunError(f"There is no sounds.json in {path.name}.")
    return path.read_text(encoding="utf-8")
