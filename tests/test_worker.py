"""Trainers as real processes: started, stopped, killed, and started again."""

import errno
import json
import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest
import torch
from filelock import FileLock

from audiogan import plots, runs, training, worker
from audiogan.config import Limit
from audiogan.datasets import open_dataset
from audiogan.runs import Run, RunError, Status
from tests.conftest import TINY, tiny_config

PATIENCE_SECONDS = 120
"""How long a trainer may take to start on a machine that is busy with other things."""


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


@pytest.fixture
def trainers(monkeypatch):
    """The processes that a test starts, none of which outlives it."""
    started, popen = [], subprocess.Popen
    monkeypatch.setattr(worker.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    yield started
    for process in started:
        process.kill()
        process.wait()


def wait_for(run: Run, reached) -> list[str]:
    """The states a run went through until `reached(status)`."""
    states, deadline = [], time.monotonic() + PATIENCE_SECONDS
    while True:
        status = run.status
        if not states or status.state != states[-1]:
            states.append(status.state)
        if reached(status):
            return states
        assert time.monotonic() < deadline, f"{status}\n{run.log_path.read_text()}"
        time.sleep(0.02)


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
    assert status.epoch == pytest.approx(status.step * 8 / 24)
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
        (training.Diverged("Training diverged."), "Training diverged. What was saved before is kept. Start a new"),
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


# what it would cost


def test_a_training_that_cannot_fit_says_how_much_it_needs_and_what_to_lower(monkeypatch):
    # 10 s at 48 kHz, T = 480,000: generator 785,152 + 1,025 T, discriminator 1,024 T + 657,409 parameters;
    # 20 bytes each of the first and 16 of the second are 17,730,541,584, and 24 clips of 4 T bytes 46,080,000
    config = tiny_config("width=256", "latent_size=500", preset="mlp", rate=48_000, clip_samples=480_000)
    needed = 20 * 492_785_152 + 16 * 492_177_409 + 46_080_000
    assert needed == 17_776_621_584
    monkeypatch.setattr(worker, "device_memory_bytes", lambda device: needed - 1)
    with pytest.raises(RunError) as refused:
        worker.check_memory(config, 24, "cpu")
    assert str(refused.value) == (
        "This training needs at least 17.8 GB of memory and this machine has 17.8 GB in all: "
        "lower width, or prepare the sounds as shorter clips or at a lower rate."
    )
    for enough in (needed, None):
        monkeypatch.setattr(worker, "device_memory_bytes", lambda device, enough=enough: enough)
        worker.check_memory(config, 24, "cpu")


def test_the_memory_of_a_machine_is_pages_times_their_size_where_it_is_known(monkeypatch):
    monkeypatch.setattr(worker, "group_limits", list)
    pages = {"SC_PAGE_SIZE": 4_096, "SC_PHYS_PAGES": 250_000}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)
    assert worker.device_memory_bytes(torch.device("cpu")) == 1_024_000_000
    monkeypatch.setattr(os, "sysconf", lambda name: -1)  # POSIX's word for "not known"
    assert worker.device_memory_bytes(torch.device("cpu")) is None
    monkeypatch.delattr(os, "sysconf")  # Windows
    assert worker.device_memory_bytes(torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("groups", "files", "limits"),
    [
        # version 2: a group inside another, and a container that sees itself at the root
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "300\n", "memory.max": "500\n"}, [300, 500]),
        ("0::/\n", {"memory.max": "2147483648\n"}, [2_147_483_648]),
        ("0::/not/seen/here\n", {"memory.max": "400\n"}, [400]),
        # version 1, beside others, and a group whose neighbour has a lower limit
        (
            "8:pids:/x\n4:memory:/x/y\n0::/\n",
            {"memory/x/y/memory.limit_in_bytes": "700\n", "memory/x/z/memory.limit_in_bytes": "1\n"},
            [700],
        ),
        ("4:memory:/host/name\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, [9223372036854771712]),
        ("0::/\n", {}, []),
        (None, {"memory.max": "1\n"}, []),
    ],
)
def test_the_limits_of_a_container_are_read(tmp_path, groups, files, limits):
    if groups is not None:
        (tmp_path / "cgroup").write_text(groups)
    for name, text in files.items():
        (tmp_path / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / name).write_text(text)
    assert worker.group_limits(tmp_path / "cgroup", tmp_path / "sys") == limits


def test_a_container_s_limit_counts_where_it_is_lower(monkeypatch):
    pages = {"SC_PAGE_SIZE": 4_096, "SC_PHYS_PAGES": 250_000}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)
    for limits, memory_bytes in (
        ([500_000_000, 2_000_000_000], 500_000_000),
        ([9223372036854771712], 1_024_000_000),
        ([], 1_024_000_000),
    ):
        monkeypatch.setattr(worker, "group_limits", lambda limits=limits: limits)
        assert worker.device_memory_bytes(torch.device("cpu")) == memory_bytes


def test_a_probe_measures_pace_memory_and_size_in_a_process_of_its_own(make_run, dataset):
    config = make_run("measured").config
    measured = worker.probe(config, dataset.folder, "cpu")
    game = training.Game(config, training.make_transform(config), torch.device("cpu"))
    assert measured["generator_parameters"] == sum(p.numel() for p in game.generator.parameters())
    assert measured["discriminator_parameters"] == sum(p.numel() for p in game.discriminator.parameters())
    assert 0.1 < measured["steps_per_second"] < 10_000
    assert training.Schedule.FIRST_PREVIEW_SECONDS < measured["first_sound_seconds"] < PATIENCE_SECONDS
    assert 50e6 < measured["memory_bytes"] < 4e9
    assert measured["device"] == worker.describe_device("cpu")


def test_a_probe_measures_one_step_with_all_its_critic_steps(make_run, dataset, monkeypatch):
    config = make_run("critics", "critic_steps=3").config
    happened = []
    critic, maker = training.Game.discriminator_step, training.Game.generator_step
    monkeypatch.setattr(training.Game, "discriminator_step", lambda *a: happened.append("D") or critic(*a))
    monkeypatch.setattr(training.Game, "generator_step", lambda *a: happened.append("G") or maker(*a))
    monkeypatch.setattr(worker, "PROBE_SECONDS", 0.05)
    measured = worker._measure(config, open_dataset(dataset.folder).folder, "cpu")
    assert measured["steps_per_second"] > 0
    assert happened[:4] == ["D", "D", "D", "G"]
    assert happened.count("D") == 3 * happened.count("G")


def test_a_probe_that_cannot_run_is_one_sentence(make_run, dataset, monkeypatch):
    config = make_run("cannot").config

    def answer(output: str, code: int):
        return lambda *a, **k: subprocess.CompletedProcess(a, code, output, "a traceback")

    monkeypatch.setattr(worker.subprocess, "run", answer("", 1))
    with pytest.raises(RunError, match="The probe could not run one step: choose a smaller batch or width"):
        worker.probe(config, dataset.folder, "cpu")
    monkeypatch.setattr(worker.subprocess, "run", answer(json.dumps({"error": "Plain words."}), 0))
    with pytest.raises(RunError, match=r"^Plain words\.$"):
        worker.probe(config, dataset.folder, "cpu")
