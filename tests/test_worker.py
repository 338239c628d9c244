"""Trainers as real processes: started, stopped, killed, and started again."""

import errno
import os
import signal
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from filelock import FileLock

from audiogan import plots, runs, training, worker
from audiogan.config import Limit
from audiogan.game import Diverged
from audiogan.runs import Run, RunError, Status
from tests.conftest import PATIENCE_SECONDS, TINY, wait_for


@pytest.fixture(scope="module")
def dataset(trained_lab):
    return trained_lab.dataset("tiny")


@pytest.fixture(scope="module")
def make_run(trained_lab, dataset, tmp_path_factory):
    """Makes a run on the prepared data set, in a folder of these tests."""
    folder = tmp_path_factory.mktemp("runs")

    def make(name: str, *assignments: str, **changes) -> Run:
        config = trained_lab.configure(dataset, "framegan", [*TINY, "log_every=5", *assignments])
        return Run.create(folder, replace(config, **changes), name)

    return make


def is_each_row_there_once(run: Run) -> bool:
    steps = run.metrics()["step"]
    return steps == sorted(set(steps))


def test_a_trainer_of_its_own_starts_runs_and_finishes(make_run, dataset, trainers):
    run = make_run("whole")
    run.request("stop")  # left behind by somebody who asked a trainer that had died
    # longer than the second between two heartbeats
    worker.start(run, dataset.folder, Limit(minutes=0.03), "cpu")
    assert run.status.state == "starting"
    states = wait_for(run, lambda status: not status.is_active)
    assert states == ["starting", "running", "finished"], run.log_path.read_text()
    status = run.status
    assert (status.fraction, status.message, status.seconds_left) == (1.0, "", None)
    assert status.step > 5
    # a tenth of the 24 clips is held out: two or three of them
    assert status.epoch == pytest.approx(status.step * 8 / 21)
    assert status.seconds >= 0.03 * 60
    assert status.limit == {"steps": None, "epochs": None, "minutes": 0.03}
    assert status.device.startswith("processor")
    assert status.construction == worker.describe_construction(run.config)
    assert status.memory_bytes > 50e6
    assert run.metrics()["step"] == sorted({*range(5, status.step, 5), status.step})
    assert run.snapshot().step == run.load_resume()[1]["step"] == status.step
    assert run.requested() is None
    for picture in (run.losses_picture, run.beliefs_picture):
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert trainers[0].wait(PATIENCE_SECONDS) == 0
    assert "Traceback" not in run.log_path.read_text()


def test_a_run_that_was_stopped_and_then_killed_goes_on_and_loses_nothing_that_was_saved(
    make_run, dataset, trainers, monkeypatch
):
    run = make_run("killed")
    forever, half_way = Limit(steps=10**6), 30

    # asked to stop before it has even begun, it still hears it
    worker.start(run, dataset.folder, forever, "cpu")
    run.request("pause")
    wait_for(run, lambda status: not status.is_active)
    assert (run.status.state, run.requested()) == ("paused", None)
    saved = run.status.step
    assert saved >= 1
    assert run.load_resume()[1]["step"] == saved == run.snapshot().step

    # a second one beside it is refused, and the first does not notice
    worker.start(run, dataset.folder, forever, "cpu")
    wait_for(run, lambda status: status.state == "running" and status.step > saved)
    with pytest.raises(RunError, match="The run 'killed' is already being trained"):
        worker.work(run, dataset.folder, Limit(steps=saved + 1), "cpu")
    wait_for(run, lambda status: status.step > saved + half_way)

    # a sudden death leaves a run that can be read ...
    trainers[1].send_signal(signal.SIGKILL)
    trainers[1].wait()
    monkeypatch.setattr(runs, "STALE_SECONDS", 0)
    assert run.status.state == "interrupted"
    died_at = run.status.step
    assert died_at > saved + half_way
    assert max(run.metrics()["step"]) > saved
    assert is_each_row_there_once(run)
    assert run.load_resume()[1]["step"] == saved
    assert [item.name for item in runs.list_runs(run.folder.parent)].count("killed") == 1
    monkeypatch.undo()

    # ... and goes on from its last save, to where a training without any of this ends
    undisturbed = make_run("undisturbed")
    for each in (run, undisturbed):
        status = worker.work(each, dataset.folder, Limit(steps=saved + half_way), "cpu")
        assert (status.state, status.step) == ("finished", saved + half_way)
    assert is_each_row_there_once(run)
    assert run.metrics()["step"][-1] == saved + half_way
    assert run.epochs() == undisturbed.epochs()
    for name, tensor in run.load_resume()[0].items():
        assert torch.equal(tensor, undisturbed.load_resume()[0][name]), name


def test_a_stop_file_ends_a_training_within_its_step(make_run, dataset):
    run = make_run("stopped")

    def ask(status: Status) -> None:
        if status.step and status.is_active:
            run.request("stop")

    status = worker.work(run, dataset.folder, Limit(steps=10**6), "cpu", on_status=ask)
    assert (status.state, run.metrics()["step"][-1]) == ("stopped", status.step)
    assert status.step == run.load_resume()[1]["step"]
    assert status.message == ""
    assert run.requested() is None


def test_ctrl_c_saves_and_leaves(make_run, dataset):
    run = make_run("interrupted by hand")
    before = signal.getsignal(signal.SIGINT)
    asked = []

    def ask(status: Status) -> None:
        if status.step and not asked:
            asked.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    status = worker.work(run, dataset.folder, Limit(steps=10**6), "cpu", on_status=ask)
    assert status.state == "stopped"
    assert run.load_resume()[1]["step"] == status.step
    assert signal.getsignal(signal.SIGINT) is before


