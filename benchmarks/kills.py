"""Kill a trainer again and again, and compare with one that was left alone: `python benchmarks/kills.py [--kills 50]`.

The trainer is the real one, in a process of its own and ended by SIGKILL, with two things changed: it saves and keeps
sounds after every few rows instead of every 30 seconds, so that many kills fall into a save, and it is forked from a
process that has imported torch, which takes most of a start. Half of the kills come from outside at a random moment,
half from inside, just before or after one of the calls with which a save reaches the disk and takes its name. Each time
the run is resumed; in the end weights, optimisers, counters and rows are compared with those of an undisturbed training
of as many steps.
"""

import argparse
import csv
import itertools
import multiprocessing
import os
import random
import signal
import tempfile
import time
from pathlib import Path

import torch
from report import publish

from audiogan import audio, synthesis, worker
from audiogan.config import Limit
from audiogan.lab import Lab
from audiogan.progress import Chore, Schedule
from audiogan.runs import Run
from audiogan.tensors import load_tensors

SETTINGS = ["width=16", "batch=8", "latent_size=8", "griffin_lim_iterations=1", "threads=1", "log_every=5"]

SAVE_SECONDS = 0.05
"""Of training between two saves, as between two sounds that are kept."""

LAST_STEPS = 50
"""Steps after the last kill."""

MOST_CALLS = 40
"""Beginning takes up to four calls, each save with its sounds ten: six sounds, and two for each of both weights."""


def be_trainer(run: Run, dataset_folder: Path, steps: int, last_call: int) -> None:
    """What `python -m audiogan.worker` does, saving often; dies at its so-manyth call that makes files last, if any."""
    Schedule.SAVE_SECONDS, Chore.SHARE = SAVE_SECONDS, 1.0
    Schedule.FIRST_PREVIEW_SECONDS = Schedule.LONGEST_PREVIEW_SECONDS = SAVE_SECONDS
    # no kill may wait for the two charts at the end
    worker._draw_charts = lambda run: None
    if last_call:
        die_at(last_call)
    worker.work(run, dataset_folder, Limit(steps=steps), "cpu", at_once=True)


def die_at(last_call: int) -> None:
    """Kill this process at a call of fsync or replace: before it when the number is odd, after it otherwise."""
    calls = itertools.count(1)

    def deadly(function):
        def call(*arguments):
            # the status is written by a thread of its own, and is no part of a save
            if any("status" in str(argument) for argument in arguments):
                return function(*arguments)
            number = next(calls)
            if number == last_call and number % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            function(*arguments)
            if number == last_call:
                os.kill(os.getpid(), signal.SIGKILL)

        return call

    os.fsync, os.replace = deadly(os.fsync), deadly(os.replace)


def start(run: Run, dataset_folder: Path, steps: int, last_call: int = 0) -> multiprocessing.Process:
    """A trainer of the run up to so many steps in all."""
    work = (run, dataset_folder, steps, last_call)
    trainer = multiprocessing.get_context("fork").Process(target=be_trainer, args=work)
    trainer.start()
    return trainer


def saved_step(run: Run) -> int:
    return max(run.saved_steps(), default=0)


def kill_after_a_while(run: Run, trainer: multiprocessing.Process, seconds: float) -> None:
    """Kill the trainer so long after its first save."""
    before = saved_step(run)
    while saved_step(run) == before and trainer.is_alive():
        time.sleep(0.005)
    time.sleep(seconds)
    trainer.kill()


def is_whole(run: Run, least_step: int) -> bool:
    """Whether everything that is listed can be read, and no save is lost."""
    try:
        saved = run.load_resume()
        for snapshot in run.snapshots():
            load_tensors(snapshot.path)
    except ValueError:
        return False
    run.metrics(), run.epochs()
    return (saved[1]["step"] if saved else 0) >= least_step


def rows(run: Run, name: str, without: str = "") -> list[dict]:
    """The rows of a CSV as texts, but for one column."""
    with open(run.folder / name, encoding="utf-8") as file:
        return [{key: value for key, value in row.items() if key != without} for row in csv.DictReader(file)]


def differences(run: Run, other: Run) -> list[str]:
    """What is not the same in two runs: seconds aside, which a clock gives, nothing may be."""
    found = []
    (ours, progress), (theirs, expected) = run.load_resume(), other.load_resume()
    if ours.keys() != theirs.keys():
        found.append("names of tensors")
    found += [name for name in ours if not ours[name].equal(theirs[name])]
    if {**progress, "seconds": 0} != {**expected, "seconds": 0}:
        found.append("counters")
    for name in ("metrics.csv", "losses.csv", "probs.csv"):
        if rows(run, name, "seconds") != rows(other, name, "seconds"):
            found.append(name)
    snapshot, last = (load_tensors(each.snapshots()[-1].path)[0] for each in (run, other))
    found += [f"snapshot: {name}" for name in snapshot if not snapshot[name].equal(last[name])]
    if len([*run.folder.rglob("*.partial")]) + len(run.snapshots()) * 6 != len([*run.folder.glob("previews/*.wav")]):
        found.append("files left over")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rng, began = random.Random(arguments.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(home)
        dataset = lab.prepare(lab.survey([_sounds(Path(home))]), "tones", 8_000, 0.25)
        config = lab.configure(dataset, "framegan", SETTINGS)
        killed, alone = lab.create_run(config, "killed"), lab.create_run(config, "alone")
        survived = inside = 0
        for tried in range(1, arguments.kills + 1):
            before, last_call = saved_step(killed), rng.randint(1, MOST_CALLS) * (tried % 2)
            trainer = start(killed, dataset.folder, 10**6, last_call)
            if not last_call:
                kill_after_a_while(killed, trainer, rng.uniform(0, 1))
            trainer.join()
            # one that could not resume has left by itself
            survived += trainer.exitcode == -signal.SIGKILL and is_whole(killed, before)
            inside += any(not path.name.startswith("status") for path in killed.folder.rglob("*.partial"))
            print(f"{tried}: exit {trainer.exitcode}, saved at step {saved_step(killed):,}", flush=True)
        steps = saved_step(killed) + LAST_STEPS
        for run in (killed, alone):
            trainer = start(run, dataset.folder, steps)
            trainer.join()
            if run.status.step != steps:
                raise SystemExit(f"The trainer did not reach step {steps}: {run.status.message}")
        found = differences(killed, alone)
    result = {
        "survived / tried": f"{survived} / {tried}",
        "that left a file half-written": inside,
        "steps in all": steps,
        "tensors and files that differ in the end": len(found),
    }
    publish(
        "kills",
        "A trainer killed again and again, beside one left alone",
        [result],
        seconds=round(time.monotonic() - began),
        differences=found,
        command="python benchmarks/kills.py",
    )


def _sounds(folder: Path) -> Path:
    """A few built-in sounds of each label as files."""
    for sound in synthesis.built_in_sounds(8_000, per_label=4):
        path = folder / "sounds" / sound.label / f"{sound.name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(audio.encode_wav(sound.samples, sound.rate))
    return folder / "sounds"


if __name__ == "__main__":
    main()
