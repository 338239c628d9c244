"""Runs as TensorBoard's own reader finds them."""

import io
import shutil

import numpy as np
import pytest
import torch

from audiogan import audio, tracking
from audiogan.runs import Run, Score, Status
from audiogan.tracking import Mirror, spectrogram
from tests.conftest import RATE, sine
from tests.test_cli import run_command
from tests.test_house import forbid, run_python


@pytest.fixture
def accumulated():
    """Makes what TensorBoard knows of a folder: accumulated(folder).Scalars(...)."""
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def read(folder):
        return event_accumulator.EventAccumulator(str(folder), size_guidance={"audio": 0, "images": 0}).Reload()

    return read


@pytest.fixture
def run(new_run) -> Run:
    """A run of two rows, one score and a snapshot with two sounds, made by hand."""
    run = new_run("first", created="2026-11-21T12:00:00+00:00")
    run.append_metrics([(5, 2.0, 0.5, 1.5, 0.75, 0.25), (10, 4.0, 0.25, 2.5, 0.5, 0.5)])
    sounds = [audio.encode_wav(sine(hz), RATE) for hz in (440, 1_000)]
    run.save_snapshot(5, {"a": torch.zeros(1)}, sounds)
    run.append_score(5, 2.0, Score(0.3, 0.1, 0.9, 0.8, -6.0))
    return run


def test_numbers_stand_at_their_steps_and_times(run, tmp_path, accumulated):
    Mirror(run, tmp_path / "events").update()
    found = accumulated(tmp_path / "events")
    scalars = {"loss/d", "loss/g", "belief/real", "belief/fake"}
    scores = {f"score/{name}" for name in ("distance", "floor", "nearest_ratio", "diversity", "level_db")}
    assert set(found.Tags()["scalars"]) == scalars | scores
    noon = 1_795_262_400
    assert [(at.step, at.value, at.wall_time) for at in found.Scalars("loss/g")] == [
        (5, 1.5, noon + 2),
        (10, 2.5, noon + 4),
    ]
    assert [(at.step, at.value) for at in found.Scalars("belief/fake")] == [(5, 0.25), (10, 0.5)]
    assert [(at.step, at.value) for at in found.Scalars("score/level_db")] == [(5, -6.0)]


def test_sounds_can_be_heard_and_seen(run, tmp_path, accumulated):
    from PIL import Image

    Mirror(run, tmp_path / "events").update()
    found = accumulated(tmp_path / "events")
    (heard,) = found.Audio("sound/1")
    samples, rate = audio.decode(heard.encoded_audio_string)
    assert (rate, heard.step) == (RATE, 5)
    np.testing.assert_allclose(samples[:, 0], sine(1_000), atol=2 / 32_768)
    (seen,) = found.Images("spectrogram/1")
    picture = np.asarray(Image.open(io.BytesIO(seen.encoded_image_string)).convert("L"))
    # 1,000 Hz are 15 mel of the 35.2 that 4,000 Hz are
    assert picture.shape == (128, 51)
    assert picture[:, 25].argmax() == pytest.approx(128 - 128 * 15 / 35.2, abs=2)


def test_only_what_is_new_is_added(run, tmp_path, accumulated):
    mirror = Mirror(run, tmp_path / "events")
    assert mirror.update() == 4
    assert mirror.update() == 0
    run.append_metrics([(15, 6.0, 0.125, 3.5, 0.5, 0.5)])
    assert mirror.update() == 1
    assert [at.step for at in accumulated(tmp_path / "events").Scalars("loss/d")] == [5, 10, 15]


def test_a_run_that_went_back_and_a_second_mirror_show_each_step_once(run, tmp_path, accumulated):
    mirror = Mirror(run, tmp_path / "events")
    mirror.update()
    run.cut_back(5, 0)
    mirror.update()
    assert [at.step for at in accumulated(tmp_path / "events").Scalars("loss/d")] == [5]
    Mirror(run, tmp_path / "events").update()
    assert [at.step for at in accumulated(tmp_path / "events").Scalars("loss/d")] == [5]


def test_followed_until_none_is_trained(monkeypatch):
    class Counted:
        updates = 0

        def update(self) -> None:
            self.updates += 1

    states = iter(["running", "starting", "finished"])
    mirror = Counted()
    mirror.run = type("Told", (), {"status": property(lambda self: Status(next(states)))})()
    monkeypatch.setattr(tracking.time, "sleep", lambda seconds: None)
    tracking.follow([mirror], 9.0)
    assert mirror.updates == 3


def test_the_command_line_writes_all_runs_or_those_named(trained_lab, tmp_path, accumulated):
    home = tmp_path / "home"
    shutil.copytree(trained_lab.runs_folder / "first", home / "checkpoints" / "first")
    shutil.copytree(trained_lab.runs_folder / "first", home / "checkpoints" / "second")
    named = run_command("tensorboard", "second", "--to", tmp_path / "there", "--home", home)
    assert named.code == 0, named.err
    assert f"tensorboard --logdir {tmp_path / 'there'}" in named.err
    assert [folder.name for folder in (tmp_path / "there").iterdir()] == ["second"]
    assert run_command("tensorboard", "--home", home).code == 0
    assert {"first", "second"} <= {folder.name for folder in (home / "tensorboard").iterdir()}
    found = accumulated(home / "tensorboard" / "first")
    assert [at.step for at in found.Scalars("loss/d")] == trained_lab.run("first").metrics()["step"]


def test_a_spectrogram_of_silence_is_black():
    assert spectrogram(torch.zeros(800), 8_000).abs().max() == 0


def test_without_tensorboard_a_sentence_says_what_to_install(run, tmp_path):
    text = f"""
from audiogan.runs import Run
from audiogan.tracking import Mirror
from pathlib import Path
try:
    Mirror(Run(Path({str(run.folder)!r})), Path({str(tmp_path / "events")!r}))
except ValueError as error:
    print(error)
"""
    assert run_python(forbid({"tensorboard"}) + text).strip() == (
        "TensorBoard is not installed here: pip install audiogan[tensorboard]."
    )
    assert not (tmp_path / "events").exists()
