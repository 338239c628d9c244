"""How good are the sounds that a minute of training buys? Presets at equal budgets, judged beside held-out real clips.

`python benchmarks/quality.py --data FOLDER [--sets digits drums] [--presets framegan] [--seeds 0] [--budgets 1 3 10]`

FOLDER holds folders of sounds (subfolders are labels). A quarter of the files is kept back from training, or all files
of a quarter of the speakers with `--by-speaker`. A budget is counted in minutes of two cores, that is in CPU-seconds:
ten minutes are 1,200 CPU-seconds of the trainer, previews and saves included, whatever else the machine does. What was
trained once goes on to the next budget, and rows that are in results/quality-SET.json already are not trained again, so
that the table can grow over many runs. `--variant NAME --set key=value` tries other settings under a name.

KD is the unbiased kernel distance (x 100), of mel statistics and of the features of a classifier trained on real clips;
FD the Fréchet distance of these features beside that of as many held-out real clips; IS the Inception Score beside
theirs; the NN ratio tells copies (far under 1). docs/measures.md says how sounds are judged. From "attack off" on,
single sounds are compared with held-out ones, beside what training clips reach: detail.py says how.
"""

import argparse
import json
import math
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from detail import detail_columns
from pictures import draw_side_by_side
from report import RESULTS, publish

from audiogan import metrics
from audiogan.clustering import with_classes
from audiogan.config import Limit, RunConfig
from audiogan.datasets import Dataset
from audiogan.devices import use_threads
from audiogan.examples import Clips, float_waves
from audiogan.instrument import Instrument
from audiogan.judging.hearing import Prepared
from audiogan.judging.judge import Judge, RealClips, open_judge
from audiogan.lab import Lab
from audiogan.runs import Run
from audiogan.splits import held_out, in_proportion
from audiogan.training import FITTING_CLIPS, train
from audiogan.transforms import make_transform

CORES = 2
"""A budget of one minute is so many CPU-minutes."""

HELD_OUT = 0.25
"""Share of the files that judge."""

COUNT = 600
"""Sounds that are judged."""

IN_A_ROW = 10
"""Sounds in a row of the pictures: two rows are real, two generated."""

REDUCED = {
    "wavegan": ("width=16", "batch=16"),
    "specgan": ("width=16", "batch=16"),
}
"""What a processor can train at all; framegan is taken as it is."""


def keep_back(dataset: Dataset, by_speaker: bool) -> np.ndarray:
    """bool (N,): the clips that judge."""
    files = dataset.clip_files()
    if not by_speaker:
        return held_out(files, dataset.clip_labels(), HELD_OUT)
    # LABEL_SPEAKER_NUMBER.wav, as in the Free Spoken Digit Dataset
    speakers = np.array([Path(dataset.files[file].path).stem.split("_")[1] for file in files])
    names = sorted(set(speakers))
    return np.isin(speakers, names[: round(HELD_OUT * len(names))])


def train_for(run: Run, clips: Clips, cpu_seconds: float) -> int:
    """Train until this process has spent so much more; the steps done in all."""
    began = time.process_time()
    train(
        run,
        clips,
        Limit(minutes=100_000),
        torch.device("cpu"),
        watch=lambda tick: "pause" if time.process_time() - began > cpu_seconds else None,
        encode=lambda wave: b"",
    )
    return run.snapshots()[-1].step


def judge_run(judge: Judge, run: Run, picture: Path | None) -> dict[str, float]:
    """What the newest snapshot is worth, in one row."""
    instrument = Instrument(run, run.snapshots()[-1])
    asked = None
    if run.config.shared_labels:
        asked = in_proportion(np.bincount(judge.real.clip_labels[judge.train_indices]), range(COUNT))
    points = [instrument.point(seed, None if asked is None else int(asked[seed])) for seed in range(COUNT)]
    waves = np.concatenate([instrument.render(points[at : at + 32]).numpy() for at in range(0, COUNT, 32)])
    if picture:
        draw(judge, waves, asked, picture)
    return judge_sounds(judge, waves, asked)


