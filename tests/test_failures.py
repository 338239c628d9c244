"""What can go wrong with a real trainer: the last good state stays, and the run says in a sentence what to do."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from audiogan import runs, worker
from audiogan.config import Limit
from audiogan.lab import Lab
from audiogan.runs import Run, RunError
from audiogan.settings import SettingError
from tests.conftest import PATIENCE_SECONDS, TINY, wait_for

AT_STEP_15 = """
import torch
from audiogan.game import Game
step = Game.generator_step
def fail(game, labels, number):
    if number == 15:
        {what}
    return step(game, labels, number)
Game.generator_step = fail
"""

FAILURES = {
    "divergence": (
        AT_STEP_15.format(what="torch.nn.init.constant_(game.generator.to_frames.weight, float('inf'))"),
        ("Training diverged before step 15", "Go on from there with half the learning rate."),
    ),
    "memory": (
        # four terabytes, asked of the real allocator
        AT_STEP_15.format(what="torch.empty(10**12)"),
        ("There was not enough memory for a step.", "Start a new run with a smaller batch or width."),
    ),
    "disk": (
        """
import errno, os
def full(descriptor):
    raise OSError(errno.ENOSPC, "No space left on device")
os.fsync = full
""",
        ("The disk is full.", "Make room, then resume."),
    ),
}
"""What is done to a trainer before it begins, and what it has to say then."""


@pytest.fixture(scope="module")
def dataset(trained_lab):
    return trained_lab.dataset("tiny")


@pytest.fixture
def make_run(trained_lab, dataset, tmp_path):
    config = trained_lab.configure(dataset, "framegan", [*TINY, "log_every=5"])
    return lambda name, root=tmp_path: Run.create(root, config, name)


def work_in_a_process(run: Run, dataset, steps: int, prelude: str) -> None:
    """A trainer of its own in which something was changed beforehand."""
    text = f"{prelude}\nfrom audiogan import worker\nworker.main()"
    command = [sys.executable, "-c", text, run.folder, dataset.folder, "--device", "cpu"]
    command += ["--limit", f'{{"steps": {steps}}}']
    subprocess.run(command, env=worker.environment(), capture_output=True, timeout=PATIENCE_SECONDS, check=True)


def assert_same_weights(run: Run, other: Run) -> None:
    (ours, progress), (theirs, expected) = run.load_resume(), other.load_resume()
    assert progress["step"] == expected["step"]
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_is_a_sentence_and_the_last_save_goes_on_as_if_nothing_had_been(make_run, dataset, kind):
    run, undisturbed = make_run("run"), make_run("undisturbed")
    worker.work(run, dataset.folder, Limit(steps=10), "cpu")
    kept = {item.step for item in run.snapshots()}
    prelude, (what, to_do) = FAILURES[kind]
    work_in_a_process(run, dataset, 20, prelude)
    assert run.status.state == "failed"
    assert run.status.message.startswith(what)
    assert run.status.message.endswith(f"What was saved before is kept. {to_do}")
    assert run.status.diverged == (kind == "divergence")
    assert run.place is None
    assert run.load_resume()[1]["step"] == 10
    assert {item.step for item in run.snapshots()} == kept
    assert not [*run.folder.rglob("*.partial")]
    for each in (run, undisturbed):
        worker.work(each, dataset.folder, Limit(steps=20), "cpu")
    assert (run.status.state, run.status.message, run.status.diverged) == ("finished", "", False)
    assert run.metrics()["step"] == [5, 10, 15, 20]
    assert_same_weights(run, undisturbed)


# real disks


@pytest.fixture
def small_disk(tmp_path):
    """A disk of six megabytes, where this user may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount, "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder]
    if not mount or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk; the same failure is made by hand above")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder, but_bytes: int) -> None:
    """Leave so much free space."""
    with open(folder / "ballast", "wb") as file:
        file.write(bytes(shutil.disk_usage(folder).free - but_bytes))


