"""What the benchmarks compare is the same thing, and the long one runs from end to end."""

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
