"""Trainings that wait for their turn."""

import pytest
import torch

from audiogan import devices, queue
from audiogan.lab import Lab, Run, RunError, Status
from tests.conftest import tiny_config


def in_the_queue(lab: Lab, name: str, state: str, **told) -> Run:
    """A run that stands in the queue of the processor."""
    run = lab.create_run(tiny_config(), name)
    queue.join(run, "cpu")
    run.write_status(Status(state=state, **told))
    return run


def test_a_training_that_would_be_started_hears_whom_it_will_wait_for(lab, monkeypatch):
    monkeypatch.setattr(devices, "one_device", lambda name: pytest.fail("torch was imported for nothing"))
    assert lab.busy_with("auto") == ""
    in_the_queue(lab, "first", "running", seconds_left=600)
    second = in_the_queue(lab, "second", "waiting")
    monkeypatch.setattr(devices, "one_device", lambda name: {"auto": "cpu"}.get(name, name))
    assert lab.busy_with("auto") == "'first', which has 10 min left, and 1 more"
    assert lab.busy_with("cuda:0") == ""
    assert lab.waits_for(second) == "'first', which has 10 min left"
    assert [entry.run.name for entry in lab.queue()] == ["first", "second"]


def test_who_does_not_wait_can_neither_leave_nor_hurry(lab):
    run = in_the_queue(lab, "first", "waiting")
    lab.hurry(run)
    assert run.requested() == "hurry"
    lab.cancel(run)
    assert run.requested() == "stop"
    run.write_status(Status(state="running"))
    for ask in (lab.hurry, lab.cancel):
        with pytest.raises(RunError, match=r"The run 'first' does not wait in the queue \(running\)"):
            ask(run)


def test_one_device_has_one_name(monkeypatch):
    for name, expected in (("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("mps", "mps")):
        monkeypatch.setattr(devices, "pick_device", lambda asked: torch.device(asked))
        assert devices.one_device(name) == expected
