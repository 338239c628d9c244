"""What a run folder holds, read while it is written, after its trainer died, and when it is damaged."""

import json
import os
import time
from dataclasses import replace

import pytest
import torch

from audiogan import runs
from audiogan.runs import METRICS, RunError, Score, Status, list_runs
from tests.conftest import tiny_config

ROWS = [(10, 1.5, 0.7, 0.6, 0.55, 0.45), (20, 3.0, 0.65, 0.9, 0.6, 0.4)]


def age_heartbeat(run, seconds: float) -> None:
    """Make the last status that much older."""
    path = run.folder / "status.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"heartbeat": values["heartbeat"] - seconds}))


def names(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# the folder


def test_a_new_run_holds_its_configuration_and_nothing_else(new_run, tmp_path):
    run = new_run("first", "batch=4", seed=3)
    assert names(tmp_path) == {"first", "first/config.json", "first/snapshots", "first/previews"}
    assert (run.name, run.config.seed, run.config.settings.batch) == ("first", 3, 4)
    assert run.status == Status()
    assert not run.status.is_active


def test_a_run_without_a_name_is_named_by_time_data_set_and_preset(tmp_path):
    config = tiny_config(created="2026-11-21T07:32:05+00:00")
    assert runs.Run.create(tmp_path, config).name == "20261121-073205-tiny-framegan"


def test_a_name_that_exists_is_refused_and_the_old_run_kept(new_run, tmp_path):
    new_run("first", seed=1)
    with pytest.raises(RunError, match="There is already a run named 'first': choose another name, or resume"):
        new_run("first", seed=2)
    assert runs.Run(tmp_path / "first").config.seed == 1
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_a_run_that_cannot_be_written_leaves_nothing_behind(new_run, tmp_path, monkeypatch):
    def full_disk(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full_disk)
    with pytest.raises(OSError, match="No space left"):
        new_run("first")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"settings": {"batch": 1e9}}', '{"settings": {"colour": 1}}'])
def test_a_damaged_configuration_is_a_sentence_and_no_list_stumbles_over_it(new_run, tmp_path, text):
    run, whole = new_run("broken"), new_run("whole")
    (run.folder / "config.json").write_text(text)
    with pytest.raises(RunError, match=r"The run 'broken' has a damaged config\.json"):
        _ = runs.Run(run.folder).config
    (tmp_path / "not a run").mkdir()
    assert [item.name for item in list_runs(tmp_path)] == [whole.name]


def test_a_missing_run_is_a_sentence(tmp_path):
    with pytest.raises(RunError, match="There is no run 'nowhere'"):
        _ = runs.Run(tmp_path / "nowhere").config


def test_runs_are_listed_newest_first(new_run, tmp_path):
    new_run("b", created="2026-01-02T00:00:00+00:00")
    new_run("c", created="2026-01-01T00:00:00+00:00")
    new_run("a", created="2026-01-03T00:00:00+00:00")
    assert [run.name for run in list_runs(tmp_path)] == ["a", "b", "c"]
    assert list_runs(tmp_path / "nowhere") == []


# what the trainer says of itself


def test_a_status_comes_back_with_the_time_it_was_written(new_run):
    run = new_run("first")
    status = Status(state="running", step=12, epoch=1.5, limit={"steps": 40}, message="Größe")
    before = time.time()
    run.write_status(status)
    assert before <= run.status.heartbeat <= time.time()
    assert replace(run.status, heartbeat=0.0) == status


@pytest.mark.parametrize("state", ["starting", "running"])
def test_a_trainer_that_fell_silent_is_taken_for_dead(new_run, state):
    run = new_run("first")
    run.write_status(Status(state=state, step=12))
    assert run.status.is_active
    age_heartbeat(run, runs.STALE_SECONDS - 5)
    assert run.status.state == state
    age_heartbeat(run, 10)
    assert (run.status.state, run.status.step, run.status.is_active) == ("interrupted", 12, False)
    assert "Resume goes on from the last save" in run.status.message


@pytest.mark.parametrize("state", ["paused", "stopped", "finished", "failed"])
def test_a_trainer_that_left_may_be_silent_for_ever(new_run, state):
    run = new_run("first")
    run.write_status(Status(state=state))
    age_heartbeat(run, 1e6)
    assert (run.status.state, run.status.is_active) == (state, False)


def test_a_status_from_a_newer_version_or_half_of_one_can_be_read(new_run):
    run = new_run("first")
    (run.folder / "status.json").write_text('{"state": "finished", "step": 7, "mood": "good"}')
    assert (run.status.state, run.status.step) == ("finished", 7)
    (run.folder / "status.json").write_text('{"state": "fini')
    assert run.status == Status()