def test_a_disk_that_is_full_to_the_last_byte_loses_nothing(make_run, dataset, small_disk, monkeypatch):
    run = make_run("run", small_disk)
    assert worker.work(run, dataset.folder, Limit(steps=10), "cpu").state == "finished"
    fill(small_disk, but_bytes=40_960)
    work_in_a_process(run, dataset, 20, "")
    assert (run.status.state, run.load_resume()[1]["step"]) == ("failed", 10)
    assert run.status.message == "The disk is full. What was saved before is kept. Make room, then resume."
    # not even a status can be written now
    (small_disk / "ballast").unlink()
    fill(small_disk, but_bytes=0)
    with pytest.raises(RunError, match="The disk is full"):
        worker.start(run, dataset.folder, Limit(steps=20), "cpu")
    assert run.load_resume()[1]["step"] == 10
    (small_disk / "ballast").unlink()
    run.write_status(replace(run.status, state="running"))
    fill(small_disk, but_bytes=0)
    monkeypatch.setattr(runs, "STALE_SECONDS", 0)
    assert run.status.message == "The disk is full: make room, then resume. It goes on from the last save."
    (small_disk / "ballast").unlink()
    assert worker.work(run, dataset.folder, Limit(steps=20), "cpu").state == "finished"


@pytest.fixture
def forbid_writing():
    """Makes a folder read-only, for root too where it may mount; undone in the end."""
    undo = []

    def forbid(folder) -> None:
        folder.chmod(0o555)
        undo.append(lambda: folder.chmod(0o755))
        if os.access(folder, os.W_OK):
            for words in (["--bind", folder, folder], ["-o", "remount,ro,bind", folder]):
                if subprocess.run(["mount", *words], capture_output=True).returncode:
                    pytest.skip("root may write everywhere, and may not mount here")
            undo.append(lambda: subprocess.run(["umount", folder], check=True))

    def allow() -> None:
        while undo:
            undo.pop()()

    forbid.allow = allow
    yield forbid
    allow()


def test_a_folder_that_becomes_read_only_keeps_the_last_save(make_run, dataset, trainers, forbid_writing, monkeypatch):
    run = make_run("run")
    worker.work(run, dataset.folder, Limit(steps=10), "cpu")
    worker.start(run, dataset.folder, Limit(steps=10**6), "cpu")
    wait_for(run, lambda status: status.state == "running" and status.step > 10)
    forbid_writing(run.folder)
    assert trainers[0].wait(PATIENCE_SECONDS) == 0
    monkeypatch.setattr(runs, "STALE_SECONDS", 0)
    told = f"The run folder '{run.folder}' cannot be written: allow writing there, then resume."
    assert (run.status.state, run.status.message) == ("interrupted", told)
    with pytest.raises(RunError, match=r"The run folder cannot be written .* Allow writing there, then resume"):
        worker.start(run, dataset.folder, Limit(steps=20), "cpu")
    forbid_writing.allow()
    assert "Resume goes on from the last save" in run.status.message
    assert run.load_resume()[1]["step"] == 10
    monkeypatch.undo()
    assert worker.work(run, dataset.folder, Limit(steps=run.status.step + 5), "cpu").state == "finished"


def test_a_data_set_that_is_removed_under_a_training_ends_nothing(make_run, dataset, trainers, tmp_path):
    run, folder = make_run("run"), tmp_path / "data" / "tiny"
    shutil.copytree(dataset.folder, folder)
    worker.start(run, folder, Limit(steps=10**6), "cpu")
    wait_for(run, lambda status: status.step > 0)
    shutil.rmtree(folder)
    reached = run.status.step
    wait_for(run, lambda status: status.step > reached)
    run.request("pause")
    wait_for(run, lambda status: status.state == "paused")
    assert run.load_resume()[1]["step"] == run.status.step
    assert worker.work(run, folder, Limit(steps=10**6), "cpu").message.startswith(
        "The data set 'tiny' cannot be read: There is no data set 'tiny'"
    )
    assert run.load_resume()[1]["step"] > reached


