"""What the benchmarks compare is the same thing, and the long one runs from end to end."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from audiogan.audio import to_int16
from audiogan.game import Game
from audiogan.transforms import make_transform
from tests.conftest import tiny_config

CPU = torch.device("cpu")


@pytest.fixture
def benchmarks(monkeypatch):
    """The benchmarks import each other as scripts of one folder."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[1] / "benchmarks"), *sys.path])


def test_the_engine_and_the_plain_reference_do_the_same_training(benchmarks):
    from reference_wavegan import CRITIC_STEPS, Reference

    same = ["width=4", "batch=4", "latent_size=100", "conditional=false", "critic_steps=5"]
    config = tiny_config(*same, preset="wavegan", clip_samples=16_384)
    torch.manual_seed(0)
    game, reference = Game(config, make_transform(config), CPU), Reference(4, CPU)
    game.generator.load_state_dict(reference.generator.state_dict())
    game.discriminator.load_state_dict(reference.discriminator.state_dict())
    real = 0.1 * torch.randn(4, 1, 16_384)

    def gradients(network: torch.nn.Module) -> list[torch.Tensor]:
        return [weights.grad.clone() for weights in network.parameters()]

    for turn in range(CRITIC_STEPS):
        torch.manual_seed(turn)
        loss, _ = game.discriminator_step(real, torch.zeros(4), step=1)
        torch.manual_seed(turn)
        assert_close(reference.discriminator_step(real), loss, rtol=1e-3, atol=1e-6)
        assert_close(
            gradients(game.discriminator), gradients(reference.discriminator), rtol=1e-3, atol=1e-4 if turn else 1e-6
        )
    torch.manual_seed(9)
    loss = game.generator_step(torch.zeros(4), step=1)
    torch.manual_seed(9)
    assert_close(reference.generator_step(4), loss, rtol=1e-3, atol=1e-6)
    assert_close(gradients(game.generator), gradients(reference.generator), rtol=1e-2, atol=1e-6)


def test_the_graphics_card_s_benchmark_runs_from_end_to_end_without_one(benchmarks, monkeypatch, tmp_path, capsys):
    import gpu
    import report

    monkeypatch.setattr(report, "RESULTS", tmp_path)
    gpu.main(["--device", "cpu", "--quick"])
    written = json.loads((tmp_path / "gpu-cpu.json").read_text(encoding="utf-8"))
    assert [row["training"] for row in written["rows"]] == ["plain reference", "engine", "engine, mixed"]
    for row in written["rows"]:
        assert row["steps per second (median)"] > 0
        assert 0 < row["share of the matrix rate"] < 10
    assert written["rows"][0]["times the reference"] == 1
    assert written["checks"]["a training stopped and resumed is the whole one"] == "passed (largest difference 0.0e+00)"
    assert written["checks"]["ten recorded steps are ten ordinary ones"] == "not on this device"
    assert written["training"]["ordinary"]["steps"] == 3
    assert not [outcome for outcome in written["checks"].values() if "failed" in outcome]


@pytest.mark.skipif(torch.cuda.is_available(), reason="only without an NVIDIA card")
def test_the_graphics_card_s_benchmark_says_in_a_sentence_that_there_is_none(benchmarks, capsys):
    import gpu

    with pytest.raises(SystemExit):
        gpu.main([])
    assert capsys.readouterr().err == "There is no NVIDIA card that torch can use here: try --device cpu --quick.\n"


def test_a_check_of_the_card_tells_what_lies_apart_and_what_broke(benchmarks):
    from gpu import passed

    assert passed(lambda: 1e-4) == "passed (largest difference 1.0e-04)"
    assert passed(lambda: 0.5) == "failed: 5.0e-01 apart"
    assert passed(lambda: float("nan")) == "failed: nan apart"
    assert passed(lambda: 1 / 0) == "failed: ZeroDivisionError: division by zero"


@pytest.fixture
def detail(benchmarks):
    import detail

    return detail


