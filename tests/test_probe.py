"""What a training will cost, measured by a few of its steps."""

import json
import subprocess

import pytest
import torch

from audiogan import probe
from audiogan.devices import describe_device
from audiogan.game import Game
from audiogan.progress import Schedule
from audiogan.runs import RunError
from audiogan.transforms import make_transform
from tests.conftest import TINY

PATIENCE_SECONDS = 120
"""How long a probe may take to start on a machine that is busy with other things."""


@pytest.fixture(scope="module")
def dataset(trained_lab):
    return trained_lab.dataset("tiny")


@pytest.fixture
def config(trained_lab, dataset):
    return trained_lab.configure(dataset, "framegan", [*TINY, "critic_steps=3"])


def test_a_probe_measures_pace_memory_and_size_in_a_process_of_its_own(config, dataset):
    measured = probe.probe(config, dataset.folder, "cpu")
    game = Game(config, make_transform(config), torch.device("cpu"))
    assert measured["generator_parameters"] == sum(p.numel() for p in game.generator.parameters())
    assert measured["discriminator_parameters"] == sum(p.numel() for p in game.discriminator.parameters())
    assert 0.1 < measured["steps_per_second"] < 10_000
    assert Schedule.FIRST_PREVIEW_SECONDS < measured["first_sound_seconds"] < PATIENCE_SECONDS
    assert 50e6 < measured["memory_bytes"] < 4e9
    assert measured["device"] == describe_device("cpu")


def test_a_probe_measures_one_step_with_all_its_critic_steps(config, dataset, monkeypatch):
    happened = []
    critic, maker = Game.discriminator_step, Game.generator_step
    monkeypatch.setattr(Game, "discriminator_step", lambda *a: happened.append("D") or critic(*a))
    monkeypatch.setattr(Game, "generator_step", lambda *a: happened.append("G") or maker(*a))
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.05)
    measured = probe.measure(config, dataset.folder, "cpu")
    assert measured["steps_per_second"] > 0
    assert happened[:4] == ["D", "D", "D", "G"]
    assert happened.count("D") == 3 * happened.count("G")


def test_a_probe_that_cannot_run_is_one_sentence(config, dataset, monkeypatch):

    def answer(output: str, code: int):
        return lambda *a, **k: subprocess.CompletedProcess(a, code, output, "a traceback")

    for output in ("", '{"steps_per_second": 2.'):
        monkeypatch.setattr(probe.subprocess, "run", answer(output, 1))
        with pytest.raises(RunError, match="The probe could not run one step: choose a smaller batch or width"):
            probe.probe(config, dataset.folder, "cpu")
    monkeypatch.setattr(probe.subprocess, "run", answer(json.dumps({"error": "Plain words."}), 0))
    with pytest.raises(RunError, match=r"^Plain words\.$"):
        probe.probe(config, dataset.folder, "cpu")


def test_a_probe_that_dies_only_when_it_leaves_has_measured(config, dataset, monkeypatch, tmp_path, caplog):
    python = tmp_path / "python"
    python.write_text(
        """#!/bin/sh\ncat > /dev/null\necho '{"steps_per_second": 2.5}'\necho aborted >&2\nkill -ABRT $$\n"""
    )
    python.chmod(0o755)
    monkeypatch.setattr(probe.sys, "executable", str(python))
    with caplog.at_level("ERROR", "audiogan"):
        assert probe.probe(config, dataset.folder, "cpu") == {"steps_per_second": 2.5}
    assert "-6" in caplog.text and "aborted" in caplog.text
