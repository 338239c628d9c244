"""Everything worth knowing on an NVIDIA card, in one run under ten minutes: `python benchmarks/gpu.py [--data FOLDER]`.

Needs torch and numpy; FOLDER is a prepared data set, without one the built-in sounds are trained on. Four parts: does
the card compute what the processor does; how fast it multiplies matrices; the plain WaveGAN-GP against the engine at
d 64, batch 64; one training of the default preset. `--device cpu --quick` runs the same program, tiny, in seconds.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import report
import torch
from engine import SAME_TRAINING, Plain
from steps import CLIP_SAMPLES, RATE, Contender, built_in_clips
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from audiogan.config import Limit, RunConfig
from audiogan.datasets import open_dataset
from audiogan.devices import describe_device, memory_bytes, use_threads
from audiogan.examples import Clips
from audiogan.presets import preset
from audiogan.runs import Run
from audiogan.training import train

TESTS = ["tests/test_graphs.py"]
"""Tests that use the card when there is one."""

SMALL = ["width=4", "batch=4", "griffin_lim_iterations=1", "log_every=1"]


def settle(device: torch.device) -> None:
    """Wait until the card has done all that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def pace(device: torch.device, work: Callable[[], None], seconds: float) -> float:
    """How often a second the work is done."""
    work()
    settle(device)
    started, count = time.perf_counter(), 0
    while not count or time.perf_counter() - started < seconds:
        work()
        count += 1
        # a queue that runs ahead of the card would end long after the clock does
        settle(device)
    return count / (time.perf_counter() - started)


# does the card compute what the processor does


def checks(device: torch.device, clips: Clips, folder: Path) -> dict[str, str]:
    """What was compared -> 'passed', or in what it failed."""
    comparisons = {
        "a generator sounds the same as on the processor": lambda: sounds_the_same(device, clips),
        "ten recorded steps are ten ordinary ones": lambda: ten_recorded_steps(device, clips),
        "mixed precision stays finite": lambda: mixed_stays_finite(device, clips),
        "a training stopped and resumed is the whole one": lambda: resumes(device, clips, folder),
    }
    return {name: passed(comparison) for name, comparison in comparisons.items()} | {"pytest": pytest_says(device)}


def passed(comparison: Callable[[], float | None]) -> str:
    """The comparison's own words on how far two results lie apart, or on why it could not be made."""
    try:
        difference = comparison()
    except Exception as error:  # the other parts are worth knowing none the less
        return f"failed: {type(error).__name__}: {error}"
    if difference is None:
        return "not on this device"
    return f"passed (largest difference {difference:.1e})" if difference < 1e-2 else f"failed: {difference:.1e} apart"


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max(float((tensor.cpu().float() - other[name].cpu().float()).abs().max()) for name, tensor in one.items())


def sounds_the_same(device: torch.device, clips: Clips) -> float:
    here, there = (Contender("framegan", SMALL, clips, kind).game for kind in ("cpu", str(device)))
    there.averaged.load_state_dict(here.averaged.state_dict())
    latents, labels = here.draw(4), torch.arange(4)
    with torch.inference_mode():
        found = there.averaged(latents.to(device), labels.to(device))
        return largest_difference({"": here.averaged(latents, labels)}, {"": found})


def ten_recorded_steps(device: torch.device, clips: Clips) -> float | None:
    if device.type != "cuda":
        return None
    largest = 0.0
    for name, settings in (("framegan", [*SMALL, "penalty_every=2"]), ("wavegan", SMALL)):
        found = []
        for recorded in ("true", "false"):
            torch.manual_seed(0)
            contender = Contender(name, [*settings, f"cuda_graphs={recorded}"], clips, str(device))
            for number in range(10):
                torch.manual_seed(number)
                contender.step()
            found.append(contender.game.tensors())
        largest = max(largest, largest_difference(*found))
    return largest


def mixed_stays_finite(device: torch.device, clips: Clips) -> float:
    contender = Contender("framegan", [*SMALL, "precision=mixed"], clips, str(device))
    for _ in range(10):
        contender.step()
    contender.game.check()
    return 0.0


def resumes(device: torch.device, clips: Clips, folder: Path) -> float:
    settings = preset("framegan").settings.with_text(SMALL)
    labels = tuple(map(str, range(int(clips.classes.max()) + 1)))
    config = RunConfig("framegan", settings, "built-in", "", RATE, CLIP_SAMPLES, labels)
    whole, broken = (Run.create(folder, config, name) for name in ("whole", "broken"))
    for run, ends in ((whole, (6,)), (broken, (3, 6))):
        for end in ends:
            train(run, clips, Limit(steps=end), device, lambda tick: None, lambda wave: b"")
    return largest_difference(whole.load_resume()[0], broken.load_resume()[0])


def pytest_says(device: torch.device) -> str:
    if device.type != "cuda" or not importlib.util.find_spec("pytest"):
        return "not on this device" if device.type != "cuda" else "pytest is not installed here"
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", *TESTS]
    result = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=180)
    return result.stdout.strip().splitlines()[-1]


# how fast it is


def matrix_rates(device: torch.device, size: int) -> dict[str, float]:
    """Operations a second of square matrix products: what a step could reach at best."""
    rates = {}
    for name, dtype, tf32 in (
        ("float32", torch.float32, False),
        ("TF32", torch.float32, True),
        ("bfloat16", torch.bfloat16, False),
    ):
        if device.type != "cuda" and tf32:
            continue
        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        product = torch.empty_like(a)
        rates[name] = 2 * size**3 * pace(device, lambda a=a, b=b, out=product: torch.mm(a, b, out=out), 1.0)
        torch.backends.cuda.matmul.allow_tf32 = before
    return rates


