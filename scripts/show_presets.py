"""Train every preset on real sounds and write docs/presets.md with what came out.

`python scripts/show_presets.py --data FOLDER [--minutes 5] [--only PRESET...]`. FOLDER holds `drums`, `digits`,
`instruments`, `birds` (folders of sounds, subfolders are labels) and `long/compilation.mp3`. Sizes are reduced to what
a processor trains in minutes and said in the text. Clips and seeds are random, not chosen: the first of a fixed seed.
Numbers of earlier runs are kept in docs/images/presets/results.json, so that presets can be trained one by one.
"""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from pictures import draw_side_by_side  # noqa: E402

from audiogan.lab import PRESETS, Dataset, Lab, Limit, Run  # noqa: E402
from audiogan.wording import duration  # noqa: E402

PICTURES = ROOT / "docs" / "images" / "presets"

SHOWN = 6
"""Real and generated clips in a picture."""


@dataclass(frozen=True)
class Trial:
    """What a preset is tried on."""

    sounds: str
    rate: int
    seconds: float
    changes: tuple[str, ...] = ()
    """Settings reduced for a processor."""


TRIALS = {
    "framegan": Trial("drums", 22_050, 1.0),
    "mlp": Trial("birds", 8_000, 1.0),
    "dcgan1d": Trial("instruments", 8_000, 1.0),
    "wavegan_bce": Trial("drums", 16_000, 0.5, ("width=16", "batch=16")),
    "specgan": Trial("digits", 16_000, 1.024, ("width=16",)),
    "melspec_wgan": Trial("long", 22_050, 5.9, ("width=8", "batch=8")),
    "wavegan": Trial("drums", 16_000, 1.024, ("width=16", "batch=16")),
}


def try_preset(lab: Lab, name: str, trial: Trial, data: Path, minutes: float) -> dict:
    """Train one preset, draw it, and say in numbers what happened."""
    survey = lab.survey([data / trial.sounds])
    dataset = lab.prepare(survey, f"{trial.sounds}-{trial.rate}-{trial.seconds}-{name}", trial.rate, trial.seconds)
    run = lab.create_run(lab.configure(dataset, name, trial.changes), name)
    status = lab.train(run, Limit(minutes=minutes))
    if status.state != "finished":
        raise SystemExit(f"{name}: {status.state}: {status.message}")
    draw(lab, run, dataset)
    losses, beliefs = run.epochs()
    return {
        "sounds": trial.sounds,
        "clips": dataset.n_clips,
        "rate": trial.rate,
        "seconds": trial.seconds,
        "changes": trial.changes,
        "minutes": minutes,
        "steps": status.step,
        "epochs": status.epoch,
        "last losses": [losses["D LOSS"][-1], losses["G LOSS"][-1]] if losses["D LOSS"] else None,
        "last beliefs": [beliefs["REAL PROB"][-1], beliefs["FAKE PROB"][-1]] if losses["D LOSS"] else None,
    }


def draw(lab: Lab, run: Run, dataset: Dataset) -> None:
    """The run's two charts, and real beside generated."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for chart, kind in ((run.losses_picture, "losses"), (run.beliefs_picture, "beliefs")):
        if chart.exists():
            shutil.copy(chart, PICTURES / f"{run.name}-{kind}.png")
    instrument = lab.instrument(run)
    # each label in turn on both sides, so that the eye compares like with like
    generator, labels = np.random.default_rng(0), dataset.clip_labels()
    known = len(instrument.labels)
    kinds = [number % known if known else None for number in range(SHOWN)]
    real = [generator.choice(np.flatnonzero(labels == kind) if known else dataset.n_clips) for kind in kinds]
    made = instrument.render([instrument.point(100 + number, kind) for number, kind in enumerate(kinds)])
    waves = [dataset.clip(int(index)) for index in real]
    draw_side_by_side(waves, list(made.numpy()), dataset.rate, PICTURES / f"{run.name}-sounds.png")


def section(name: str, result: dict) -> str:
    """One preset in docs/presets.md."""
    preset = PRESETS[name]
    text = f"## `{name}`: {preset.title}\n\n{preset.about}\n\nSource: {preset.source}\n\n"
    values = ", ".join(f"{item.name} {getattr(preset.settings, item.name)}" for item in fields(preset.settings))
    text += f"<details><summary>All settings</summary>\n\n{values}\n\n</details>\n\n"
    changes = f", reduced with `{' '.join('--set ' + change for change in result['changes'])}`"
    text += (
        f"Tried on `{result['sounds']}`: {result['clips']:,} clips of {result['seconds']:g} s at {result['rate']:,} Hz"
        f"{changes if result['changes'] else ''}. {duration(60 * result['minutes'])} on one core of two: "
        f"{result['steps']:,} generator steps, {result['epochs']:.3g} epochs."
    )
    if result["last losses"]:
        discriminator, generator = result["last losses"]
        text += f" Losses of the last epoch: discriminator {discriminator:.3g}, generator {generator:.3g}."
    text += f"\n\n![Real and generated sounds of {name}](images/presets/{name}-sounds.png)\n\n"
    for kind in ("losses", "beliefs"):
        if (PICTURES / f"{name}-{kind}.png").exists():
            text += f"![{kind} of {name}](images/presets/{name}-{kind}.png)\n"
    again = " ".join(["audiogan train NAME", f"--preset {name}", *(f"--set {change}" for change in result["changes"])])
    return f"{text}\nAgain: `{again} --minutes {result['minutes']:g}`\n"


INTRODUCTION = """# The presets, each from folder to sound

Written by `python scripts/show_presets.py --data FOLDER`. Real clips above, generated ones below, drawn as on the pages
(80 dB, one colour map); clips and seeds are the first of a fixed seed, not chosen. Published sizes cannot be trained on
two cores in minutes (a WaveGAN step at d 64 takes a minute and a half there): what was reduced is said. These runs show
that each system works from folder to sound; they are no verdict on what it reaches with the days its authors gave it.
After four minutes on a machine that trained others beside them, `framegan` alone makes sounds one can name. `dcgan1d`
has found steady partials, `melspec_wgan` a texture, `mlp`, `wavegan_bce` and `wavegan` noise and tones; and the
discriminator of `specgan` under cross-entropy has won (0.001 against 7.6), for which `--set loss=wgan_gp
--set normalisation=none` is the paper's way.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--only", nargs="*", choices=TRIALS, default=list(TRIALS))
    arguments = parser.parse_args()
    book = PICTURES / "results.json"
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as home:
            result = try_preset(Lab(home), name, TRIALS[name], arguments.data, arguments.minutes)
        # read again: another preset may have been trained meanwhile
        results = json.loads(book.read_text()) if book.exists() else {}
        results[name] = result
        book.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        parts = [section(known, results[known]) for known in TRIALS if known in results]
        (ROOT / "docs" / "presets.md").write_text("\n".join([INTRODUCTION, *parts]), encoding="utf-8")


if __name__ == "__main__":
    main()
