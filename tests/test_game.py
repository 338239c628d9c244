"""One update of each network: what it sees, what it is charged for, and what is averaged."""

import pytest
import torch
from torch.testing import assert_close

from audiogan import game as games
from audiogan.game import PREVIEW_SEEDS, Game
from audiogan.losses import LOSSES
from audiogan.transforms import make_transform
from tests.conftest import tiny_config

CPU = torch.device("cpu")


def new_game(*assignments: str, **changes) -> Game:
    config = tiny_config(*assignments, **changes)
    torch.manual_seed(0)
    return Game(config, make_transform(config), CPU)


def seen_clips(game: Game, count: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Something for the discriminator to see, and classes."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, *game.transform.shape, generator=generator), torch.arange(count) % 2


def test_labels_take_turns_over_the_previews(monkeypatch):
    game = new_game(labels=("a", "b", "c", "d"))
    asked = []
    game.averaged.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[1].tolist()))
    sounds = game.sounds(PREVIEW_SEEDS)
    assert asked == [[0, 1, 2, 3, 0, 1]]
    assert [sound.shape for sound in sounds] == [(2_000,)] * 6


def test_both_networks_learn_to_play_their_game():
    game = new_game("penalty=0", "rate_d=0.01", "rate_g=0.01")
    real, classes = seen_clips(game)
    torch.manual_seed(0)
    losses = [game.discriminator_step(real, classes, step)[0] for step in range(1, 15)]
    assert losses[-1] < losses[0] / 2
    losses = [game.generator_step(classes, step) for step in range(1, 15)]
    assert losses[-1] < losses[0] / 2


def test_a_step_of_one_network_leaves_the_other_alone():
    game = new_game()
    real, classes = seen_clips(game)

    def weights(network) -> list[torch.Tensor]:
        return [tensor.clone() for tensor in network.parameters()]

    generator, discriminator = weights(game.generator), weights(game.discriminator)
    game.discriminator_step(real, classes, 1)
    assert all(map(torch.equal, weights(game.generator), generator))
    assert not any(map(torch.equal, weights(game.discriminator)[:2], discriminator[:2]))
    discriminator = weights(game.discriminator)
    game.generator_step(classes, 1)
    assert all(map(torch.equal, weights(game.discriminator), discriminator))
    assert not any(map(torch.equal, weights(game.generator)[-2:], generator[-2:]))


def test_neither_network_learns_from_clips_that_were_not_augmented(monkeypatch):
    game = new_game("penalty=0", "augment=0.25")
    real, classes = seen_clips(game)
    asked = []
    monkeypatch.setattr(games, "augmented", lambda clips, probability: asked.append(probability) or clips * 0 + 7)
    seen = []
    game.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].unique().tolist()))
    game.discriminator_step(real, classes, 1)
    game.generator_step(classes, 1)
    assert seen == [[7.0]] * 3
    assert asked == [0.25] * 3


def test_clips_are_augmented_only_when_this_is_asked_for(monkeypatch):
    game = new_game()
    monkeypatch.setattr(games, "augmented", lambda *_: pytest.fail("augmented"))
    real, classes = seen_clips(game)
    game.discriminator_step(real, classes, 1)
    game.generator_step(classes, 1)


def test_the_losses_and_beliefs_told_are_those_of_the_scores():
    game = new_game()
    real, classes = seen_clips(game)
    scores = []
    game.discriminator.register_forward_hook(lambda _, inputs, output: scores.append(output.detach()))
    loss_d, belief = game.discriminator_step(real, classes, 1)
    # the generator is measured against the scores that the real clips had beside it
    loss_g = game.generator_step(classes, 1)
    of_real, of_generated, of_generated_anew = scores
    assert_close(loss_d, LOSSES["relativistic"].discriminator(of_real, of_generated))
    assert_close(loss_g, LOSSES["relativistic"].generator(of_real, of_generated_anew))
    assert_close(belief, LOSSES["relativistic"].belief(of_real, of_generated))
    assert not torch.allclose(loss_g, LOSSES["relativistic"].generator(of_real * 0, of_generated_anew), atol=1e-5)


def test_the_penalty_comes_every_so_many_steps_and_weighs_that_many_times_as_much(monkeypatch):
    game = new_game("penalty=0.3", "penalty_every=8")
    real, classes = seen_clips(game)
    monkeypatch.setattr(games, "zero_centred_penalty", lambda scores, inputs: torch.tensor(1.0))
    totals = []
    monkeypatch.setattr(game, "_update", lambda optimiser, total: totals.append(total.detach()))
    added = [totals[-1] - loss for loss in (game.discriminator_step(real, classes, step)[0] for step in range(1, 17))]
    # R1 and R2, 1 each here: 2 * 0.3 * 8 at the steps 8 and 16
    assert_close(torch.stack(added), torch.tensor(([0.0] * 7 + [4.8]) * 2))