def test_a_request_is_heard_until_it_is_cleared(new_run):
    run = new_run("first")
    assert run.requested() is None
    run.request("pause")
    assert run.requested() == "pause"
    run.clear_request()
    run.clear_request()
    assert run.requested() is None
    # an empty file, as a person may leave one by hand
    (run.folder / "stop").touch()
    assert run.requested() == "stop"


# numbers


def test_metrics_come_back_by_column(new_run):
    run = new_run("first")
    assert run.metrics() == {name: [] for name in METRICS}
    run.append_metrics(ROWS[:1])
    run.append_metrics(ROWS[1:])
    assert list(zip(*run.metrics().values(), strict=True)) == ROWS
    assert (run.folder / "metrics.csv").read_text().splitlines()[0] == ",".join(METRICS)


@pytest.mark.parametrize("unfinished", ["3", "30,4.5", "30,4.5,0.6,0.7,0.5,0.4"])
def test_a_line_that_is_still_being_written_is_left_out(new_run, unfinished):
    run = new_run("first")
    run.append_metrics(ROWS)
    with open(run.folder / "metrics.csv", "a") as file:
        file.write(unfinished)
    assert list(zip(*run.metrics().values(), strict=True)) == ROWS


def test_epochs_are_left_behind_as_the_published_systems_did(new_run):
    run = new_run("first")
    run.append_epoch((0.7, 1.25), (0.6, 0.35))
    run.append_epoch((0.5, 1.5), (0.55, 0.4))
    assert (run.folder / "losses.csv").read_text() == "D LOSS,G LOSS\n0.7,1.25\n0.5,1.5\n"
    assert (run.folder / "probs.csv").read_text() == "REAL PROB,FAKE PROB\n0.6,0.35\n0.55,0.4\n"
    losses, beliefs = run.epochs()
    assert losses == {"D LOSS": [0.7, 0.5], "G LOSS": [1.25, 1.5]}
    assert beliefs == {"REAL PROB": [0.6, 0.55], "FAKE PROB": [0.35, 0.4]}


def test_going_back_forgets_what_came_after_and_an_unfinished_line(new_run):
    run = new_run("first")
    run.append_metrics([(step, float(step), 1, 2, 3, 4) for step in (10, 20, 30)])
    for epoch in range(3):
        run.append_epoch((epoch, 0.0), (0.0, epoch))
    with open(run.folder / "metrics.csv", "a") as file:
        file.write("40,4")
    run.cut_back(20, 2)
    run.append_metrics([(25, 25.0, 1, 2, 3, 4)])
    assert run.metrics()["step"] == [10, 20, 25]
    losses, beliefs = run.epochs()
    assert losses["D LOSS"] == beliefs["FAKE PROB"] == [0, 1]


def test_going_back_to_the_beginning_leaves_no_rows(new_run):
    run = new_run("first")
    run.append_metrics(ROWS)
    run.append_epoch((1, 2), (3, 4))
    run.cut_back(0, 0)
    assert run.metrics()["step"] == []
    assert run.epochs()[0]["D LOSS"] == []


# sounds and weights


def save_snapshots(run, steps) -> None:
    for step in steps:
        run.save_snapshot(step, {"generator.weight": torch.tensor([float(step)])}, [b"first", b"second"])


def test_a_snapshot_is_listed_with_its_previews(new_run):
    run = new_run("first")
    save_snapshots(run, [0, 250])
    assert [item.step for item in run.snapshots()] == [0, 250]
    assert run.snapshot().step == 250
    oldest = run.snapshot(0)
    assert oldest.path.name == "step-00000000.safetensors"
    assert [path.name for path in oldest.previews] == ["step-00000000-0.wav", "step-00000000-1.wav"]
    assert [path.read_bytes() for path in oldest.previews] == [b"first", b"second"]


def test_snapshots_are_thinned_to_the_newest_four_and_the_first_of_each_doubling(new_run):
    run = new_run("first")
    save_snapshots(run, range(0, 110, 10))
    # 0, 10 (of 8 to 15), 20 (of 16 to 31), 40 (of 32 to 63), 70 (of 64 to 127), and the newest four
    assert [item.step for item in run.snapshots()] == [0, 10, 20, 40, 70, 80, 90, 100]
    save_snapshots(run, [110, 120, 130])
    assert [item.step for item in run.snapshots()] == [0, 10, 20, 40, 70, 100, 110, 120, 130]
    # no preview stays without its weights
    kept = {f"step-{step:08d}-{index}.wav" for step in (0, 10, 20, 40, 70, 100, 110, 120, 130) for index in (0, 1)}
    assert {path.name for path in (run.folder / "previews").iterdir()} == kept


