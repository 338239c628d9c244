"""The queue: the order of places, and real trainers that wait for each other, are moved, hurried, killed and ended."""

import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from audiogan import queue, runs, worker
from audiogan.config import Limit
from audiogan.runs import Place, Run, RunError, Status
from tests.conftest import PATIENCE_SECONDS, TINY, wait_for

FOREVER = Limit(steps=10**6)


@pytest.fixture(scope="module")
def dataset(trained_lab):
    return trained_lab.dataset("tiny")


@pytest.fixture
def make_run(trained_lab, dataset, tmp_path):
    """Makes a run on the prepared data set, in a folder of this test."""
    config = trained_lab.configure(dataset, "framegan", [*TINY, "log_every=5"])
    return lambda name: Run.create(tmp_path, config, name)


def stand(run: Run, number: float, state: str, device: str = "cpu", **told) -> Run:
    """The run as it is in the queue, without a process."""
    run.write_place(Place(number, queue.platform.node(), device, asdict(Status(state="paused", step=7))))
    run.write_status(Status(state=state, **told))
    return run


def order(root) -> list[str]:
    return [entry.run.name for entry in queue.entries(root)]


# places


def test_runs_stand_in_the_order_of_their_numbers_and_only_while_they_want_to_train(make_run, tmp_path):
    for name, number, state in (("b", 2.0, "waiting"), ("a", 3.0, "waiting"), ("c", 1.0, "running")):
        stand(make_run(name), number, state)
    stand(make_run("done"), 0.5, "finished")
    make_run("new")
    assert order(tmp_path) == ["c", "b", "a"]


def test_a_new_one_comes_last_and_an_interrupted_one_keeps_its_place(new_run, tmp_path):
    first, second = stand(new_run("first"), 5.0, "interrupted", step=3), new_run("second")
    queue.join(second, "cpu")
    second.write_status(Status(state="starting"))
    queue.join(first, "cpu")
    assert order(tmp_path) == ["first", "second"]
    assert first.place.before["step"] == 3
    # one that was paused gave its place away
    first.write_status(Status(state="paused"))
    queue.join(first, "cpu")
    first.write_status(Status(state="starting"))
    assert order(tmp_path) == ["second", "first"]


def test_a_turn_comes_when_the_device_is_free_and_nobody_alive_stands_before(new_run, monkeypatch):
    run, before = stand(new_run("run"), 2.0, "waiting"), stand(new_run("before"), 1.0, "waiting")
    lock, others = queue.device_lock(run), queue.device_lock(before)
    assert not queue.take_turn(run, lock)
    # the one before wants another device, is at work beside, or is dead
    stand(before, 1.0, "waiting", device="cuda:0")
    assert queue.take_turn(run, lock)
    assert not queue.try_lock(others)
    lock.release()
    stand(before, 1.0, "running")
    assert queue.try_lock(others)
    assert not queue.take_turn(run, lock)
    others.release()
    assert queue.take_turn(run, lock)
    lock.release()
    stand(before, 1.0, "interrupted")
    assert queue.take_turn(run, lock)
    lock.release()


def test_a_queue_is_of_one_device_of_one_computer(new_run):
    run, other = stand(new_run("run"), 2.0, "waiting"), stand(new_run("other"), 1.0, "waiting")
    other.write_place(replace(other.place, machine="another-computer"))
    assert [entry.run.name for entry in queue.neighbours(run)] == ["run"]
    assert queue.device_lock(run).lock_file != queue.device_lock(other).lock_file
    lock = queue.device_lock(run)
    assert queue.take_turn(run, lock)
    lock.release()