def test_r1_is_taken_at_the_real_clips_and_r2_at_the_generated_ones(monkeypatch):
    game = new_game("penalty_every=1")
    real, classes = seen_clips(game)
    places = []
    monkeypatch.setattr(games, "zero_centred_penalty", lambda scores, x: places.append(x) or scores.sum() * 0)
    game.discriminator_step(real.clone(), classes, 1)
    assert torch.equal(places[0].detach(), real)
    assert places[1].shape == real.shape
    assert not torch.equal(places[1].detach(), real)


def test_the_interpolated_penalty_lies_between_real_and_generated_clips_and_has_its_weight(monkeypatch):
    game = new_game("penalty=10", "critic_steps=1", "kernel=5", preset="wavegan")
    real, classes = seen_clips(game)
    places, totals = [], []

    def penalty(critic, first, second):
        places.append((first, second))
        assert_close(critic(first).shape, torch.Size([8]))
        return torch.tensor(1.0)

    monkeypatch.setattr(games, "interpolated_penalty", penalty)
    monkeypatch.setattr(game, "_update", lambda optimiser, total: totals.append(total.detach()))
    loss, _ = game.discriminator_step(real, classes, 1)
    assert_close(totals[0] - loss, torch.tensor(10.0))
    assert torch.equal(places[0][0], real)
    assert not torch.equal(places[0][1], real)


def test_plain_wgan_holds_every_weight_of_the_critic_within_its_bound():
    game = new_game("loss=wgan", "penalty=0.01")
    real, classes = seen_clips(game)
    game.discriminator_step(real, classes, 1)
    largest = {
        name: max(float(weights.detach().abs().max()) for weights in network.parameters())
        for name, network in (("critic", game.discriminator), ("generator", game.generator))
    }
    assert largest["critic"] == pytest.approx(0.01)
    assert largest["generator"] > 0.05


def test_learning_rates_fall_with_the_root_of_the_steps():
    game = new_game("decay_steps=100", "rate_g=3e-4", "rate_d=8e-4")
    real, classes = seen_clips(game)
    game.discriminator_step(real, classes, 300)
    game.generator_step(classes, 800)
    # 1 / sqrt(1 + 300 / 100) = 1 / 2 and 1 / sqrt(1 + 800 / 100) = 1 / 3
    assert game.optimiser_d.param_groups[0]["lr"] == pytest.approx(4e-4)
    assert game.optimiser_g.param_groups[0]["lr"] == pytest.approx(1e-4)


def test_learning_rates_without_decay_stay():
    game = new_game("decay_steps=0", "rate_g=3e-4", "rate_d=8e-4")
    real, classes = seen_clips(game)
    game.discriminator_step(real, classes, 10_000)
    game.generator_step(classes, 10_000)
    assert [o.param_groups[0]["lr"] for o in (game.optimiser_d, game.optimiser_g)] == [8e-4, 3e-4]
    assert [o.param_groups[0]["betas"] for o in (game.optimiser_d, game.optimiser_g)] == [(0.0, 0.99)] * 2


@pytest.mark.parametrize(
    ("ema", "step", "kept"), [(0.998, 1, 2 / 11), (0.5, 1, 2 / 11), (0.5, 100, 0.5), (0.0, 3, 0.0)]
)
def test_the_averaged_weights_keep_a_share_that_grows_with_the_steps(ema, step, kept):
    game = new_game(f"ema={ema}")
    real, classes = seen_clips(game)
    before = [weights.clone() for weights in game.averaged.parameters()]
    game.discriminator_step(real, classes, step)
    game.generator_step(classes, step)
    for old, live, averaged in zip(before, game.generator.parameters(), game.averaged.parameters(), strict=True):
        assert_close(averaged, kept * old + (1 - kept) * live.detach())


@pytest.mark.parametrize(
    ("preset", "step", "of_generator", "of_discriminator"),
    [
        # real, generated and the generator's own; R1 and R2 are taken at the first two in every second step
        ("framegan", 1, [True, True], [True, True, True]),
        ("framegan", 2, [True, True], [False, False, True]),
        # real, generated, between them, and the generator's own
        ("wavegan", 2, [True, True], [True, True, False, True]),
    ],
)
def test_numbers_have_sixteen_bits_outside_of_penalties_when_asked_for(preset, step, of_generator, of_discriminator):
    seen = {"full": {}, "mixed": {}}
    for precision, bits in seen.items():
        game = new_game(f"precision={precision}", "penalty_every=2", "kernel=5", preset=preset)
        for name in ("generator", "discriminator"):
            bits[name] = []
            watch = lambda *_, into=bits[name]: into.append(torch.is_autocast_enabled("cpu"))  # noqa: E731
            getattr(game, name).register_forward_pre_hook(watch)
        real, classes = seen_clips(game)
        loss, _ = game.discriminator_step(real, classes, step)
        assert loss.dtype == game.generator_step(classes, step).dtype == torch.float32
    assert seen["mixed"] == {"generator": of_generator, "discriminator": of_discriminator}
    assert not any(bit for bits in seen["full"].values() for bit in bits)


def test_a_step_leaves_the_clips_it_was_given_as_they_were():
    game = new_game("penalty_every=1")
    real, classes = seen_clips(game)
    before = real.clone()
    game.discriminator_step(real, classes, 1)
    assert torch.equal(real, before)
    assert not real.requires_grad
