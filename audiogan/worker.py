"""Training as a process of its own: start it, and be it.

`python -m audiogan.worker RUN_FOLDER ...` is what the app starts. It meets the app only in the run folder, so it
outlives the page, the browser and the server; its heartbeat says that it lives, a lock that it is the only one.
"""

import argparse
import contextlib
import errno
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from filelock import FileLock, Timeout

from audiogan import queue
from audiogan.config import Limit, RunConfig
from audiogan.devices import describe_device, memory_bytes, pick_device, use_threads
from audiogan.runs import Onlooker, Run, RunError, Status

NICENESS = 10
"""The trainer steps back for the app, which otherwise answers in seconds instead of milliseconds."""

LOCK_SECONDS = 2.0
"""How long a trainer waits for its run: somebody else who wants to start it looks at it for a moment only."""

ENDED = "The system ended the trainer, which saved first. Resume goes on from there."
"""What a run says that was asked to end by the system, as before a restart: it keeps its place in the queue."""

LEAVING_SECONDS = 10.0
"""How long a trainer may hold its run after its last word: hardly any time, but where many programs are at work."""

TURN_SECONDS = 0.3
"""Between two looks at whether it is this trainer's turn."""

log = logging.getLogger("audiogan")


def describe_construction(config: RunConfig) -> str:
    """What transform and generator make of this clip length and rate, a sentence each. Imports torch."""
    from audiogan import models
    from audiogan.transforms import make_transform

    settings, transform = config.settings, make_transform(config)
    seen = settings.transform.replace("_", " ").capitalize()
    classes = f" {settings.groups} groups of alike clips stand in for labels." if config.has_groups else ""
    if config.kinds_per_label > 1:
        divided = "group" if config.has_groups else "label"
        classes += f" Each {divided} is learned as up to {settings.kinds} kinds of alike clips."
    layers = models.describe(settings, transform.shape)
    return f"{seen}: {transform.describe()}. {settings.architecture}: {layers}.{classes}"


def work(
    run: Run,
    dataset_folder: Path,
    limit: Limit,
    device_name: str = "auto",
    on_status: Callable[[Status], None] | None = None,
    at_once: bool = False,
) -> Status:
    """Train the run in this process until its limit or until it is asked to stop; returns its last status.

    Waits for its turn on the device first, unless it is to begin `at_once` or is one of several ranks; a run that is
    stopped while it waits is left as it was. Failures end in a status 'failed' with one sentence. Raises RunError when
    another process has this run, or its folder cannot be written. Of several ranks only the first writes.
    """
    from audiogan import ranks

    if ranks.RANK > 0:
        onlooker = Onlooker(run.folder)
        reporter = Reporter(onlooker, limit, on_status)
        with reporter:
            state, message = _attempt(onlooker, dataset_folder, limit, device_name, reporter)
        return reporter.finish(state, message)
    with _held(run, LOCK_SECONDS):
        # a run that was started from elsewhere has its place already
        if run.status.state != "starting":
            queue.join(run, device_name)
        turn = queue.device_lock(run)
        reporter = Reporter(run, limit, on_status, at_once or ranks.COUNT > 1)
        try:
            with reporter:
                has_turn = _wait_for_turn(run, turn, reporter)
                if has_turn:
                    state, message = _attempt(run, dataset_folder, limit, device_name, reporter)
                    _draw_charts(run)
            if not has_turn:
                return _leave(run, reporter)
            if reporter.is_ended_by_system and state == "stopped":
                return reporter.finish("interrupted", ENDED)
            # what cannot be written any more cannot be removed either, and the failure is known already
            with contextlib.suppress(OSError):
                run.clear_request()
                run.clear_place()
            return reporter.finish(state, message)
        finally:
            turn.release()


def _attempt(run: Run, dataset_folder: Path, limit: Limit, device_name: str, reporter: "Reporter") -> tuple[str, str]:
    """(state, message) of a training, whatever becomes of it."""
    try:
        return _train(run, dataset_folder, limit, device_name, reporter), ""
    except Exception as error:
        log.exception("training failed")
        reporter.update(diverged=_is_divergence(error))
        return "failed", _sentence(run, error)


@contextlib.contextmanager
def _held(run: Run, patience_seconds: float) -> Iterator[None]:
    """Holds the run alone. Raises RunError when another process has it or it cannot be written."""
    lock = FileLock(run.lock_path)
    try:
        lock.acquire(timeout=patience_seconds)
    except Timeout:
        raise RunError(f"The run '{run.name}' is already being trained.") from None
    except OSError as error:
        raise RunError(_sentence(run, error)) from None
    try:
        yield
    finally:
        lock.release()


