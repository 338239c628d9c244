"""What a training will cost, measured: a throw-away game is trained for a few seconds, in a process of its own."""

import argparse
import json
import logging
import subprocess
import sys
import time
from pathlib import Path

from audiogan.config import RunConfig
from audiogan.devices import describe_device, device_memory_bytes, memory_bytes, pick_device, use_threads
from audiogan.runs import RunError
from audiogan.wording import size
from audiogan.worker import environment, load_clips

PROBE_SECONDS = 3.0
"""How long a probe trains to measure its pace."""

TIMEOUT_SECONDS = 600
"""Nobody waits longer for an estimate."""

CLIPS = 64
"""Clips that it trains on: a pace does not depend on how many there are."""

log = logging.getLogger("audiogan")


def probe(config: RunConfig, dataset_folder: Path, device_name: str) -> dict:
    """Train a throw-away game for a few seconds, in a process of its own.

    Returns steps_per_second, first_sound_seconds, memory_bytes, device, and parameters of both networks. Raises
    RunError with the sentence of whatever went wrong.
    """
    command = [sys.executable, "-m", "audiogan.probe", str(dataset_folder), "--device", device_name]
    try:
        result = subprocess.run(
            command,
            input=config.to_json(),
            capture_output=True,
            text=True,
            env=environment(),
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise RunError("One step takes longer than ten minutes here: choose a smaller batch or width.") from None
    # torch can abort a process that is done and only leaves (pytorch issue 47776): what it said before counts
    answer = result.stdout.strip().splitlines()
    if result.returncode:
        log.error("probe ended with %d: %s", result.returncode, result.stderr)
    try:
        measured = json.loads(answer[-1])
    except (IndexError, json.JSONDecodeError):  # it was killed, before or while it said something
        raise RunError(
            "The probe could not run one step: choose a smaller batch or width, or a shorter length."
        ) from None
    if "error" in measured:
        raise RunError(measured["error"])
    return measured


def check_memory(config: RunConfig, n_clips: int, device_name: str = "auto") -> None:
    """Raise RunError when not even what a training always holds fits into the device's whole memory.

    Says nothing of trainings that fit and then fail for their activations, nor where the memory's size is unknown.
    """
    from audiogan import training

    device = pick_device(device_name)
    needed, there = training.least_memory_bytes(config, n_clips), device_memory_bytes(device)
    if there is not None and needed > there:
        place = "the graphics card" if device.type == "cuda" else "this machine"
        raise RunError(
            f"This training needs at least {size(needed)} of memory and {place} has {size(there)} in all: "
            "lower width, or prepare the sounds as shorter clips or at a lower rate."
        )


def measure(config: RunConfig, dataset_folder: Path, device_name: str) -> dict:
    """What `probe` returns, measured in this process."""
    import torch

    from audiogan.examples import Clips, Examples, float_waves
    from audiogan.game import PREVIEW_SEEDS, Game
    from audiogan.graphs import playing
    from audiogan.progress import Schedule
    from audiogan.transforms import make_transform

    began = time.perf_counter()
    device = pick_device(device_name)
    use_threads(config.settings.threads)
    clips = load_clips(dataset_folder, config)
    transform = make_transform(config).to(device)
    sample = Clips(clips.waves[:CLIPS], clips.classes[:CLIPS])
    transform.fit(float_waves(sample.waves).to(device))
    game = Game(config, transform, device)
    steps = playing(game)
    examples = Examples(sample, transform, device, config.seed)

    def step(number: int, batch: int) -> float:
        """Seconds of one whole step with that batch."""
        started = time.perf_counter()
        for _ in range(config.settings.critic_steps):
            real, classes = examples.batch(number, batch)
            steps.discriminator_step(real, classes, number)
        steps.generator_step(classes, number).item()
        return time.perf_counter() - started

    # the largest presets take minutes a step: a batch of two, scaled up, tells enough
    small = min(config.settings.batch, 2)
    step(0, small)
    estimate = step(1, small) * config.settings.batch / small
    if estimate < PROBE_SECONDS:
        durations = [step(2, config.settings.batch)]
        while sum(durations) < PROBE_SECONDS:
            durations.append(step(len(durations) + 2, config.settings.batch))
        # the first one still fills caches
        estimate = sum(durations[1:]) / (len(durations) - 1) if len(durations) > 1 else durations[0]
    game.sounds(PREVIEW_SEEDS)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return {
        "steps_per_second": 1 / estimate,
        "first_sound_seconds": time.perf_counter() - began + Schedule.FIRST_PREVIEW_SECONDS,
        "memory_bytes": memory_bytes(device),
        "device": describe_device(device_name),
        "generator_parameters": sum(p.numel() for p in game.generator.parameters()),
        "discriminator_parameters": sum(p.numel() for p in game.discriminator.parameters()),
    }


def main() -> None:
    """The probe's own process: a config on standard input, what was measured on standard output."""
    parser = argparse.ArgumentParser(prog="python -m audiogan.probe")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    try:
        measured = measure(RunConfig.from_json(sys.stdin.read()), arguments.dataset, arguments.device)
    except RunError as error:
        measured = {"error": str(error)}
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main()
