"""Training as a process of its own: start it, ask what it would cost, and be it.

`python -m audiogan.worker RUN_FOLDER ...` is what the app starts. It meets the app only in the run folder, so it
outlives the page, the browser and the server; its heartbeat says that it lives, a lock that it is the only one.
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from filelock import FileLock, Timeout

from audiogan.config import Limit, RunConfig
from audiogan.runs import Run, RunError, Status
from audiogan.wording import size

NICENESS = 10
"""The trainer steps back for the app, which otherwise answers in seconds instead of milliseconds."""

PROBE_SECONDS = 3.0
"""How long a probe trains to measure its pace."""

PROBE_TIMEOUT_SECONDS = 600
"""Nobody waits longer for an estimate."""

log = logging.getLogger("audiogan")


def pick_device(name: str = "auto"):
    """The torch device of that name; 'auto' is CUDA, else Apple's GPU, else the processor.

    Raises RunError when the device named is not there.
    """
    import torch

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in present.items() if there)
    if not present.get(name.split(":")[0], False):
        raise RunError(f"This machine has no '{name}' device that torch can use: leave out --device, or use cpu.")
    return torch.device(name)


def use_threads(count: int) -> None:
    """Let torch use so many threads; 0 leaves one core free.

    Two threads on two cores gain a third, and lose all of it and more as soon as another process wants a core: torch's
    threads wait for each other by spinning.
    """
    import torch

    torch.set_num_threads(count or max(1, (os.cpu_count() or 1) - 1))
    # numbers too small for normal arithmetic are a hundred times slower, and zero to the ear
    torch.set_flush_denormal(True)


def describe_device(name: str = "auto") -> str:
    """The device in words: 'NVIDIA H200 (CUDA)', 'Apple GPU', 'processor, 2 cores'."""
    import torch

    device = pick_device(name)
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} (CUDA)"
    return "Apple GPU" if device.type == "mps" else f"processor, {os.cpu_count()} cores"


def describe_construction(config: RunConfig) -> str:
    """What transform and generator make of this clip length and rate, a sentence each. Imports torch."""
    from audiogan import models
    from audiogan.transforms import make_transform

    settings, transform = config.settings, make_transform(config)
    seen = settings.transform.replace("_", " ").capitalize()
    return f"{seen}: {transform.describe()}. {settings.architecture}: {models.describe(settings, transform.shape)}."


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


def device_memory_bytes(device) -> int | None:
    """All memory of the graphics card, or what this process may have of the machine's; None where nobody says."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    limits = group_limits()
    try:
        page_bytes, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        # Windows has no sysconf, and not every system knows these two names
        page_bytes = pages = -1
    return min([*limits, page_bytes * pages] if page_bytes > 0 and pages > 0 else limits, default=None)