class Operations(TorchDispatchMode):
    """Counts the floating point operations of products and convolutions.

    By torch's own formulas; its FlopCounterMode also follows modules, which fails where a gradient has a gradient.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        formula = flop_registry.get(function._overloadpacket)
        if formula:
            self.count += formula(*args, **(kwargs or {}), out_val=result)
        return result


def operations(step: Callable[[], None]) -> int:
    """Floating point operations of one step."""
    with Operations() as counted:
        step()
    return counted.count


def side_by_side(device: torch.device, clips: Clips, rates: dict[str, float], quick: bool) -> list[dict]:
    """The reference and the engine, taking turns: steps per second, memory, and the share of the matrix rate."""
    width, batch, seconds, rounds = (4, 2, 0.0, 1) if quick else (64, 64, 6.0, 4)
    same = [*SAME_TRAINING, f"width={width}", f"batch={batch}"]
    kinds = {"engine": [], "engine, mixed": ["precision=mixed"]}
    if device.type == "cuda":
        kinds["engine, recorded"] = ["cuda_graphs=true"]
        kinds["engine, mixed, recorded"] = ["precision=mixed", "cuda_graphs=true"]
    contenders = {"plain reference": Plain(width, batch, clips, device)}
    contenders |= {name: Contender("wavegan", [*same, *extra], clips, str(device)) for name, extra in kinds.items()}
    # counted on the processor's own path of the same program: a recording shows its operations only once
    flops = {"plain reference": operations(contenders["plain reference"].step)}
    flops |= dict.fromkeys(kinds, operations(contenders["engine"].step))
    found: dict[str, list[float]] = {name: [] for name in contenders}
    memory = {}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
                held = torch.cuda.memory_allocated(device)
            if not number:
                for _ in range(5 if device.type == "cuda" else 1):  # recordings are made in these
                    contender.step()
                continue
            found[name].append(pace(device, contender.step, seconds))
            if device.type == "cuda":
                memory[name] = torch.cuda.max_memory_allocated(device) - held
    reference = report.spread(found["plain reference"])["median"]
    rows = []
    for name, paces in found.items():
        median = report.spread(paces)["median"]
        best = rates["bfloat16"] if "mixed" in name else rates.get("TF32", rates["float32"])
        rows.append(
            {
                "training": name,
                "steps per second (median)": median,
                "times the reference": median / reference,
                "TFLOP a step": flops[name] / 1e12,
                "TFLOP/s": flops[name] * median / 1e12,
                "share of the matrix rate": flops[name] * median / best,
                "activations (MB)": memory.get(name, 0) / 1e6,
            }
        )
    return rows


def default_training(device: torch.device, data: Path | None, minutes: float, quick: bool, folder: Path) -> dict:
    """One training of the default preset, as anybody starts it but for labels, which are learned whole."""
    if data:
        dataset = open_dataset(data)
        clips, rate, labels = Clips(dataset.clips(), dataset.clip_labels()), dataset.rate, dataset.labels
    else:
        clips, rate = built_in_clips(), RATE
        labels = tuple(map(str, range(int(clips.classes.max()) + 1)))
    found = {"data": data.name if data else "built-in sounds", "clips": len(clips.waves)}
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for recorded in ("false", "true") if device.type == "cuda" else ("false",):
        settings = preset("framegan").settings.with_text([*(SMALL if quick else []), f"cuda_graphs={recorded}"])
        config = RunConfig("framegan", settings, found["data"], "", rate, clips.waves.shape[1], labels)
        run = Run.create(folder, config, f"default-{recorded}")
        limit = Limit(steps=3) if quick else Limit(minutes=minutes / 2)
        outcome = train(run, clips, limit, device, lambda tick: None, lambda wave: b"")
        metrics = run.metrics()
        found["recorded" if recorded == "true" else "ordinary"] = {
            "outcome": outcome,
            "steps": metrics["step"][-1],
            "steps per second": metrics["step"][-1] / metrics["seconds"][-1],
            "last losses": [metrics["loss_d"][-1], metrics["loss_g"][-1]],
        }
    return found | {"peak memory (MB)": memory_bytes(device) / 1e6}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path, help="a prepared data set for the last part")
    parser.add_argument("--minutes", type=float, default=3.0, help="of training in the last part")
    parser.add_argument("--quick", action="store_true", help="the same program with tiny networks, in seconds")
    chosen = parser.parse_args(arguments)
    if chosen.device.startswith("cuda") and not torch.cuda.is_available():
        parser.exit(1, "There is no NVIDIA card that torch can use here: try --device cpu --quick.\n")
    device = torch.device(chosen.device)
    use_threads(0 if device.type == "cuda" else 1)
    clips = built_in_clips()
    with tempfile.TemporaryDirectory() as folder:
        compared = checks(device, clips, Path(folder))
        for name, outcome in compared.items():
            print(f"{name}: {outcome}", flush=True)
        rates = matrix_rates(device, 256 if chosen.quick else 8192)
        rows = side_by_side(device, clips, rates, chosen.quick)
        training = default_training(device, chosen.data, chosen.minutes, chosen.quick, Path(folder))
    print("a training of framegan:", training)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    report.publish(
        "gpu-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
        f"WaveGAN-GP on {describe_device(chosen.device)}",
        rows,
        checks=compared,
        matrix_rates=rates,
        training=training,
        quick=chosen.quick,
        threads=os.cpu_count(),
        command="python benchmarks/gpu.py",
    )


if __name__ == "__main__":
    main()
