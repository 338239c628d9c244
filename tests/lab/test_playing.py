"""A run's model as an instrument, and the real sounds beside it."""

from dataclasses import replace

import numpy as np
import pytest

from audiogan.lab import Run, wav_of_clip
from audiogan.splits import held_out
from tests.conftest import tiny_config, train_here


def test_what_is_heard_is_what_is_generated(trained_lab, run):
    (sound,) = trained_lab.generate(run, 1, seed=4, label="tone")
    wav, sliders = trained_lab.audition("first", None, 4, 1)
    assert wav == sound.wav
    again, _ = trained_lab.audition("first", run.snapshot().step, 4, 1, None)
    assert again == wav
    moved, at = trained_lab.audition("first", None, 4, 1, [1.0, *sliders[1:]])
    assert moved != wav
    assert at == pytest.approx([1.0, *sliders[1:]], abs=1e-4)


def test_a_real_sound_was_kept_back_from_training_and_has_the_label_asked_for(trained_lab, run):
    dataset = trained_lab.dataset("tiny")
    mask = held_out(dataset.clip_files(), dataset.clip_labels(), run.config.settings.hold_out)
    kept_back = [(dataset.labels[dataset.clip_labels()[n]], wav_of_clip(dataset, n)) for n in np.flatnonzero(mask)]
    assert 2 <= len(kept_back) <= 4
    for label in ("noise", "tone"):
        sounds = [trained_lab.real_sound(run, draw, label) for draw in range(8)]
        assert {(sound.label, sound.held_out) for sound in sounds} == {(label, True)}
        assert all((label, sound.wav) in kept_back and sound.file.startswith(f"{label}/") for sound in sounds)
    assert {trained_lab.real_sound(run, draw).label for draw in range(30)} == {"noise", "tone"}


def test_a_real_sound_is_any_clip_where_none_was_kept_back(trained_lab, run):
    run = Run(run.folder)
    run.config = replace(run.config, settings=run.config.settings.with_text(["hold_out=0"]))
    sounds = [trained_lab.real_sound(run, draw, "tone") for draw in range(30)]
    assert {(sound.label, sound.held_out) for sound in sounds} == {("tone", False)}
    assert len({sound.file for sound in sounds}) > 6


def test_a_model_stays_in_memory_until_there_is_a_newer_one(lab, clips):
    run = lab.create_run(tiny_config(), "first")
    train_here(run, clips, steps=1)
    first = lab.instrument(run)
    assert lab.instrument(Run(run.folder)) is first
    train_here(run, clips, steps=2)
    assert lab.instrument(run) is not first
    assert lab.instrument(run).step == 2
    assert lab.instrument(run, 1) is first
