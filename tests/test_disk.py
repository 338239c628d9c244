"""What a run takes on disk: sizes counted without allocating, bounds that hold, and refusal before it is too late."""

from collections import namedtuple

import pytest
import torch

from audiogan import disk
from audiogan.config import Limit
from audiogan.presets import PRESETS
from audiogan.runs import RunError, most_snapshots
from tests.conftest import tiny_config, train_here

HEADER_BYTES = 160
"""More than a tensor's name, shape and place take in the header of its file."""


@pytest.mark.parametrize(("steps", "most"), [(0, 6), (1, 7), (100, 13), (1_000_000, 26)])
def test_the_number_of_snapshots_grows_by_one_a_doubling(steps, most):
    # four newest, the best, step 0, and the lengths in bits: none, 1, 7 and 20
    assert most_snapshots(steps) == most


def test_no_more_snapshots_are_kept_than_the_bound_says(new_run):
    run = new_run("run")
    for step in range(0, 300):
        run.save_snapshot(step, {"x": torch.zeros(1)}, [])
        assert len(run.snapshots()) <= most_snapshots(step)
    # the first of each length in bits, and the four newest
    assert [item.step for item in run.snapshots()] == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 296, 297, 298, 299]


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_counted_is_what_is_written(preset, new_run, clips):
    run = new_run("run", "batch=2", "penalty_every=1", "log_every=1", preset=preset)
    train_here(run, clips, steps=2)
    snapshot, save = run.snapshot(), run.folder / "resume.safetensors"
    headers = HEADER_BYTES * (len(run.load_resume()[0]) + 1)
    written = sum(path.stat().st_size for path in (snapshot.path, *snapshot.previews))
    assert disk.snapshot_bytes(run.config) <= written <= disk.snapshot_bytes(run.config) + headers
    assert disk.save_bytes(run.config) <= save.stat().st_size <= disk.save_bytes(run.config) + headers
    assert run.disk_bytes() <= disk.most_bytes(run.config, Limit(steps=2), len(clips.waves))


def test_a_save_s_numbers_are_counted_by_hand(new_run):
    # generator 3 -> 4 -> 8 -> 16 -> 10: 16 + 40 + 144 + 170; discriminator 10 -> 16 -> 8 -> 4 -> 1: 176 + 136 + 36 + 5
    config = tiny_config("width=4", "latent_size=3", preset="mlp", clip_samples=10)
    generator, discriminator, layers = 370, 353, 16
    assert disk.snapshot_bytes(config) == 4 * generator + 6 * (20 + 44)
    # two generators, one discriminator, two moments of each weight, a counter a tensor
    assert disk.save_bytes(config) == 4 * (2 * generator + discriminator + 2 * (generator + discriminator) + layers)


def test_steps_are_bounded_by_any_limit():
    config = tiny_config("batch=8", "critic_steps=5")
    assert disk.most_steps(config, Limit(steps=77), 24) == 77
    # 40 clips a step
    assert disk.most_steps(config, Limit(epochs=10), 24) == 6
    assert disk.most_steps(config, Limit(minutes=2), 24) == 120_000


def test_a_training_that_does_not_fit_the_disk_is_refused(tmp_path, monkeypatch):
    config, usage = tiny_config(), namedtuple("usage", "total used free")
    needed = disk.most_bytes(config, Limit(steps=10), 24)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: usage(0, 0, needed - 1))
    with pytest.raises(RunError, match=r"can take up to \d+ MB of disk and \d+ MB are free: make room"):
        disk.check_room(tmp_path / "not yet there", config, Limit(steps=10), 24)
    # what a run holds already it does not need again
    disk.check_room(tmp_path, config, Limit(steps=10), 24, there_bytes=1)
