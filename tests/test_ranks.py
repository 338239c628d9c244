"""Several processes train one model: as one would at their batches' sum, one writes, and all of them leave together."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from audiogan import devices, ranks
from audiogan.runs import Onlooker, Run, RunError, Status
from tests import as_ranks
from tests.conftest import TINY

REPOSITORY = Path(__file__).parent.parent
PATIENCE_SECONDS = 180
"""How long processes may take to meet on a machine that is busy with other things."""

ABORTED = "terminate called without an active exception"
"""On a busy machine torch's own threads end a process with these words once in some thirty times; where they do is not
known yet. What they were doing is printed then, as a warning."""


def run_processes(count: int, *words) -> subprocess.Popen:
    """torchrun with that many processes on the processor."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([*command, *map(str, words)], env=environment, **pipes)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[int, Path]:
    """Folders with the same runs, trained by one process and by two."""

    def train_with(count: int) -> tuple[Path, int, str]:
        folder = tmp_path_factory.mktemp(f"by-{count}")
        process = run_processes(count, "-m", "tests.as_ranks", folder)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        return folder, process.returncode, said

    folders = {}
    for count in (1, 2):
        folders[count], code, said = train_with(count)
        if code and ABORTED in said:
            warnings.warn(f"a rank was aborted, and trained again:\n{said}", stacklevel=1)
            folders[count], code, said = train_with(count)
        assert code == 0, said
    return folders


# two at batch B are one at 2 B


