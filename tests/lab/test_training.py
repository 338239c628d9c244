"""Runs are made, started and stopped."""

import pytest

from audiogan import probe, worker
from audiogan.config import Limit
from audiogan.lab import Lab, Run, RunError, Status
from tests.conftest import TINY, tiny_config


@pytest.mark.parametrize("name", ["../outside", "a/b", "", ".hidden", "a\\b", "x" * 100])
def test_a_run_s_name_is_never_a_path(lab, name):
    config = tiny_config()
    if name:
        with pytest.raises(ValueError, match="cannot be a name"):
            lab.create_run(config, name)
        assert not lab.home.exists()
    else:
        assert lab.create_run(config, name).folder.parent == lab.runs_folder


def new_run(lab: Lab, trained_lab: Lab, name: str) -> Run:
    """A run in one laboratory on the data set of another."""
    return lab.create_run(trained_lab.configure(trained_lab.dataset("tiny"), "framegan", TINY), name)


def test_what_cannot_fit_the_memory_is_refused_before_anything_is_made(lab, trained_lab, monkeypatch):
    run = new_run(lab, trained_lab, "small")
    monkeypatch.setattr(lab, "dataset", trained_lab.dataset)
    for room, name in ((probe, "probe"), (worker, "start"), (worker, "work")):
        monkeypatch.setattr(room, name, lambda *arguments: pytest.fail("it was begun all the same"))
    monkeypatch.setattr(probe, "device_memory_bytes", lambda device: 100_000)
    long = tiny_config("width=256", preset="mlp", rate=48_000, clip_samples=480_000)
    attempts = [
        lambda: lab.create_run(long, "large"),
        lambda: lab.measure(long, "cpu"),
        lambda: lab.start(run, Limit(steps=1), "cpu"),
        lambda: lab.train(run, Limit(steps=1), "cpu"),
    ]
    for attempt in attempts:
        with pytest.raises(RunError, match=r"needs at least .* of memory and this machine has 100 kB in all: lower"):
            attempt()
    assert [folder.name for folder in lab.runs_folder.iterdir()] == ["small"]
    assert run.status == Status()


def test_a_limit_counts_from_the_beginning_and_is_remembered(lab, trained_lab, monkeypatch):
    run, asked = new_run(lab, trained_lab, "first"), []
    monkeypatch.setattr(lab, "dataset", trained_lab.dataset)
    monkeypatch.setattr(worker, "work", lambda run, folder, limit, *rest: asked.append(limit))
    lab.train(run, Limit())
    run.write_status(Status(state="stopped", step=30, epoch=10.0, seconds=60, limit={"steps": 50}))
    lab.train(run, Limit())
    lab.train(run, Limit(steps=31))
    # the preset's own, the one it was started with, and a new one
    assert asked == [Limit(minutes=10.0), Limit(steps=50), Limit(steps=31)]
    for reached in (Limit(steps=30), Limit(epochs=10.0), Limit(minutes=1.0)):
        with pytest.raises(RunError, match=r"The run 'first' has reached .* \(30 steps, 10.0 epochs, 1.0 minutes\)"):
            lab.train(run, reached)


def test_a_run_that_is_being_trained_is_not_started_twice(lab, trained_lab, monkeypatch):
    run = new_run(lab, trained_lab, "first")
    monkeypatch.setattr(worker, "start", lambda *arguments: pytest.fail("a second trainer was started"))
    run.write_status(Status(state="running", step=3))
    for begin in (lab.start, lab.train):
        with pytest.raises(RunError, match="The run 'first' is already being trained"):
            begin(run, Limit(steps=5))


def test_an_old_request_does_not_stop_a_new_training(trained_lab, lab, monkeypatch):
    run, requested = new_run(lab, trained_lab, "first"), []
    monkeypatch.setattr(lab, "dataset", trained_lab.dataset)
    monkeypatch.setattr(worker, "work", lambda run, *rest: requested.append(run.requested()))
    run.request("stop")
    lab.train(run, Limit(steps=3))
    assert requested == [None]


@pytest.mark.parametrize(("pause", "asked"), [(True, "pause"), (False, "stop")])
def test_a_training_is_asked_to_pause_or_stop(lab, trained_lab, pause, asked):
    run = new_run(lab, trained_lab, "first")
    with pytest.raises(RunError, match=r"The run 'first' is not being trained \(new\)"):
        lab.stop(run, pause)
    run.write_status(Status(state="running"))
    lab.stop(run, pause)
    assert run.requested() == asked


def test_a_training_here_ends_with_its_status(run):
    assert (run.status.state, run.status.step, run.status.limit["steps"]) == ("finished", 20, 20)