def draw(judge: Judge, waves: np.ndarray, asked: np.ndarray | None, path: Path) -> None:
    """The first sounds and as many held-out clips, of the same labels if these were asked for; none is chosen."""
    count, held_out = 2 * IN_A_ROW, judge.held_out_indices
    real, made = held_out[:count], np.arange(count)
    if asked is not None:
        labels, shown = judge.real.clip_labels[held_out], np.bincount(np.arange(count) % len(judge.real.labels))
        real = np.concatenate([held_out[labels == label][:some] for label, some in enumerate(shown)])
        made = np.concatenate([np.flatnonzero(asked == label)[:some] for label, some in enumerate(shown)])
    draw_side_by_side(float_waves(judge.real.clips[real]).numpy(), waves[made], judge.real.rate, path, IN_A_ROW)


def judge_clips(judge: Judge, config: RunConfig, indices: np.ndarray) -> dict[str, float]:
    """What real clips are worth after the transform and back: held-out ones more than any generator can reach, training
    clips what copies of them would get."""
    transform = make_transform(config)
    fitted = judge.train_indices[:FITTING_CLIPS]
    transform.fit(float_waves(judge.real.clips[fitted]))
    parts = np.array_split(indices, math.ceil(len(indices) / 32))
    waves = [transform.inverse(transform(float_waves(judge.real.clips[part]))).numpy() for part in parts]
    return judge_sounds(judge, np.concatenate(waves), judge.real.clip_labels[indices])


def judge_sounds(judge: Judge, waves: np.ndarray, asked: np.ndarray | None) -> dict[str, float]:
    """What sounds (n, T) are worth that were asked to have these labels (n,), in one row."""
    card = judge.measure(waves, asked)
    lines = {line.measure: line for line in card.lines}
    heard = judge.ears.hear(Prepared(waves, judge.clip_samples))
    n = min(len(heard), len(judge.held_out), len(judge.train))
    real, new, made = (side.sounds[:n] for side in (judge.train, judge.held_out, heard))
    row = {
        "mel KD": lines["mel_kernel_distance"].value,
        "sound KD": lines["sound_kernel_distance"].value,
        "FD / floor": metrics.frechet_distance(real, made) / metrics.frechet_distance(real, new),
        "coverage / floor": lines["coverage"].value / lines["coverage"].floor,
        "precision": lines["precision"].value,
        "diversity": lines["diversity"].value,
        "NN ratio": metrics.nearest_neighbour_ratio(heard.sounds, judge.train.sounds, judge.held_out.sounds),
    }
    # too few held-out clips leave it out
    if "spectrum" in lines:
        row["dB off"] = lines["spectrum"].value
    if "inception_score" in lines:
        row |= {
            "IS / real": lines["inception_score"].value / lines["inception_score"].floor,
            "least label": min(card.label_shares),
        }
    if "label_accuracy" in lines:
        row["accuracy"] = lines["label_accuracy"].value
    return row | detail_columns(judge, waves, asked)


