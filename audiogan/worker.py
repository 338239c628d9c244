"""Training as a process of its own: start it, and be it.

`python -m audiogan.worker RUN_FOLDER ...` is what the app starts. It meets the app only in the run folder, so it
outlives the page, the browser and the server; its heartbeat says that it lives, a lock that it is the only one.
"""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from filelock import FileLock, Timeout

from audiogan.config import Limit, RunConfig
from audiogan.devices import describe_device, memory_bytes, pick_device, use_threads
from audiogan.runs import Onlooker, Run, RunError, Status

NICENESS = 10
"""The trainer steps back for the app, which otherwise answers in seconds instead of milliseconds."""

log = logging.getLogger("audiogan")


def describe_construction(config: RunConfig) -> str:
    """What transform and generator make of this clip length and rate, a sentence each. Imports torch."""
    from audiogan import models
    from audiogan.transforms import make_transform

    settings, transform = config.settings, make_transform(config)
    seen = settings.transform.replace("_", " ").capitalize()
    return f"{seen}: {transform.describe()}. {settings.architecture}: {models.describe(settings, transform.shape)}."


def work(
    run: Run,
    dataset_folder: Path,
    limit: Limit,
    device_name: str = "auto",
    on_status: Callable[[Status], None] | None = None,
) -> Status:
    """Train the run in this process until its limit or until it is asked to stop; returns its last status.

    Failures end in a status 'failed' with one sentence. Raises RunError when another process is training this run.
    Of several ranks only the first writes.
    """
    from audiogan import ranks

    if ranks.RANK > 0:
        return _work(Onlooker(run.folder), dataset_folder, limit, device_name, on_status)
    lock = FileLock(run.lock_path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"The run '{run.name}' is already being trained.") from None
    try:
        return _work(run, dataset_folder, limit, device_name, on_status)
    finally:
        lock.release()


def _work(
    run: Run, dataset_folder: Path, limit: Limit, device_name: str, on_status: Callable[[Status], None] | None
) -> Status:
    reporter = Reporter(run, limit, on_status)
    with reporter:
        try:
            state, message = _train(run, dataset_folder, limit, device_name, reporter), ""
        except Exception as error:
            log.exception("training failed")
            state, message = "failed", _sentence(run, error)
        if not isinstance(run, Onlooker):
            _draw_charts(run)
    run.clear_request()
    return reporter.finish(state, message)


def _train(run: Run, dataset_folder: Path, limit: Limit, device_name: str, reporter: "Reporter") -> str:
    import torch

    from audiogan import audio
    from audiogan.progress import Tick
    from audiogan.scoring import Scorer
    from audiogan.training import train

    device = pick_device(device_name)
    use_threads(run.config.settings.threads)
    clips = load_clips(dataset_folder, run.config)
    construction = describe_construction(run.config)
    reporter.update(device=describe_device(device_name), construction=construction, state="running")

    def watch(tick: Tick) -> str | None:
        reporter.update(**asdict(tick), memory_bytes=memory_bytes(device))
        return reporter.asked()

    def encode(wave: torch.Tensor) -> bytes:
        return audio.encode_wav(audio.without_clipping(wave.numpy()), run.config.rate)

    return train(run, clips, limit, device, watch, encode, Scorer(clips, run.config.rate))


def load_clips(dataset_folder: Path, config: RunConfig):
    """The prepared clips that a run was made with, as `Clips`.

    Raises RunError when the data set is gone or no longer the same.
    """
    from audiogan.datasets import open_dataset
    from audiogan.examples import Clips
    from audiogan.splits import held_out

    try:
        dataset = open_dataset(dataset_folder)
    except ValueError as error:
        raise RunError(f"The data set '{config.dataset}' cannot be read: {error}") from None
    if dataset.fingerprint != config.fingerprint:
        raise RunError(
            f"The data set '{config.dataset}' has changed since this run began: start a new run on it, "
            "or prepare it again from the same sounds with the same rate and length."
        )
    labels = dataset.clip_labels()
    return Clips(dataset.clips(), labels, held_out(dataset.clip_files(), labels, config.settings.hold_out))


def _sentence(run: Run, error: Exception) -> str:
    """What happened and what to do, for the person at the page."""
    from audiogan.game import Diverged
    from audiogan.ranks import RankLost

    kept = "What was saved before is kept."
    if isinstance(error, Diverged):
        return f"{error} {kept} Start a new run with rate_g and rate_d at half their value."
    if isinstance(error, RankLost):
        return f"Another process of this training ended: torchrun's output says why. {kept} Resume with torchrun again."
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
        # what an onlooker says is in no file
        return self._status if isinstance(self._run, Onlooker) else self._run.status


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
            env=environment(),
            **_detached(),
        )
    # a process that ended stays in the system's table until somebody asks for its result
    threading.Thread(target=process.wait, daemon=True).start()


def environment() -> dict[str, str]:
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
    parser.add_argument("run", help="run folder")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--limit", type=json.loads, default={})
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    work(Run(Path(arguments.run)), arguments.dataset, Limit(**arguments.limit), arguments.device)


if __name__ == "__main__":
    main()
