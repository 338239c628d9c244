"""How long `survey` and `prepare` take beside a plain librosa loop that does the same work.

    python benchmarks/prepare.py --data FOLDER... [--json [FILE]]

Both load every file as mono at one rate, trim it, cut or pad it to one clip, bring it to one peak and save all clips as
one array. The loop uses one thread, as people write it; ours uses what the machine has, and also checks, hashes and
describes every file. Repetitions are interleaved, so that a busy moment of the machine hits both; medians are shown.
Without --data the sounds are synthesised: 240 tones of 0.1 to 1 s at 44.1 kHz, half WAV, half FLAC.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from audiogan import audio, datasets  # noqa: E402  (found only once the repository is on the path)

RESULTS = ROOT / "benchmarks" / "results" / "prepare.json"


def prepare(folder: Path, output: Path, rate: int, seconds: float) -> int:
    """Our way; the number of clips."""
    return datasets.prepare(datasets.survey([folder]), output, "benchmark", rate, seconds).n_clips


def prepare_by_librosa(folder: Path, output: Path, rate: int, seconds: float) -> int:
    """The plain loop; the number of clips."""
    clips = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in datasets.AUDIO_SUFFIXES:
            sound, _ = librosa.load(path, sr=rate, mono=True)
            sound, _ = librosa.effects.trim(sound, top_db=-audio.QUIET_DB)
            sound = librosa.util.fix_length(sound, size=round(seconds * rate))
            clips.append(librosa.util.normalize(sound))
    output.mkdir()
    np.save(output / "clips.npy", np.stack(clips))
    return len(clips)


def timed(way, folder: Path, rate: int, seconds: float) -> dict[str, float]:
    """One repetition, in a folder of its own that is removed."""
    scratch = Path(tempfile.mkdtemp())
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        clips = way(folder, scratch / "output", rate, seconds)
        return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "clips": clips}
    finally:
        shutil.rmtree(scratch)


def compare(folder: Path, repetitions: int) -> dict:
    """Both ways over one folder, at the rate and length that its survey suggests."""
    survey = datasets.survey([folder])
    rate, seconds, _ = survey.suggest()
    audio_seconds = sum(file.seconds for file in survey.accepted)
    ways = {"audiogan": prepare, "librosa": prepare_by_librosa}
    # the first turn compiles numba's functions, imports what is imported late and fills the file cache
    runs = {name: [timed(way, folder, rate, seconds)][:0] for name, way in ways.items()}
    for _ in range(repetitions):
        for name, way in ways.items():
            runs[name].append(timed(way, folder, rate, seconds))
    medians = {
        name: {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
        for name, turns in runs.items()
    }
    return {
        "data": folder.name,
        "files": len(survey.accepted),
        "audio_s": audio_seconds,
        "rate": rate,
        "clip_s": seconds,
        **medians,
        "speedup_wall": medians["librosa"]["wall_s"] / medians["audiogan"]["wall_s"],
        "speedup_cpu": medians["librosa"]["cpu_s"] / medians["audiogan"]["cpu_s"],
    }


def synthesise(folder: Path, count: int = 240, rate: int = 44_100) -> Path:
    """Decaying tones of 110 Hz upwards, 0.1 to 1 s long."""
    for index in range(count):
        t = np.arange(rate * (100 + 900 * index // count) // 1000) / rate
        tone = 0.5 * np.exp(-6 * t) * np.sin(2 * np.pi * 110 * 2 ** (index % 48 / 12) * t)
        soundfile.write(folder / f"tone-{index:03d}.{('wav', 'flac')[index % 2]}", tone, rate)
    return folder


def show(rows: list[dict]) -> None:
    print(f"{'data':<14}{'files':>6}{'audio':>9}{'rate':>8}{'way':>10}{'wall':>10}{'cpu':>10}{'clips':>8}{'faster':>9}")
    for row in rows:
        for name in ("librosa", "audiogan"):
            way = row[name]
            faster = f"{row['speedup_wall']:.2f}x" if name == "audiogan" else ""
            print(
                f"{row['data']:<14}{row['files']:>6}{row['audio_s']:>7.0f} s{row['rate']:>8}{name:>10}"
                f"{way['wall_s'] * 1000:>7.0f} ms{way['cpu_s'] * 1000:>7.0f} ms{way['clips']:>8.0f}{faster:>9}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", help="folders of sounds; synthesised ones by default")
    parser.add_argument("--repetitions", type=int, default=15, help="of each way (15)")
    parser.add_argument("--json", type=Path, nargs="?", const=RESULTS, help=f"write the numbers ({RESULTS.name})")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = arguments.data or [synthesise(Path(scratch))]
        rows = [compare(folder, arguments.repetitions) for folder in folders]
    show(rows)
    if arguments.json:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "librosa": librosa.__version__}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
