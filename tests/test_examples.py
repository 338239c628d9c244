"""The order in which a training meets its clips: every clip once an epoch, and a function of the seed."""

from dataclasses import replace

import numpy as np
import torch
from torch.testing import assert_close

from audiogan import examples
from audiogan.audio import FULL_SCALE
from audiogan.examples import Clips, Examples, float_waves
from audiogan.transforms import Waveform, make_transform
from tests.conftest import tiny_config

CPU = torch.device("cpu")


def test_a_class_belongs_to_its_clip(clips):
    examples = Examples(clips, Waveform(2_000), CPU, 3)
    waves, classes = examples.batch(0, 24)
    for wave, one in zip(waves, classes, strict=True):
        matches = (float_waves(clips.waves) == wave[0, :2_000]).all(1)
        assert clips.classes[int(matches.nonzero())] == one


def numbered_clips(count: int) -> Clips:
    """Clips of which the number of each can be read from its samples."""
    return Clips(np.repeat(np.arange(count, dtype=np.int16)[:, None], 64, axis=1), np.arange(count) % 3)


def numbers_of(batch: torch.Tensor) -> list[int]:
    return (batch[:, 0, 0] * FULL_SCALE).round().int().tolist()


def test_every_clip_comes_once_an_epoch_in_an_order_that_changes():
    examples = Examples(numbered_clips(12), Waveform(64), CPU, seed=1)
    # batches of 5 run across the ends of epochs
    served = [number for batch in range(12) for number in numbers_of(examples.batch(batch, 5)[0])]
    epochs = [served[at : at + 12] for at in range(0, 60, 12)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(12))
    assert len({tuple(epoch) for epoch in epochs}) == 5


def test_a_batch_larger_than_the_data_set_goes_around():
    examples = Examples(numbered_clips(5), Waveform(64), CPU, seed=1)
    served = numbers_of(examples.batch(0, 13)[0]) + numbers_of(examples.batch(1, 13)[0])
    assert [sorted(served[at : at + 5]) for at in range(0, 25, 5)] == [[0, 1, 2, 3, 4]] * 5


def test_clips_that_are_held_out_never_come():
    clips = numbered_clips(10)
    without = replace(clips, held_out=np.isin(np.arange(10), [0, 3, 9]))
    examples = Examples(without, Waveform(64), CPU, 0)
    assert examples.clips_per_epoch == 7
    for epoch in range(3):
        assert sorted(numbers_of(examples.batch(epoch, 7)[0])) == [1, 2, 4, 5, 6, 7, 8]
    everything = Examples(replace(clips, held_out=np.zeros(10, bool)), Waveform(64), CPU, 0)
    assert numbers_of(everything.batch(3, 4)[0]) == numbers_of(Examples(clips, Waveform(64), CPU, 0).batch(3, 4)[0])


def test_a_batch_depends_on_its_number_and_the_seed_and_not_on_what_was_asked_before():
    one = Examples(numbered_clips(12), Waveform(64), CPU, seed=1)
    other = Examples(numbered_clips(12), Waveform(64), CPU, seed=2)
    for number in (0, 1, 5, 40):
        one.batch(number, 5)
    fresh = Examples(numbered_clips(12), Waveform(64), CPU, seed=1)
    assert numbers_of(one.batch(7, 5)[0]) == numbers_of(fresh.batch(7, 5)[0])
    assert numbers_of(one.batch(0, 12)[0]) != numbers_of(other.batch(0, 12)[0])


def test_a_data_set_too_large_for_memory_gives_the_same_batches(clips, monkeypatch):
    transform = make_transform(tiny_config())
    transform.fit(float_waves(clips.waves))
    kept = Examples(clips, transform, CPU, seed=1)
    monkeypatch.setattr(examples, "MEMORY_BYTES", 0)
    read = Examples(clips, transform, CPU, seed=1)
    assert read._seen is None
    for mine, theirs in zip(kept.batch(2, 7), read.batch(2, 7), strict=True):
        assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


def test_a_data_set_that_lies_on_the_card_as_integers_gives_the_same_batches(clips, monkeypatch):
    transform = make_transform(tiny_config())
    transform.fit(float_waves(clips.waves))
    kept = Examples(clips, transform, CPU, seed=1)
    monkeypatch.setattr(examples, "MEMORY_BYTES", 0)
    asked = []
    monkeypatch.setattr(examples, "fits_on", lambda device, count_bytes: asked.append(count_bytes) or True)
    there = Examples(clips, transform, CPU, seed=1)
    # 24 clips of 2,000 samples of 2 bytes
    assert asked == [96_000]
    assert there._waves.dtype == torch.int16
    for mine, theirs in zip(kept.batch(2, 7), there.batch(2, 7), strict=True):
        assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


def test_only_a_graphics_card_holds_the_clips_and_keeps_half_of_its_free_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1_000, 9_000))
    assert examples.fits_on(torch.device("cuda"), 500)
    assert not examples.fits_on(torch.device("cuda"), 501)
    assert not examples.fits_on(CPU, 1)