def medians(rows: list[dict]) -> list[dict]:
    """One row for each preset, variant and budget: medians over the seeds, nothing where no seed has a number."""
    columns = dict.fromkeys(name for row in rows for name in row)
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault((row["preset"], row["variant"], row["labels"], row["minutes"]), []).append(row)
    table = []
    for (preset, variant, labels, minutes), same in sorted(groups.items()):
        head = {"preset": preset, "variant": variant, "labels": labels, "minutes": minutes, "seeds": len(same)}
        for name in columns:
            if name not in (*head, "seed", "settings"):
                known = [row[name] for row in same if name in row]
                head[name] = median(known) if known else ""
        table.append(head)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=["digits", "drums"])
    parser.add_argument("--by-speaker", action="store_true")
    parser.add_argument("--rate", type=int, help="Hz (default: as the app suggests)")
    parser.add_argument("--presets", nargs="+", default=["framegan"])
    parser.add_argument("--labels", nargs="+", choices=["yes", "no"], default=["yes"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--budgets", type=float, nargs="+", default=[1, 3, 10], help="minutes of two cores")
    parser.add_argument("--pictures", type=Path, help="a folder for spectrograms, real beside generated, random")
    parser.add_argument("--ceiling", action="store_true", help="also judge real clips sent through the transform")
    parser.add_argument(
        "--judges", type=Path, default=Path(tempfile.gettempdir(), "audiogan-judges"), help="where they are kept"
    )
    parser.add_argument("--variant", default="as shipped")
    parser.add_argument("--set", action="append", default=[], dest="changes", metavar="KEY=VALUE")
    arguments = parser.parse_args()
    use_threads(1)
    for name in arguments.sets:
        benchmark_set(name, arguments)


def benchmark_set(name: str, arguments: argparse.Namespace) -> None:
    """Every combination on one data set, its rows written as they come."""
    title = f"{name} by speaker" if arguments.by_speaker else name
    stem = "quality-" + title.replace(" ", "-") + (f"-{arguments.rate}" if arguments.rate else "")
    path = RESULTS / f"{stem}.json"
    rows = json.loads(path.read_text())["trials"] if path.exists() else []
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        dataset = lab.prepare(lab.survey([arguments.data / name]), name, rate=arguments.rate)
        real = RealClips.of(dataset, keep_back(dataset, arguments.by_speaker))
        arguments.judges.mkdir(parents=True, exist_ok=True)
        judge = open_judge(arguments.judges, real)
        for preset in arguments.presets:
            for labels in arguments.labels:
                for seed in arguments.seeds:
                    head = {"preset": preset, "variant": arguments.variant, "labels": labels, "seed": seed}
                    done = [row["minutes"] for row in rows if head.items() <= row.items()]
                    if set(arguments.budgets) <= set(done):
                        continue
                    asked = ["conditional=true"] if labels == "yes" else []
                    changes = [*REDUCED.get(preset, ()), *asked, "threads=1", *arguments.changes]
                    known = dataset if labels == "yes" else replace(dataset, labels=())
                    config = lab.configure(known, preset, changes, seed)
                    begun = time.process_time()
                    clips = Clips(dataset.clips(), dataset.clip_labels(), real.held_out)
                    clips = with_classes(clips, config, dataset.folder)
                    spent = (time.process_time() - begun) / (60 * CORES)
                    run = lab.create_run(replace(config, dataset=name), f"{preset}-{labels}-{seed}")
                    sides = {"real": judge.held_out_indices, "training": judge.train_indices[:COUNT]}
                    for side, indices in sides.items() if arguments.ceiling else ():
                        through = f"{side} clips through {config.settings.transform}"
                        ceiling = head | {"preset": through, "minutes": 0.0}
                        rows = [old for old in rows if not ceiling.items() <= old.items()]
                        rows.append(ceiling | {"steps": 0} | judge_clips(judge, config, indices))
                    for minutes in sorted(arguments.budgets):
                        steps = train_for(run, clips, 60 * CORES * (minutes - spent))
                        spent = minutes
                        drawing = f"{stem}-{run.name}-{arguments.variant.replace(' ', '-')}-{minutes:g}.png"
                        picture = arguments.pictures and arguments.pictures / drawing
                        row = head | {"minutes": minutes, "steps": steps} | judge_run(judge, run, picture)
                        rows = [old for old in rows if not (head | {"minutes": minutes}).items() <= old.items()]
                        rows.append(row | {"settings": " ".join(changes)})
                        publish(stem, f"{title}: {dataset.n_clips} clips", medians(rows), trials=rows)


if __name__ == "__main__":
    main()
