"""Recorded steps train as ordinary ones do: through a stand-in for a graphics card, and on one where there is one."""

import pytest
import torch
from torch.testing import assert_close

from audiogan import graphs
from audiogan.game import Game
from audiogan.graphs import Graphed
from audiogan.settings import SettingError
from audiogan.training import mix_seed
from audiogan.transforms import make_transform
from tests.conftest import tiny_config

KINDS = {
    "framegan": ["penalty_every=2", "decay_steps=3", "augment=0.5"],
    "wavegan": ["batch=4", "critic_steps=2", "kernel=5", "cuda_graphs=true"],
}


def record_on_the_processor(update, inputs):
    """What a CUDA graph does: it reads from the places it was recorded with and writes to the same ones each time."""
    scores = inputs[0].shape[:1]
    shapes = [()] if update.__name__ == "generator_update" else [(), (), (), scores]
    outputs = [torch.full(shape, torch.nan) for shape in shapes]

    def replay() -> None:
        for place, value in zip(outputs, update(*inputs), strict=True):
            place.copy_(value)

    return replay, outputs


def trained(preset: str, recorded: bool, device: torch.device) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    """All tensors of a game after ten steps, and what it said of each."""
    config = tiny_config(*KINDS[preset], f"cuda_graphs={recorded}", preset=preset)
    torch.manual_seed(0)
    game = Game(config, make_transform(config).to(device), device)
    steps = Graphed(game) if recorded else game
    random = torch.Generator().manual_seed(1)
    told = []
    for step in range(1, 11):
        torch.manual_seed(mix_seed(0, step))
        for _ in range(config.settings.critic_steps):
            real = torch.randn(config.settings.batch, *game.transform.shape, generator=random).to(device)
            classes = torch.randint(2, (config.settings.batch,), generator=random).to(device)
            loss, belief = steps.discriminator_step(real, classes, step)
            told += [loss, *belief]
        told.append(steps.generator_step(classes, step))
    return game.tensors(), told


@pytest.mark.parametrize("preset", KINDS)
def test_ten_recorded_steps_are_ten_ordinary_ones(preset, monkeypatch):
    recordings = []

    def record(update, inputs):
        recordings.append(update.__name__)
        return record_on_the_processor(update, inputs)

    monkeypatch.setattr(graphs, "record", record)
    ordinary, recorded = (trained(preset, kind, torch.device("cpu")) for kind in (False, True))
    for name, tensor in ordinary[0].items():
        assert torch.equal(tensor, recorded[0][name]), name
    assert torch.equal(torch.stack(ordinary[1]), torch.stack(recorded[1]))
    both = ["generator_update", "penalised_update", "plain_update"]
    assert sorted(recordings) == (both if preset == "framegan" else both[:2])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")
@pytest.mark.parametrize("preset", KINDS)
def test_ten_recorded_steps_are_ten_ordinary_ones_on_a_card(preset, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    ordinary, recorded = (trained(preset, kind, torch.device("cuda")) for kind in (False, True))
    assert_close(recorded[1], ordinary[1], rtol=1e-3, atol=1e-4)
    for name, tensor in ordinary[0].items():
        assert_close(recorded[0][name], tensor, rtol=1e-2, atol=1e-4, msg=name)


def test_a_recorded_step_cannot_draw_one_shift_for_the_batch():
    with pytest.raises(SettingError, match="with cuda_graphs, set phase_shuffle_per=clip"):
        tiny_config("cuda_graphs=true", "phase_shuffle_per=batch", preset="wavegan")
