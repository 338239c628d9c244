"""What each part of the way costs for so many sounds, to be extrapolated to a data set of 1,000 hours.

    python benchmarks/scale.py [--files 1000 6000]

Sounds are files of one second at 16 kHz. Every part runs in a process of its own, whose growth of memory is told. Clips
are read from a file that is in the page cache: how fast a disk finds them comes on top.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from report import publish

from audiogan import audio, datasets, survey

RATE = 16_000
HOUR_CLIPS = 3_600
LINES = (50_000, 200_000)
"""Files in a manifest that is only opened."""


def write_sounds(folder: Path, count: int) -> None:
    """Noise bursts, each with its own decay."""
    rng = np.random.default_rng(0)
    t = np.arange(RATE) / RATE
    for number in range(count):
        part = folder / f"{number // 500:03d}"
        part.mkdir(parents=True, exist_ok=True)
        burst = 0.3 * rng.standard_normal(RATE) * np.exp(-t / rng.uniform(0.1, 1.0))
        (part / f"{number:06d}.wav").write_bytes(audio.encode_wav(burst.astype(np.float32).clip(-1, 1), RATE))


def survey_and_prepare(sounds: Path, output: Path) -> None:
    datasets.prepare(survey.listen([sounds]), output, "scale", RATE, 1.0)


def open_manifest(folder: Path) -> None:
    datasets.open_dataset(folder)


def split_and_shuffle(clips: int) -> None:
    from audiogan.splits import held_out

    held_out(np.arange(clips), np.zeros(clips, np.int64), 0.1)
    np.random.default_rng(0).permutation(clips)


def fit(preset: str, path: Path) -> None:
    examples_of(preset, path, fitted=True)


def batches(preset: str, path: Path) -> None:
    examples = examples_of(preset, path, fitted=False)
    for number in range(20):
        examples.batch(number, 64)


def examples_of(preset: str, path: Path, fitted: bool):
    """The examples of a preset, transformed batch by batch as those of a large data set are."""
    import torch

    from audiogan import examples
    from audiogan.config import RunConfig
    from audiogan.presets import PRESETS
    from audiogan.training import FITTING_CLIPS
    from audiogan.transforms import make_transform

    torch.set_num_threads(1)
    waves = np.load(path, mmap_mode="r", allow_pickle=False)
    clips = examples.Clips(waves, np.zeros(len(waves), np.int64))
    transform = make_transform(RunConfig(preset, PRESETS[preset].settings, "scale", "", RATE, RATE, ()))
    if fitted:
        transform.fit(examples.float_waves(waves[:: len(waves) // FITTING_CLIPS]))
    examples.MEMORY_BYTES = 0
    return examples.Examples(clips, transform, torch.device("cpu"), 0)


def measured(work: Callable, *arguments) -> dict[str, float]:
    """Wall and CPU seconds, and MB by which the process grew."""
    import torch  # noqa: F401 (its size is not the work's)

    began = resident_kb("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    work(*arguments)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    # a peak that importing torch left behind is not the work's, but cannot be told from one below it
    return {"wall_s": wall, "cpu_s": cpu, "grown_mb": (resident_kb("VmHWM") - began) / 1024}


def resident_kb(what: str) -> int:
    """Linux's word on this process's memory: VmRSS now, VmHWM at most since it began."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 6_000])
    counts = parser.parse_args().files
    rows = []
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch, context.Pool(1, maxtasksperchild=1) as alone:
        scratch = Path(scratch)

        def row(part: str, count: int, work: Callable, *arguments) -> None:
            rows.append({"part": part, "count": count} | alone.apply(measured, (work, *arguments)))

        for count in counts:
            sounds = scratch / f"sounds-{count}"
            write_sounds(sounds, count)
            row("survey and prepare, files", count, survey_and_prepare, sounds, scratch / str(count))
        prepared = scratch / str(counts[-1]) / "scale"
        manifest = json.loads((prepared / "manifest.json").read_text())
        line_bytes = (prepared / "manifest.json").stat().st_size / counts[-1]
        for lines in LINES:
            copy = scratch / f"manifest-{lines}"
            copy.mkdir()
            many = manifest | {"files": (manifest["files"] * lines)[:lines]}
            (copy / "manifest.json").write_text(json.dumps(many))
            row("open the manifest, files", lines, open_manifest, copy)
        row("split and shuffle, clips", 1_000 * HOUR_CLIPS, split_and_shuffle, 1_000 * HOUR_CLIPS)
        clips = prepared / "clips.npy"
        for preset in ("framegan", "wavegan"):
            row(f"fit {preset}, clips", 500, fit, preset, clips)
            row(f"20 batches of {preset}, clips", 20 * 64, batches, preset, clips)
    publish("scale", "What so many sounds of one second cost", rows, manifest_bytes_per_file=line_bytes)


if __name__ == "__main__":
    main()
