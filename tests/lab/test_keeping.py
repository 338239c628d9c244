"""Room on disk."""

import shutil
from collections import namedtuple

import pytest

from audiogan.config import Limit
from audiogan.lab import STARTER, Run, RunError, Status, following
from audiogan.lab.planning import Pace
from tests.conftest import CLIP_SAMPLES, RATE, TINY, tiny_config


def test_what_does_not_fit_the_disk_is_refused_before_anything_is_made(lab, trained_lab, monkeypatch):
    monkeypatch.setattr(lab, "dataset", trained_lab.dataset)
    pace = Pace("abacus", 4.0, 7.5, 100, 1_000, "")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, 100_000))
    for attempt in (
        lambda: lab.create_run(tiny_config(), "large"),
        lambda: lab.estimate(tiny_config(), Limit(steps=1), pace),
    ):
        with pytest.raises(RunError, match="of disk and 100 kB are free: make room"):
            attempt()
    assert not lab.runs_folder.exists()
    assert lab.disk_words() == "Models take 0 B on disk, 100 kB are free."


def test_a_run_that_is_deleted_is_gone_with_its_encoders(lab, clips):
    run, other = (lab.create_run(tiny_config(), name) for name in ("first", "second"))
    lab._encoders = {(run.folder, 1): {}, (other.folder, 1): {}}
    run.write_status(Status(state="waiting"))
    with pytest.raises(RunError, match="The run 'first' is being trained or waits for it: stop it first"):
        lab.delete_run(run)
    run.write_status(Status(state="paused"))
    lab.delete_run(run)
    assert [path.name for path in lab.runs_folder.iterdir()] == ["second"]
    assert list(lab._encoders) == [(other.folder, 1)]


def test_the_model_that_ships_is_not_deleted(lab, monkeypatch, tmp_path):
    monkeypatch.setattr(following, "site", lambda: tmp_path / "program")
    starter = Run.create(tmp_path / "program" / "checkpoints", tiny_config(), STARTER)
    with pytest.raises(RunError, match="The model 'starter' belongs to the program and stays"):
        lab.delete_run(starter)
    assert starter.folder.exists()


def test_a_data_set_is_deleted_unless_a_training_uses_it(lab, sounds):
    dataset = lab.prepare(lab.survey([sounds]), "tiny", RATE, CLIP_SAMPLES / RATE)
    run = lab.create_run(lab.configure(dataset, "framegan", TINY), "first")
    lab.create_run(tiny_config(), "of another")
    assert [item.name for item in lab.runs_on(dataset)] == ["first"]
    run.write_status(Status(state="running"))
    with pytest.raises(RunError, match="The data set 'tiny' is in use by the run 'first': stop that one first"):
        lab.delete_dataset(dataset)
    run.write_status(Status(state="finished"))
    lab.delete_dataset(dataset)
    assert (lab.datasets(), [*lab.datasets_folder.iterdir()]) == ([], [])


def test_which_snapshots_are_kept_is_said_with_its_numbers(trained_lab, run):
    # the four newest, the best, step 0, and 20 has five bits
    words = trained_lab.kept_words(run)
    assert words.startswith("Kept are the 4 newest snapshots, the best one, and the first after each doubling")
    assert "steps: 2 now, 11 at most after 20 steps. This run takes " in words
