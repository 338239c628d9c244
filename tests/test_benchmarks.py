"""What the benchmarks compare is the same thing, and the long one runs from end to end."""

import json
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

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