@pytest.mark.parametrize(("position", "expected"), [(1, "cabd"), (2, "acbd"), (3, "abcd"), (4, "abdc"), (9, "abdc")])
def test_a_waiting_run_is_moved_among_those_that_wait(make_run, tmp_path, position, expected):
    stand(make_run("at work"), 0.0, "running")
    # two that were started in the same moment can be told apart afterwards
    for name, number in zip("abcd", (1.0, 1.0, 2.0, 3.0), strict=True):
        stand(make_run(name), number, "waiting")
    stand(make_run("elsewhere"), 1.5, "waiting", device="cuda:0")
    queue.move(Run(tmp_path / "c"), position)
    assert [name for name in order(tmp_path) if len(name) == 1] == list(expected)
    queue.move(Run(tmp_path / "b"), 1)
    assert next(name for name in order(tmp_path) if len(name) == 1) == "b"
    with pytest.raises(RunError, match=r"The run 'at work' does not wait in the queue \(running\)"):
        queue.move(Run(tmp_path / "at work"), 1)


def test_leaving_brings_back_what_was(new_run):
    run = stand(new_run("run"), 1.0, "waiting")
    queue.leave(run)
    assert (run.status.state, run.status.step, run.place) == ("paused", 7, None)


def test_whom_it_waits_for_is_said_in_words(make_run, tmp_path):
    def words() -> dict[str, str]:
        return {entry.run.name: entry.waits_for for entry in queue.entries(tmp_path)}

    stand(make_run("a"), 1.0, "waiting")
    assert words() == {"a": ""}
    # at work since later, as one that was not to wait
    b = stand(make_run("b"), 2.0, "running", seconds_left=361.0)
    assert words() == {"a": "'b', which has 6 min left", "b": ""}
    stand(make_run("c"), 3.0, "waiting")
    assert words()["c"] == "'b', which has 6 min left, and 1 more"
    stand(make_run("elsewhere"), 0.0, "waiting", device="cuda:0")
    stand(b, 2.0, "interrupted")
    assert words() == {"elsewhere": "", "a": "", "b": "", "c": "'a'"}


# real trainers


def start_in_a_process(run: Run, dataset, go) -> subprocess.Popen:
    """A process that starts the run's trainer as soon as the file `go` is there, and says whether it could."""
    text = f"""
import os, time
from pathlib import Path
from audiogan import worker
from audiogan.config import Limit
from audiogan.runs import Run
while not os.path.exists({str(go)!r}):
    time.sleep(0.001)
worker.start(Run(Path({str(run.folder)!r})), Path({str(dataset.folder)!r}), Limit(steps=10**6), "cpu")
"""
    return subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.PIPE, text=True, env=worker.environment())


def test_of_two_processes_that_start_one_run_at_once_exactly_one_does(make_run, dataset, tmp_path):
    run, go = make_run("one"), tmp_path / "go"
    starters = [start_in_a_process(run, dataset, go) for _ in range(2)]
    go.touch()
    errors = sorted(starter.communicate(timeout=PATIENCE_SECONDS)[1] for starter in starters)
    try:
        assert errors[0] == ""
        assert "RunError: The run 'one' is already being trained." in errors[1]
        wait_for(run, lambda status: status.state == "running" and status.step > 0)
    finally:
        run.request("stop")
        wait_for(run, lambda status: not status.is_active)
    assert run.log_path.read_text().count("Traceback") == 0


def test_of_two_trainers_of_one_run_exactly_one_trains(make_run, dataset):
    run = make_run("one")
    command = [sys.executable, "-m", "audiogan.worker", run.folder, dataset.folder, "--device", "cpu"]
    command += ["--limit", '{"steps": 1000000}']
    trainers = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=worker.environment()) for _ in range(2)
    ]
    try:
        while all(trainer.poll() is None for trainer in trainers):
            time.sleep(0.05)
        (refused,) = [trainer for trainer in trainers if trainer.poll() is not None]
        (other,) = [trainer for trainer in trainers if trainer is not refused]
        assert "already being trained" in refused.communicate()[1]
        wait_for(run, lambda status: status.state == "running" and status.step > 0)
        run.request("stop")
        assert other.wait(PATIENCE_SECONDS) == 0
        assert run.status.state == "stopped"
    finally:
        for trainer in trainers:
            trainer.kill()
            trainer.wait()


