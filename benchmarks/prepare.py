"""How long listening and preparing take beside a plain librosa loop that does the same work.

    python benchmarks/prepare.py [--data FOLDER...] [--repetitions 15]

All load every file as mono at one rate, trim it, cut or pad it to one clip, bring it to one peak and save it. The loop
runs in one thread and saves an array for each clip, as people write it; a second loop saves all clips as one array, as
ours does. Ours uses the cores there are, and also checks, compares and describes every file. Repetitions are
interleaved, so that a busy moment of the machine hits all. Without --data the sounds are synthesised: 240 tones of 0.1
to 1 s at 44.1 kHz, half WAV, half FLAC.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import librosa
import numpy as np
import soundfile
from report import publish, spread

from audiogan import audio, datasets, files, survey


def prepare(folder: Path, output: Path, rate: int, seconds: float) -> int:
    """Our way; the number of clips."""
    return datasets.prepare(survey.listen([folder]), output, "benchmark", rate, seconds).n_clips


def prepare_by_librosa(folder: Path, output: Path, rate: int, seconds: float) -> int:
    """The plain loop, an array on disk for each clip; the number of clips."""
    output.mkdir()
    count = 0
    for count, clip in enumerate(clips_by_librosa(folder, rate, seconds), start=1):
        np.save(output / f"{count:05d}.npy", clip)
    return count


def prepare_by_librosa_as_one(folder: Path, output: Path, rate: int, seconds: float) -> int:
    """The plain loop, one array for all clips; their number."""
    output.mkdir()
    clips = np.stack(list(clips_by_librosa(folder, rate, seconds)))
    np.save(output / "clips.npy", clips)
    return len(clips)


def clips_by_librosa(folder: Path, rate: int, seconds: float) -> Iterator[np.ndarray]:
    """One float32 clip of every file."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in files.AUDIO_SUFFIXES:
            sound, _ = librosa.load(path, sr=rate, mono=True)
            sound, _ = librosa.effects.trim(sound, top_db=-audio.QUIET_DB)
            yield librosa.util.normalize(librosa.util.fix_length(sound, size=round(seconds * rate)))


WAYS = {"librosa": prepare_by_librosa, "librosa, one array": prepare_by_librosa_as_one, "audiogan": prepare}


def timed(way: Callable, folder: Path, rate: int, seconds: float) -> dict[str, float]:
    """One repetition, in a folder of its own that is removed."""
    scratch = Path(tempfile.mkdtemp())
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        clips = way(folder, scratch / "output", rate, seconds)
        return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "clips": clips}
    finally:
        shutil.rmtree(scratch)


def compare(folder: Path, repetitions: int) -> list[dict]:
    """A row for each way over one folder, at the rate and length that its survey suggests."""
    listened = survey.listen([folder])
    rate, seconds, _ = listened.suggest()
    audio_s = sum(file.seconds for file in listened.accepted)
    for way in WAYS.values():
        # once untimed: numba compiles, modules are imported and the files come into the system's cache
        timed(way, folder, rate, seconds)
    turns = [{name: timed(way, folder, rate, seconds) for name, way in WAYS.items()} for _ in range(repetitions)]
    medians = {
        name: {key: spread([turn[name][key] for turn in turns])["median"] for key in ("wall_s", "cpu_s", "clips")}
        for name in WAYS
    }
    return [
        {
            "data": f"{folder.name}, {audio_s:.0f} s",
            "clip": f"{seconds:g} s, {rate} Hz",
            "way": name,
            **medians[name],
            "faster": medians["librosa"]["wall_s"] / medians[name]["wall_s"],
        }
        for name in WAYS
    ]


def synthesise(folder: Path, count: int = 240, rate: int = 44_100) -> Path:
    """Decaying tones of 110 Hz upwards, 0.1 to 1 s long."""
    folder.mkdir()
    for index in range(count):
        t = np.arange(rate * (100 + 900 * index // count) // 1000) / rate
        tone = 0.5 * np.exp(-6 * t) * np.sin(2 * np.pi * 110 * 2 ** (index % 48 / 12) * t)
        soundfile.write(folder / f"tone-{index:03d}.{('wav', 'flac')[index % 2]}", tone, rate)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", help="folders of sounds; synthesised ones by default")
    parser.add_argument("--repetitions", type=int, default=15, help="of each way (15)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = arguments.data or [synthesise(Path(scratch) / "tones")]
        rows = [row for folder in folders for row in compare(folder, arguments.repetitions)]
    publish(
        "prepare",
        "Sounds to clips on disk: medians, and how many times faster than librosa",
        rows,
        repetitions=arguments.repetitions,
        librosa=librosa.__version__,
        command="python benchmarks/prepare.py",
    )


if __name__ == "__main__":
    main()