def test_train_200_is_train_100_a_sudden_death_and_resume_to_200_bit_for_bit(make_run, dataset, trainers):
    killed, undisturbed = make_run("killed"), make_run("undisturbed")
    worker.work(killed, dataset.folder, Limit(steps=100), "cpu")
    worker.start(killed, dataset.folder, Limit(steps=10**6), "cpu")
    wait_for(killed, lambda status: status.step > 110)
    trainers[0].send_signal(signal.SIGKILL)
    trainers[0].wait()
    assert killed.metrics()["step"][-1] > 100
    for run in (killed, undisturbed):
        worker.work(run, dataset.folder, Limit(steps=200), "cpu")
    assert_same_weights(killed, undisturbed)
    rows, expected = killed.metrics(), undisturbed.metrics()
    assert rows["step"] == list(range(5, 205, 5))
    assert rows | {"seconds": None} == expected | {"seconds": None}
    assert killed.epochs() == undisturbed.epochs()


# going on otherwise


@pytest.fixture
def own_lab(trained_lab, tmp_path, monkeypatch) -> Lab:
    """A laboratory of this test with another's data set."""
    lab = Lab(tmp_path / "home")
    monkeypatch.setattr(lab, "dataset", trained_lab.dataset)
    return lab


@pytest.fixture
def saved(own_lab, dataset) -> Run:
    """A run whose best sounds were those of step 10, and which was saved again at step 20."""
    config = own_lab.configure(dataset, "framegan", [*TINY, "log_every=5", "rate_g=0.002", "rate_d=0.001"])
    run = own_lab.create_run(config, "run")
    own_lab.train(run, Limit(steps=10), "cpu")
    run.keep_save_as_best()
    own_lab.train(run, Limit(steps=20), "cpu")
    run.append_score(10, 1.0, runs.Score(0.1, 0.0, 1.0, 1.0, 0.0))
    run.append_score(20, 2.0, runs.Score(0.3, 0.0, 1.0, 1.0, 0.0))
    return run


def test_a_branch_begins_at_the_best_save_with_other_rates_and_the_first_run_stays(own_lab, saved):
    assert saved.saved_steps() == [10, 20]
    before = {path: path.read_bytes() for path in saved.folder.rglob("*") if path.is_file()}
    other = own_lab.branch(saved, rate_scale=0.5)
    assert {path: path.read_bytes() for path in saved.folder.rglob("*") if path.is_file()} == before
    assert other.name == "run-from-10"
    assert (other.config.settings.rate_g, other.config.settings.rate_d) == (0.001, 0.0005)
    assert other.config.origin == "run, step 10, learning rates times 0.5"
    assert ([item.step for item in other.snapshots()], other.best_step) == ([0, 10], 10)
    assert (other.metrics()["step"], other.scores()["step"], len(other.epochs()[0]["D LOSS"])) == ([5, 10], [10], 3)
    assert (other.status.state, other.status.step, other.saved_steps()) == ("new", 10, [10])
    assert own_lab.train(other, Limit(steps=15), "cpu").step == 15
    assert own_lab.branch(saved, rate_scale=0.5).name == "run-from-10-2"


def test_a_branch_at_the_same_rates_is_the_same_training(own_lab, saved):
    other = own_lab.branch(saved, 10, name="again")
    own_lab.train(other, Limit(steps=20), "cpu")
    assert_same_weights(other, saved)


def test_a_branch_that_makes_no_sense_is_a_sentence(own_lab, saved):
    with pytest.raises(RunError, match=r"The run 'run' has no save of step 15 to go on from\. There is 10, 20\."):
        own_lab.branch(saved, 15)
    with pytest.raises(SettingError, match="rate_g"):
        own_lab.branch(saved, 10, rate_scale=1e6)
    saved.write_status(replace(saved.status, state="running"))
    with pytest.raises(RunError, match="The run 'run' is being trained: stop it first"):
        own_lab.branch(saved)
    assert [run.name for run in own_lab.runs() if run.name != "starter"] == ["run"]


def test_a_best_save_outlives_the_next_one(saved):
    best, last = (saved.folder / name for name in ("resume-best.safetensors", "resume.safetensors"))
    assert best.read_bytes() != last.read_bytes()
    saved.keep_save_as_best()
    saved.keep_save_as_best()
    assert best.read_bytes() == last.read_bytes()
    assert saved.saved_steps() == [20]
    # a save is replaced, never written into
    last.unlink()
    last.write_bytes(b"nonsense")
    assert saved.saved_steps() == [20]
    assert not [*saved.folder.glob("*.partial")]