def _wait_for_turn(run: Run, turn: FileLock, reporter: "Reporter") -> bool:
    """Hold the device, or go on without it when told not to wait; False when asked to leave instead."""
    while not queue.take_turn(run, turn):
        if reporter.asked():
            return False
        if reporter.is_in_a_hurry:
            queue.try_lock(turn)
            break
        reporter.update(state="waiting")
        time.sleep(TURN_SECONDS)
    reporter.update(state="starting")
    return True


def _leave(run: Run, reporter: "Reporter") -> Status:
    """The run as it was before it waited; in its place still when the system ends all processes."""
    run.clear_request()
    if reporter.is_ended_by_system:
        return reporter.finish("interrupted", "It waited for its turn when the system ended its process.")
    queue.leave(run)
    return run.status


def _train(run: Run, dataset_folder: Path, limit: Limit, device_name: str, reporter: "Reporter") -> str:
    import torch

    from audiogan import audio
    from audiogan.judging.scoring import Scorer
    from audiogan.progress import Tick
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
    """The prepared clips that a run was made with, as `Clips` with the run's classes.

    Raises RunError when the data set is gone or no longer the same.
    """
    from audiogan.clustering import with_classes
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
    clips = Clips(dataset.clips(), labels, held_out(dataset.clip_files(), labels, config.settings.hold_out))
    try:
        return with_classes(clips, config, dataset_folder)
    except ValueError as error:
        raise RunError(str(error)) from None


def _is_divergence(error: Exception) -> bool:
    from audiogan.game import Diverged

    return isinstance(error, Diverged)


def _sentence(run: Run, error: Exception) -> str:
    """What happened and what to do, for the person at the page."""
    from audiogan.ranks import RankLost

    kept = "What was saved before is kept."
    if _is_divergence(error):
        return f"{error} {kept} Go on from there with half the learning rate."
    if isinstance(error, RankLost):
        return f"Another process of this training ended: torchrun's output says why. {kept} Resume with torchrun again."
    # the processor's allocator speaks of memory that it cannot allocate, graphics cards of being out of it
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in ("out of memory", "allocate mem")):
        return f"There was not enough memory for a step. {kept} Start a new run with a smaller batch or width."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full. {kept} Make room, then resume."
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
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

    def __init__(
        self, run: Run, limit: Limit, on_status: Callable[[Status], None] | None, is_in_a_hurry: bool = False
    ) -> None:
        self._run, self._on_status = run, on_status
        self.is_in_a_hurry, self.is_ended_by_system = is_in_a_hurry, False
        self._status = replace(run.status, state="starting", message="", diverged=False, limit=asdict(limit))
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

    def _on_signal(self, number: int, _) -> None:
        if self._asked:
            raise KeyboardInterrupt  # asked twice: leave at once
        self._asked = "stop"
        self.is_ended_by_system = number == signal.SIGTERM

    def _beat(self) -> None:
        while not self._over.wait(1.0):
            requested = self._run.requested()
            if requested == "hurry":
                self.is_in_a_hurry = True
                self._run.clear_request()
            else:
                self._asked = self._asked or requested
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
        """The last word, also when it cannot be written."""
        fraction = 1.0 if state == "finished" else self._status.fraction
        self.update(state=state, message=message, fraction=fraction, seconds_left=None)
        self._write()
        written = self._run.status
        return written if written.state == state else self._status


def start(run: Run, dataset_folder: Path, limit: Limit, device_name: str, at_once: bool = False) -> None:
    """Start a trainer that lives on by itself and waits for its turn, unless it is to begin `at_once`.

    Raises RunError when the run has a trainer already, or its folder cannot be written.
    """
    # who said the last word may take a moment to leave
    with _held(run, 0 if run.status.is_active else LEAVING_SECONDS):
        # of two who start the run at once, the second finds that the first has done so
        if run.status.is_active:
            raise RunError(f"The run '{run.name}' is already being trained.")
        try:
            # here and not by the trainer, which is still loading when somebody may already ask it to stop
            run.clear_request()
            queue.join(run, device_name)
            run.write_status(replace(run.status, state="starting", message="", limit=asdict(limit)))
        except OSError as error:
            raise RunError(_sentence(run, error)) from None
    command = [sys.executable, "-m", "audiogan.worker", str(run.folder), str(dataset_folder)]
    command += ["--device", device_name, "--limit", json.dumps(asdict(limit)), *(["--at-once"] if at_once else [])]
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
    parser.add_argument("--at-once", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    limit = Limit(**arguments.limit)
    work(Run(Path(arguments.run)), arguments.dataset, limit, arguments.device, at_once=arguments.at_once)


if __name__ == "__main__":
    main()