def group_limits(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """The memory limits in bytes of the control groups this process is in, as containers set them; none but on Linux.

    A group of version 2 says so in `memory.max`, one of version 1 in `memory.limit_in_bytes`; those above it hold too.
    """
    found = []
    with contextlib.suppress(OSError):
        for line in groups.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            base, name = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
            group = base / path.lstrip("/")
            # in a container the group is often mounted at the root, while its path is still the host's
            for place in (group, *group.parents):
                if (place / name).is_file():
                    text = (place / name).read_text().strip()
                    found += [int(text)] if text.isdecimal() else []  # "max" is no limit
    return found


def work(
    run: Run,
    dataset_folder: Path,
    limit: Limit,
    device_name: str = "auto",
    on_status: Callable[[Status], None] | None = None,
) -> Status:
    """Train the run in this process until its limit or until it is asked to stop; returns its last status.

    Failures end in a status 'failed' with one sentence. Raises RunError when another process is training this run.
    """
    lock = FileLock(run.lock_path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"The run '{run.name}' is already being trained.") from None
    try:
        reporter = Reporter(run, limit, on_status)
        with reporter:
            try:
                state, message = _train(run, dataset_folder, limit, device_name, reporter), ""
            except Exception as error:
                log.exception("training failed")
                state, message = "failed", _sentence(run, error)
            _draw_charts(run)
        run.clear_request()
        return reporter.finish(state, message)
    finally:
        lock.release()


def _train(run: Run, dataset_folder: Path, limit: Limit, device_name: str, reporter: "Reporter") -> str:
    import torch

    from audiogan import audio, training

    device = pick_device(device_name)
    use_threads(run.config.settings.threads)
    clips = load_clips(dataset_folder, run.config)
    construction = describe_construction(run.config)
    reporter.update(device=describe_device(device_name), construction=construction, state="running")

    def watch(tick: training.Tick) -> str | None:
        reporter.update(**asdict(tick), memory_bytes=_memory_bytes(device))
        return reporter.asked()

    def encode(wave: torch.Tensor) -> bytes:
        return audio.encode_wav(audio.without_clipping(wave.numpy()), run.config.rate)

    return training.train(run, clips, limit, device, watch, encode)


def load_clips(dataset_folder: Path, config: RunConfig):
    """The prepared clips that a run was made with, as `training.Clips`.

    Raises RunError when the data set is gone or no longer the same.
    """
    from audiogan import datasets, training

    try:
        dataset = datasets.open_dataset(dataset_folder)
    except ValueError as error:
        raise RunError(f"The data set '{config.dataset}' cannot be read: {error}") from None
    if dataset.fingerprint != config.fingerprint:
        raise RunError(
            f"The data set '{config.dataset}' has changed since this run began: start a new run on it, "
            "or prepare it again from the same sounds with the same rate and length."
        )
    return training.Clips(dataset.clips(), dataset.clip_labels())


def _memory_bytes(device) -> int:
    """The most memory held so far: of the graphics card, or of this process."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    try:
        import resource
    except ImportError:  # Windows has no such module
        return 0
    # Linux counts kibibytes, macOS bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _sentence(run: Run, error: Exception) -> str:
    """What happened and what to do, for the person at the page."""
    from audiogan import training

    kept = "What was saved before is kept."
    if isinstance(error, training.Diverged):
        return f"{error} {kept} Start a new run with rate_g and rate_d at half their value."
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return f"There was not enough memory for a step. {kept} Start a new run with a smaller batch or width."
    if isinstance(error, OSError) and error.errno == 28:
        return f"The disk is full. {kept} Make room, then resume."
    if isinstance(error, PermissionError):
        return f"The run folder cannot be written ({error.filename}). {kept} Allow writing there, then resume."
    if isinstance(error, RunError):
        return str(error)
    return f"Training stopped by an error: {type(error).__name__}: {error}. {kept} Details are in {run.log_path.name}."


def _draw_charts(run: Run) -> None:
    """losses.png and probabilities.png, as the published systems left them; needs matplotlib."""
    try:
        from audiogan import plots

        plots.draw_run(run)
    except Exception:
        # a picture is no reason to call a training failed: a full disk or a machine without matplotlib
        log.exception("the charts were not drawn")


class Reporter:
    """Writes status.json once a second from a thread of its own, so that a step of minutes still shows life.

    It also listens for requests to stop: the file in the run folder, Ctrl-C, or the system's wish to end the process.
    """

    def __init__(self, run: Run, limit: Limit, on_status: Callable[[Status], None] | None) -> None:
        self._run, self._on_status = run, on_status
        self._status = replace(run.status, state="starting", message="", limit=asdict(limit))
        self._asked: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._handlers: dict = {}

    def __enter__(self) -> "Reporter":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._on_signal)
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, *_) -> None:
        if self._asked:
            raise KeyboardInterrupt  # asked twice: leave at once
        self._asked = "stop"

    def _beat(self) -> None:
        while not self._over.wait(1.0):
            self._asked = self._asked or self._run.requested()
            self._write()

    def _write(self) -> None:
        try:
            self._run.write_status(self._status)
        except OSError:
            log.exception("the status was not written")
        if self._on_status:
            self._on_status(self._status)

    def update(self, **changes) -> None:
        """Change what will be written next."""
        self._status = replace(self._status, **changes)

    def asked(self) -> str | None:
        """'pause' or 'stop' once somebody asked for it."""
        return self._asked

    def finish(self, state: str, message: str) -> Status:
        """The last word."""
        fraction = 1.0 if state == "finished" else self._status.fraction
        self.update(state=state, message=message, fraction=fraction, seconds_left=None)
        self._write()
        return self._run.status


def start(run: Run, dataset_folder: Path, limit: Limit, device_name: str) -> None:
    """Start a trainer that lives on by itself."""
    # here and not by the trainer, which is still loading when somebody may already ask it to stop
    run.clear_request()
    run.write_status(replace(run.status, state="starting", message="", limit=asdict(limit)))
    command = [sys.executable, "-m", "audiogan.worker", str(run.folder), str(dataset_folder)]
    command += ["--device", device_name, "--limit", json.dumps(asdict(limit))]
    with open(run.log_path, "ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            **_detached(),
        )
    # a process that ended stays in the system's table until somebody asks for its result
    threading.Thread(target=process.wait, daemon=True).start()


def probe(config: RunConfig, dataset_folder: Path, device_name: str) -> dict:
    """Train a throw-away game for a few seconds, in a process of its own.

    Returns steps_per_second, first_sound_seconds, memory_bytes, device, and parameters of both networks. Raises
    RunError with the sentence of whatever went wrong.
    """
    command = [
        sys.executable,
        "-m",
        "audiogan.worker",
        "--probe",
        "-",
        str(dataset_folder),
        "--device",
        device_name,
    ]
    try:
        result = subprocess.run(
            command,
            input=config.to_json(),
            capture_output=True,
            text=True,
            env=_environment(),
            timeout=PROBE_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise RunError("One step takes longer than ten minutes here: choose a smaller batch or width.") from None
    answer = result.stdout.strip().splitlines()
    if result.returncode or not answer:
        log.error("probe failed: %s", result.stderr)
        raise RunError("The probe could not run one step: choose a smaller batch or width, or a shorter length.")
    measured = json.loads(answer[-1])
    if "error" in measured:
        raise RunError(measured["error"])
    return measured


def _measure(config: RunConfig, dataset_folder: Path, device_name: str) -> dict:
    """What `probe` returns, measured in this process."""
    import torch

    from audiogan import training
    from audiogan.transforms import make_transform

    began = time.perf_counter()
    device = pick_device(device_name)
    use_threads(config.settings.threads)
    clips = load_clips(dataset_folder, config)
    transform = make_transform(config).to(device)
    sample = training.Clips(clips.waves[:64], clips.labels[:64])
    transform.fit(training.float_waves(sample.waves).to(device))
    game = training.Game(config, transform, device)
    examples = training.Examples(sample, transform, device, config.seed)

    def step(number: int, batch: int) -> float:
        """Seconds of one whole step with that batch."""
        started = time.perf_counter()
        for _ in range(config.settings.critic_steps):
            real, labels = examples.batch(number, batch)
            game.discriminator_step(real, labels, number)
        game.generator_step(labels, number).item()
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
    game.preview()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return {
        "steps_per_second": 1 / estimate,
        "first_sound_seconds": time.perf_counter() - began + training.Schedule.FIRST_PREVIEW_SECONDS,
        "memory_bytes": _memory_bytes(device),
        "device": describe_device(device_name),
        "generator_parameters": sum(p.numel() for p in game.generator.parameters()),
        "discriminator_parameters": sum(p.numel() for p in game.discriminator.parameters()),
    }


def _environment() -> dict[str, str]:
    """This process's environment, with the package found wherever it is run from."""
    package_root = str(Path(__file__).resolve().parent.parent)
    path = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{package_root}{os.pathsep}{path}" if path else package_root}


def _detached() -> dict:
    """What makes a process outlive the one that started it."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def main() -> None:
    """The trainer's own command line, for this module only."""
    parser = argparse.ArgumentParser(prog="python -m audiogan.worker")
    parser.add_argument("run", help="run folder; with --probe '-', and a config on standard input")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--limit", type=json.loads, default={})
    parser.add_argument("--probe", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if arguments.probe:
        try:
            measured = _measure(RunConfig.from_json(sys.stdin.read()), arguments.dataset, arguments.device)
        except RunError as error:
            measured = {"error": str(error)}
        print(json.dumps(measured))
        return
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    work(Run(Path(arguments.run)), arguments.dataset, Limit(**arguments.limit), arguments.device)


if __name__ == "__main__":
    main()