def test_a_snapshot_that_is_not_there_is_a_sentence(new_run):
    run = new_run("first")
    with pytest.raises(RunError, match="The run 'first' has no sound yet: let it train for a few seconds first"):
        run.snapshot()
    save_snapshots(run, [0])
    with pytest.raises(RunError, match="The run 'first' kept no snapshot of step 7"):
        run.snapshot(7)


def test_a_save_holds_tensors_and_progress_in_one_file(new_run):
    run = new_run("first")
    assert run.load_resume() is None
    run.save_resume({"live.weight": torch.tensor([1.5, -2.0])}, {"step": 12, "epoch": {"sum": [0.1]}})
    tensors, progress = run.load_resume()
    assert torch.equal(tensors["live.weight"], torch.tensor([1.5, -2.0]))
    assert progress == {"step": 12, "epoch": {"sum": [0.1]}}


def test_a_damaged_save_is_a_sentence(new_run):
    run = new_run("first")
    run.save_resume({"live.weight": torch.ones(50)}, {"step": 12})
    path = run.folder / "resume.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match=r"The run 'first' cannot be resumed: resume\.safetensors is not a whole"):
        run.load_resume()


def test_nothing_half_written_stays_when_the_disk_is_full(new_run, monkeypatch):
    run = new_run("first")
    run.write_status(Status(state="running", step=1))

    def full_disk(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        run.write_status(Status(state="running", step=2))
    assert run.status.step == 1
    assert not list(run.folder.glob("*.partial"))


def test_disk_bytes_counts_every_file(new_run):
    run = new_run("first")
    before = run.disk_bytes()
    (run.folder / "previews" / "a.wav").write_bytes(bytes(1_000))
    (run.folder / "log.txt").write_bytes(bytes(20))
    assert run.disk_bytes() == before + 1_020


def test_disk_bytes_passes_over_what_a_trainer_removes_meanwhile(new_run):
    run = new_run("first")
    before = run.disk_bytes()
    # listed, and gone when it is looked at
    (run.folder / "previews" / "a.wav").symlink_to(run.folder / "gone")
    assert run.disk_bytes() == before


# scores

GOOD = Score(distance=4.0, floor=0.5, nearest_ratio=1.1, diversity=0.9, silent=0.0)


def scored(run, *rows: tuple[int, float, float]):
    """The run with snapshots of these (step, distance, nearest_ratio), one a minute."""
    for minute, (step, distance, ratio) in enumerate(rows, 1):
        run.save_snapshot(step, {"w": torch.zeros(1)}, [])
        run.append_score(step, 60.0 * minute, replace(GOOD, distance=distance, nearest_ratio=ratio))
    return run


def test_the_best_snapshot_is_the_nearest_to_real_that_does_not_copy(new_run):
    run = new_run("scored")
    assert run.best_step is None
    assert run.minutes_since_best() == 0
    scored(run, (10, 5.0, 1.0), (20, 3.0, 0.9), (30, 1.0, 0.69), (40, 3.5, 1.2))
    assert run.best_step == 20
    assert run.snapshot().step == 20
    assert run.minutes_since_best() == 2


def test_where_all_snapshots_copy_the_best_is_the_one_that_copies_least(new_run):
    run = new_run("scored")
    assert scored(run, (10, 5.0, 0.5), (20, 3.0, 0.6), (30, 1.0, 0.1)).best_step == 20


def test_the_best_snapshot_is_never_thinned_away(new_run):
    run = new_run("scored")
    scored(run, (65, 1.0, 1.0), *((step, 9.0, 1.0) for step in range(70, 128, 5)))
    assert [snapshot.step for snapshot in run.snapshots()] == [65, 110, 115, 120, 125]


def test_without_scores_the_newest_snapshot_is_played(new_run):
    run = new_run("scored")
    for step in (1, 2):
        run.save_snapshot(step, {"w": torch.zeros(1)}, [])
    assert run.snapshot().step == 2


def test_scores_after_the_last_save_are_forgotten_with_the_other_rows(new_run):
    run = new_run("scored")
    scored(run, (10, 5.0, 1.0), (20, 3.0, 1.0))
    run.cut_back(15, 0)
    assert run.scores()["step"] == [10]
    assert run.best_step == 10