@pytest.mark.parametrize("name", as_ranks.RUNS)
def test_two_processes_train_like_one_at_twice_the_batch(trained, name):
    one, two = (Run(trained[count] / name).load_resume()[0] for count in (1, 2))
    assert set(one) == set(two)
    for key, tensor in one.items():
        assert_close(two[key], tensor, rtol=0, atol=1e-9, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("name", as_ranks.RUNS)
def test_what_is_charted_is_of_the_clips_of_both(trained, name):
    one, two = (Run(trained[count] / name) for count in (1, 2))
    assert two.metrics()["step"] == two.scores()["step"] == [5, 10]
    for column in ("loss_d", "loss_g", "belief_real", "belief_fake"):
        assert two.metrics()[column] == pytest.approx(one.metrics()[column], abs=1e-8)
    # 24 clips, eight a critic step
    assert len(two.epochs()[0]["D LOSS"]) == len(one.epochs()[0]["D LOSS"]) >= 3


def test_two_processes_go_on_from_a_save_as_if_they_had_not_stopped(trained):
    straight, paused = (Run(trained[2] / name).load_resume()[0] for name in ("framegan", "paused"))
    for key, tensor in straight.items():
        assert torch.equal(paused[key], tensor), key


def test_where_the_first_process_refuses_the_others_leave_without_a_word(trained):
    assert "already a run named 'paused'" in (trained[2] / "rank-0-leaves").read_text()
    assert (trained[2] / "rank-1-leaves").read_text() == "1"


# from the command line


@pytest.fixture(scope="module")
def home(tmp_path_factory, trained_lab):
    """A home of its own with the data set 'tiny'."""
    home = tmp_path_factory.mktemp("home")
    (home / "datasets").symlink_to(trained_lab.datasets_folder, target_is_directory=True)
    return home


def train_for_long(home: Path, *words) -> tuple[subprocess.Popen, Run]:
    """Two processes on the run 'first' that have made a step."""
    run, deadline = Run(home / "checkpoints" / "first"), time.monotonic() + PATIENCE_SECONDS
    before = run.status.step
    # after a bare --, torchrun leaves our --run alone, which it would read as the beginning of its own --run-path
    words = ("-m", "--", "audiogan", "--home", home, *words, "--minutes", 10, "--device", "cpu")
    process = run_processes(2, *words)
    while run.status.step == before:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, "the processes did not begin"
        time.sleep(0.1)
    return process, run


def children_of(process: subprocess.Popen) -> list[int]:
    """Their process numbers, in the order in which they began."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    return sorted(map(int, found.stdout.split()))


def test_asked_to_stop_both_leave_after_the_same_step_and_one_that_dies_ends_the_training(home):
    settings = [word for assignment in TINY for word in ("--set", assignment)]
    process, run = train_for_long(home, "train", "tiny", "--run", "first", *settings)
    run.request("stop")
    said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, said
    assert (run.status.state, run.status.device.split(";")[1]) == ("stopped", " 2 ranks")
    step = run.status.step
    assert (run.snapshots()[-1].step, run.metrics()["step"][-1]) == (step, step)
    # one of them speaks
    assert said.count("stopped after") == said.count("Run 'first' in") == 1

    process, run = train_for_long(home, "resume", "first")
    assert run.status.step > step
    _, second = children_of(process)
    os.kill(second, signal.SIGKILL)
    said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode != 0
    assert run.status.state == "failed"
    assert run.status.message.startswith("Another process of this training ended: torchrun's output says why.")
    assert run.status.message in said


# alone, and by hand


def test_alone_everything_is_as_it_is():
    ranks.join()
    x = torch.arange(6.0)
    ranks.average([x])
    ranks.equalise([x])
    assert x.tolist() == [0, 1, 2, 3, 4, 5]
    assert ranks.gather(x) is x
    assert (ranks.RANK, ranks.COUNT, ranks.here()) == (0, 1, (0, 1))
    assert (ranks.part(7), ranks.largest(0.3), ranks.agree(3)) == (7, 0.3, True)
    assert ranks.strongest("pause", (None, "pause", "stop")) == "pause"
    assert ranks.from_first(lambda: {"steps": 3}) == {"steps": 3}


@pytest.fixture
def third_of_four(monkeypatch):
    """As if this process were the third of four, the second one on its machine."""
    monkeypatch.setattr(ranks, "RANK", 2)
    monkeypatch.setattr(ranks, "COUNT", 4)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")


def test_each_rank_has_its_own_rows_of_what_is_drawn_for_all(third_of_four):
    assert ranks.rows(torch.arange, 3).tolist() == [6, 7, 8]
    # the fifth batch of the four together are the batches 20 to 23
    assert ranks.part(5) == 22


def test_processes_of_one_machine_share_its_cores(third_of_four, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 9)
    threads = torch.get_num_threads()
    try:
        devices.use_threads(0)
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(threads)


def test_each_process_takes_the_cuda_device_of_its_number(third_of_four, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.pick_device() == torch.device("cuda:1")
    assert devices.pick_device("cuda:0") == torch.device("cuda:0")
    assert devices.pick_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(RunError, match="torchrun started 2 processes on a machine with 1 CUDA devices"):
        devices.pick_device("cuda")


def test_an_onlooker_leaves_all_that_writes():
    verbs = ("append_", "clear_", "cut_", "keep_", "save_", "write_")
    writing = {name for name in vars(Run) if name.startswith(verbs)}
    assert {"append_score", "cut_back", "save_snapshot", "save_class_shares"} <= writing
    assert writing <= set(vars(Onlooker))


def test_an_onlooker_reads_and_writes_nothing(new_run):
    run = new_run("first")
    before = sorted(run.folder.rglob("*"))
    onlooker = Onlooker(run.folder)
    onlooker.write_status(Status("running"))
    onlooker.request("stop")
    onlooker.append_metrics([(1,) * 6])
    onlooker.append_epoch((1, 1), (1, 1))
    onlooker.cut_back(0, 0)
    onlooker.save_snapshot(0, {"a": torch.zeros(1)}, [b""])
    onlooker.save_resume({"a": torch.zeros(1)}, {})
    assert sorted(run.folder.rglob("*")) == before
    run.write_status(Status("running", step=3))
    run.request("pause")
    onlooker.clear_request()
    assert (onlooker.status.step, onlooker.requested(), onlooker.config) == (3, "pause", run.config)