def test_runs_that_are_queued_at_once_train_one_at_a_time_in_their_order(make_run, dataset, trainers):
    queued = [make_run(name) for name in "ba"]
    for run in queued:
        worker.start(run, dataset.folder, Limit(minutes=0.01), "cpu")
    finished, together = [], 0

    def look(_) -> bool:
        nonlocal together
        states = [run.status.state for run in queued]
        together = max(together, sum(state == "running" for state in states))
        finished.extend(run.name for run in queued if run.status.state == "finished" and run.name not in finished)
        return len(finished) == 2

    wait_for(queued[-1], look)
    assert (finished, together) == (["b", "a"], 1)
    assert [run.place for run in queued] == [None, None]


def test_the_queue_goes_on_through_moves_haste_leaving_ends_and_sudden_deaths(make_run, dataset, trainers, monkeypatch):
    a, b, c, d = (make_run(name) for name in "abcd")
    d.write_status(Status(state="stopped", step=3, message="kept"))
    for run in (a, b, c, d):
        worker.start(run, dataset.folder, FOREVER, "cpu")
    for run in (b, c, d):
        wait_for(run, lambda status: status.state == "waiting")
    wait_for(a, lambda status: status.state == "running")

    # d leaves and is as it was; b is ended by the system and keeps its place; c comes first
    d.request("stop")
    wait_for(d, lambda status: not status.is_active)
    assert (d.status.state, d.status.step, d.status.message, d.place) == ("stopped", 3, "kept", None)
    trainers[1].send_signal(signal.SIGTERM)
    wait_for(b, lambda status: status.state == "interrupted")
    worker.start(b, dataset.folder, FOREVER, "cpu")
    wait_for(b, lambda status: status.state == "waiting")
    assert order(a.folder.parent) == ["a", "b", "c"]
    queue.move(c, 1)
    assert order(a.folder.parent) == ["a", "c", "b"]

    # the one at work dies, and c, which is first, takes its place, though nobody is there to tell it
    trainers[0].send_signal(signal.SIGKILL)
    wait_for(c, lambda status: status.state == "running" and status.step > 0)
    assert b.status.state == "waiting"

    # b does not want to wait any longer, and trains beside c
    b.request("hurry")
    wait_for(b, lambda status: status.state == "running" and status.step > 0)
    assert c.status.state == "running"
    # a pause gives the place away; an end by the system does not, and saves first
    b.request("pause")
    trainers[2].send_signal(signal.SIGTERM)
    for run in (b, c):
        wait_for(run, lambda status: not status.is_active)
        assert run.load_resume()[1]["step"] == run.status.step
    assert (b.status.state, b.place) == ("paused", None)
    assert (c.status.state, c.status.message) == ("interrupted", worker.ENDED)
    monkeypatch.setattr(runs, "STALE_SECONDS", 0)
    left = queue.entries(a.folder.parent)
    assert [(entry.run.name, entry.is_interrupted) for entry in left] == [("a", True), ("c", True)]


def test_interrupted_runs_go_on_in_their_order(lab, trained_lab, monkeypatch):
    config, started = trained_lab.configure(trained_lab.dataset("tiny"), "framegan", TINY), []
    for name, number in (("second", 2.0), ("first", 1.0)):
        stand(lab.create_run(config, name), number, "interrupted", limit={"steps": 9})
    stand(lab.create_run(config, "dropped"), 0.5, "interrupted")
    monkeypatch.setattr(lab, "dataset", trained_lab.dataset)
    monkeypatch.setattr(worker, "start", lambda run, folder, limit, *rest: started.append((run.name, limit, *rest)))
    lab.cancel(lab.run("dropped"))
    assert [run.name for run in lab.go_on()] == ["first", "second"]
    assert started == [(name, Limit(steps=9), "cpu", False) for name in ("first", "second")]