def test_a_trainer_that_is_done_lets_go_of_the_run(make_run, dataset):
    run = make_run("released")
    worker.work(run, dataset.folder, Limit(steps=1), "cpu")
    with FileLock(run.lock_path, timeout=0):
        pass


def test_a_run_is_started_again_while_its_last_trainer_is_leaving(make_run, dataset, monkeypatch):
    run, started = make_run("leaving"), []
    run.write_status(Status(state="interrupted"))
    nobody = SimpleNamespace(wait=lambda: 0)
    monkeypatch.setattr(worker.subprocess, "Popen", lambda command, **_: started.append(command) or nobody)
    lock = FileLock(run.lock_path, thread_local=False)
    lock.acquire()
    threading.Timer(0.5, lock.release).start()
    worker.start(run, dataset.folder, Limit(steps=1), "cpu")
    assert len(started) == 1


def test_a_heartbeat_comes_while_a_step_takes_long(make_run, dataset, monkeypatch):
    run = make_run("slow")
    beats = []

    def slow_training(*arguments) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(beats) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        return "finished"

    monkeypatch.setattr(training, "train", slow_training)
    worker.work(run, dataset.folder, Limit(steps=1), "cpu", on_status=lambda status: beats.append(run.status.heartbeat))
    assert len(set(beats)) >= 3


# when it goes wrong


def test_a_data_set_that_changed_is_one_sentence(make_run, dataset):
    run = make_run("changed", fingerprint="another one")
    status = worker.work(run, dataset.folder, Limit(steps=1), "cpu")
    assert (status.state, status.step) == ("failed", 0)
    assert status.message == (
        "The data set 'tiny' has changed since this run began: start a new run on it, "
        "or prepare it again from the same sounds with the same rate and length."
    )
    assert run.snapshots() == []


def test_a_data_set_that_is_gone_is_one_sentence(make_run, tmp_path):
    status = worker.work(make_run("gone"), tmp_path / "tiny", Limit(steps=1), "cpu")
    assert status.state == "failed"
    assert status.message.startswith("The data set 'tiny' cannot be read: There is no data set 'tiny'")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Diverged("Training diverged."), "Training diverged. What was saved before is kept. Go on from there"),
        (MemoryError(), "There was not enough memory for a step. What was saved before is kept. Start"),
        (RuntimeError("CUDA out of memory."), "There was not enough memory for a step."),
        (OSError(errno.ENOSPC, "No space left"), "The disk is full. What was saved before is kept. Make room"),
        (PermissionError(13, "no", "/a/b"), "The run folder cannot be written (/a/b)."),
        (RunError("Plain words."), "Plain words."),
        (KeyError("x"), "Training stopped by an error: KeyError: 'x'. What was saved before is kept."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_failure_ends_in_a_sentence(make_run, dataset, monkeypatch, request, error, sentence):
    run = make_run(f"fails {request.node.callspec.indices['error']}")

    def fail(*arguments):
        raise error

    monkeypatch.setattr(training, "train", fail)
    status = worker.work(run, dataset.folder, Limit(steps=1), "cpu")
    assert status.state == "failed"
    assert status.message.startswith(sentence)
    assert run.status == status


def test_a_device_that_is_not_there_is_one_sentence(make_run, dataset):
    assert worker.pick_device("cpu") == torch.device("cpu")
    with pytest.raises(RunError, match="This machine has no 'abacus' device"):
        worker.pick_device("abacus")
    status = worker.work(make_run("no device"), dataset.folder, Limit(steps=1), "abacus")
    assert status.message == "This machine has no 'abacus' device that torch can use: leave out --device, or use cpu."


# charts


def test_charts_show_both_losses_and_both_beliefs_an_epoch(make_run, monkeypatch):
    run = make_run("drawn", "loss=bce")
    drawn = {}
    monkeypatch.setattr(plots, "_draw_lines", lambda path, lines, y_name: drawn.update({path.name: (lines, y_name)}))
    plots.draw_run(run)
    assert drawn == {}
    run.append_epoch((0.7, 1.25), (0.6, 0.35))
    run.append_epoch((0.5, 1.5), (0.55, 0.4))
    plots.draw_run(run)
    assert drawn == {
        "losses.png": ({"discriminator": [0.7, 0.5], "generator": [1.25, 1.5]}, "loss"),
        "probabilities.png": ({"real": [0.6, 0.55], "generated": [0.35, 0.4]}, "probability of being real"),
    }


def test_charts_that_cannot_be_drawn_do_not_fail_a_training(make_run, dataset, monkeypatch):
    def fail(run):
        raise OSError(errno.ENOSPC, "No space left")

    monkeypatch.setattr(plots, "draw_run", fail)
    assert worker.work(make_run("not drawn"), dataset.folder, Limit(steps=1), "cpu").state == "finished"


def test_files_are_held_out_of_training_as_the_run_s_config_says(make_run, dataset):
    whole = worker.load_clips(dataset.folder, make_run("nothing held out", "hold_out=0").config)
    assert not whole.held_out.any()
    half = worker.load_clips(dataset.folder, make_run("half held out", "hold_out=0.5").config)
    assert half.held_out.sum() == 12
    assert half.held_out[half.classes == 0].sum() == half.held_out[half.classes == 1].sum() == 6