def test_quantiles_a_factor_apart_are_so_many_per_cent_off_whatever_their_labels_order(detail):
    labels = np.repeat([0, 1], [30, 10])
    real = np.concatenate([np.linspace(0, 1, 30), np.linspace(5, 7, 10)])
    made = np.roll(np.concatenate([real[:30] + np.log(1.5), real[30:] - np.log(1.2)]), 7)
    # the label of 30 clips counts three times as much
    expected = (3 * np.log(1.5) + np.log(1.2)) / 4
    assert detail.wasserstein_distance(real, made, labels, np.roll(labels, 7)) == pytest.approx(expected)


def test_a_spread_that_is_too_narrow_is_off_and_labels_of_few_clips_are_not_asked(detail):
    # |Q - Q| of uniform numbers of width 4 and 1 around one middle is 3 |q - 1/2|, 3/4 on average
    labels = np.repeat([0, 1], [400, 4])
    real = np.concatenate([np.linspace(-2, 2, 400), np.zeros(4)])
    made = np.concatenate([np.linspace(-0.5, 0.5, 400), 99 * np.ones(4)])
    assert detail.wasserstein_distance(real, made, labels, labels) == pytest.approx(0.75, rel=0.01)
    assert np.isnan(detail.wasserstein_distance(real[400:], made[400:], labels[400:], labels[400:]))
    unknown = np.where(np.arange(404) % 2, made, np.nan)
    assert detail.wasserstein_distance(real, unknown, labels, labels) == pytest.approx(0.75, rel=0.02)


@dataclass(frozen=True, eq=False)
class FakeJudge:
    """What of a judge the details ask for."""

    real: SimpleNamespace
    train_indices: np.ndarray
    held_out_indices: np.ndarray


def test_sounds_that_last_half_as_long_again_are_off_within_their_label(detail):
    rate, t = 8_000, np.arange(4_000) / 8_000

    def hits(factor: float) -> np.ndarray:
        """Six short noises and six tones that last three times as long, each a little longer than the one before."""
        rng, lengths = np.random.default_rng(0), np.linspace(0.1, 0.15, 6) * factor
        noises = [0.2 * rng.standard_normal(len(t)) * 10 ** (-3 * t / length) for length in lengths]
        tones = [0.9 * np.sin(2 * np.pi * 220 * t) * 10 ** (-t / length) for length in lengths]
        return np.stack([*noises, *tones])

    labels = np.repeat([0, 1], 6)
    held_out, trained, made = hits(1), hits(1.1), hits(1.5)
    for sounds, ringing in ((trained, 6), (made, 3)):
        sounds[:ringing] += 0.005 * np.sin(2 * np.pi * 2_300 * t)
    clips = to_int16(np.concatenate([held_out, trained]).clip(-1, 1))
    real = SimpleNamespace(clips=clips, rate=rate, clip_labels=np.tile(labels, 2))
    judge = FakeJudge(real, np.arange(12, 24), np.arange(12))
    row = detail.detail_columns(judge, np.roll(made, 4, 0).clip(-1, 1), np.roll(labels, 4))
    assert row["decay off"] == pytest.approx(50, abs=5)
    assert row["decay off floor"] == pytest.approx(10, abs=3)
    assert row["harmonicity off"] == pytest.approx(0, abs=0.5)
    assert row["voiced"] == row["voiced floor"] == 50
    assert (row["ringing"], row["ringing floor"]) == (25, 50)
    # without labels, all are compared with all
    assert detail.detail_columns(judge, held_out[::-1], None)["decay off"] < 1
    assert detail.detail_columns(judge, held_out[6:], None)["decay off"] > 40
    # of silence nothing is known but what it is compared with
    silence = detail.detail_columns(judge, np.zeros((8, 4_000)), None)
    assert all(name.endswith(" floor") for name in silence)


def test_a_table_of_quality_has_a_place_for_numbers_that_older_rows_lack(benchmarks):
    from quality import medians

    same = {"preset": "framegan", "variant": "", "labels": "yes", "settings": ""}
    old = same | {"minutes": 1.0, "seed": 0, "precision": 0.5}
    rows = [old, same | {"minutes": 3.0, "seed": 0, "precision": 0.7, "decay off": 40.0}]
    rows += [same | {"minutes": 3.0, "seed": 1, "precision": 0.9}]
    first, second = medians(rows)
    assert list(first) == list(second)
    assert (first["precision"], first["decay off"]) == (0.5, "")
    assert (second["precision"], second["decay off"], second["seeds"]) == (0.8, 40, 2)
