"""The loop: the same whether interrupted or not, every part learning, and each formula by hand."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from audiogan import training
from audiogan.audio import FULL_SCALE
from audiogan.config import PRESETS, Limit
from audiogan.losses import LOSSES
from audiogan.runs import RunError
from audiogan.tensors import load_tensors
from audiogan.training import Clips, Diverged, Examples, Game, Progress, Schedule, mix_seed
from audiogan.transforms import Waveform, make_transform
from tests.conftest import tiny_config, train_here

CPU = torch.device("cpu")

KINDS = {
    "framegan": {"preset": "framegan"},
    "framegan without labels": {"preset": "framegan", "labels": ()},
    "wavegan": {"preset": "wavegan"},
}
SETTINGS = {
    "framegan": ["log_every=5"],
    "framegan without labels": ["log_every=5", "roll_seconds=0"],
    "wavegan": ["batch=4", "critic_steps=2", "kernel=5", "log_every=5"],
}


def rows_without_seconds(run) -> list[tuple[float, ...]]:
    metrics = run.metrics()
    del metrics["seconds"]
    return list(zip(*metrics.values(), strict=True))


def assert_same_tensors(found: dict, expected: dict) -> None:
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


def assert_same_training(one, other) -> None:
    """Weights, optimisers, what was heard and both epoch tables, bit for bit."""
    assert_same_tensors(one.load_resume()[0], other.load_resume()[0])
    assert_same_tensors(load_tensors(one.snapshot().path)[0], load_tensors(other.snapshot().path)[0])
    for mine, theirs in zip(one.snapshot().previews, other.snapshot().previews, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()
    assert one.epochs() == other.epochs()


def new_game(*assignments: str, **changes) -> Game:
    config = tiny_config(*assignments, **changes)
    torch.manual_seed(0)
    return Game(config, make_transform(config), CPU)


def seen_clips(game: Game, count: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Something for the discriminator to see, and labels."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, *game.transform.shape, generator=generator), torch.arange(count) % 2


# going on


@pytest.mark.parametrize("kind", KINDS)
def test_stopping_and_going_on_equals_never_having_stopped(new_run, clips, kind):
    straight = new_run("straight", *SETTINGS[kind], **KINDS[kind])
    broken = new_run("broken", *SETTINGS[kind], **KINDS[kind])
    assert train_here(straight, clips, steps=20) == "finished"
    assert train_here(broken, clips, steps=20, ask_at=10) == "stopped"
    assert broken.metrics()["step"] == [5, 10]
    assert train_here(broken, clips, steps=20) == "finished"
    assert_same_training(broken, straight)
    assert rows_without_seconds(broken) == rows_without_seconds(straight)
    assert straight.metrics()["step"] == [5, 10, 15, 20]


def test_stopping_within_a_logging_step_and_an_epoch_changes_no_weight_and_no_epoch(new_run, clips):
    # 3 steps an epoch
    straight, broken = new_run("straight", "log_every=5"), new_run("broken", "log_every=5")
    train_here(straight, clips, steps=13)
    assert train_here(broken, clips, steps=13, ask_at=4, ask="pause") == "paused"
    train_here(broken, clips, steps=13)
    assert_same_training(broken, straight)
    assert broken.metrics()["step"] == [4, 5, 10, 13]


def test_a_trainer_that_died_after_its_save_goes_on_from_there_with_each_row_once(new_run, clips):
    straight, died = new_run("straight", "log_every=5"), new_run("died", "log_every=5")
    train_here(straight, clips, steps=20)
    train_here(died, clips, steps=10)
    died.append_metrics([(15, 99.0, 9, 9, 9, 9)])
    died.append_epoch((9, 9), (9, 9))
    train_here(died, clips, steps=20)
    assert_same_training(died, straight)
    assert rows_without_seconds(died) == rows_without_seconds(straight)


def test_the_same_seed_gives_the_same_training_and_another_seed_another(new_run, clips):
    one, same, other = new_run("one", seed=5), new_run("same", seed=5), new_run("other", seed=6)
    for run in (one, same, other):
        train_here(run, clips, steps=3)
    assert_same_training(one, same)
    assert rows_without_seconds(one) == rows_without_seconds(same)
    assert rows_without_seconds(one) != rows_without_seconds(other)


def test_a_training_that_is_over_does_nothing_more(new_run, clips):
    run = new_run("first")
    train_here(run, clips, steps=4)
    saved = (run.folder / "resume.safetensors").read_bytes()
    assert train_here(run, clips, steps=4) == "finished"
    assert (run.folder / "resume.safetensors").read_bytes() == saved


def test_the_first_sounds_are_there_before_the_first_step(new_run, clips):
    run = new_run("first")
    train_here(run, clips, steps=2)
    assert [item.step for item in run.snapshots()] == [0, 2]
    for snapshot in run.snapshots():
        assert len(snapshot.previews) == len(training.PREVIEW_SEEDS)
    before, after = (item.previews[0].read_bytes() for item in run.snapshots())
    assert before != after


def test_labels_take_turns_over_the_previews(monkeypatch):
    game = new_game(labels=("a", "b", "c", "d"))
    asked = []
    game.averaged.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[1].tolist()))
    sounds = game.preview()
    assert asked == [[0, 1, 2, 3, 0, 1]]
    assert [sound.shape for sound in sounds] == [(2_000,)] * 6


# learning


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_of_both_networks_learns(new_run, clips, kind):
    run = new_run("first", *SETTINGS[kind], **KINDS[kind])
    train_here(run, clips, steps=1)
    before = run.load_resume()[0]
    train_here(run, clips, steps=30)
    after = run.load_resume()[0]
    learning = [name for name in before if name.startswith(("live.", "generator.", "discriminator."))]
    # the score's own constant cancels where scores are compared with each other
    cancels = "discriminator.dense.bias"
    assert {name for name in learning if torch.equal(before[name], after[name])} <= {cancels}
    assert any("label_embedding" in name for name in learning) == (kind == "framegan")


def test_both_networks_learn_to_play_their_game():
    game = new_game("penalty=0", "rate_d=0.01", "rate_g=0.01", "roll_seconds=0")
    real, labels = seen_clips(game)
    torch.manual_seed(0)
    losses = [game.discriminator_step(real, labels, step)[0] for step in range(1, 15)]
    assert losses[-1] < losses[0] / 2
    losses = [game.generator_step(labels, step) for step in range(1, 15)]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains_either_pair(new_run, clips, loss):
    for preset in ("framegan", "wavegan"):
        run = new_run(f"{preset}-{loss}", f"loss={loss}", "kernel=5", "batch=4", "critic_steps=1", preset=preset)
        assert train_here(run, clips, steps=2) == "finished"
        assert all(map(math.isfinite, rows_without_seconds(run)[-1]))


def test_a_step_of_one_network_leaves_the_other_alone():
    game = new_game()
    real, labels = seen_clips(game)

    def weights(network) -> list[torch.Tensor]:
        return [tensor.clone() for tensor in network.parameters()]

    generator, discriminator = weights(game.generator), weights(game.discriminator)
    game.discriminator_step(real, labels, 1)
    assert all(map(torch.equal, weights(game.generator), generator))
    assert not any(map(torch.equal, weights(game.discriminator)[:2], discriminator[:2]))
    discriminator = weights(game.discriminator)
    game.generator_step(labels, 1)
    assert all(map(torch.equal, weights(game.discriminator), discriminator))
    assert not any(map(torch.equal, weights(game.generator)[-2:], generator[-2:]))


def test_there_are_as_many_discriminator_steps_as_asked_for_each_with_new_clips(new_run, clips, monkeypatch):
    happened, asked = [], []
    critic, maker, batch = Game.discriminator_step, Game.generator_step, Examples.batch
    monkeypatch.setattr(Game, "discriminator_step", lambda *a: happened.append("D") or critic(*a))
    monkeypatch.setattr(Game, "generator_step", lambda *a: happened.append("G") or maker(*a))
    monkeypatch.setattr(Examples, "batch", lambda self, n, size: asked.append((n, size)) or batch(self, n, size))
    train_here(new_run("first", "batch=4", "critic_steps=3"), clips, steps=2)
    assert happened == ["D", "D", "D", "G"] * 2
    assert asked == [(number, 4) for number in range(6)]


def test_generated_clips_have_the_labels_of_the_real_ones_beside_them(new_run, clips, monkeypatch):
    asked = {"generator": [], "discriminator": []}

    class Watched(Game):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            for name in asked:
                watch = lambda _, inputs, name=name: asked[name].append(inputs[1].tolist())  # noqa: E731
                getattr(self, name).register_forward_pre_hook(watch)

    monkeypatch.setattr(training, "Game", Watched)
    run = new_run("first")
    train_here(run, clips, steps=2)
    transform = make_transform(run.config)
    first, second = (Examples(clips, transform, CPU, 0).batch(number, 8)[1].tolist() for number in range(2))
    # for the discriminator's update and for the generator's own; real, generated and once more generated
    assert asked["generator"] == [first] * 2 + [second] * 2
    assert asked["discriminator"] == [first] * 3 + [second] * 3
    assert first != second


def test_a_label_belongs_to_its_clip(clips):
    examples = Examples(clips, Waveform(2_000), CPU, 3)
    waves, labels = examples.batch(0, 24)
    for wave, label in zip(waves, labels, strict=True):
        matches = (training.float_waves(clips.waves) == wave[0, :2_000]).all(1)
        assert clips.labels[int(matches.nonzero())] == label


# examples


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
    transform.fit(training.float_waves(clips.waves))
    kept = Examples(clips, transform, CPU, seed=1)
    monkeypatch.setattr(training, "MEMORY_BYTES", 0)
    read = Examples(clips, transform, CPU, seed=1)
    assert read._seen is None
    for mine, theirs in zip(kept.batch(2, 7), read.batch(2, 7), strict=True):
        assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


def test_a_batch_larger_than_the_data_set_trains_and_counts_its_epochs(new_run, clips):
    run = new_run("first", "batch=64")
    train_here(run, clips, steps=5)
    # 5 * 64 / 24 = 13.3 epochs
    assert len(run.epochs()[0]["D LOSS"]) == 13


# augmentation, penalties, rates and the running average, by hand


def test_frames_are_rolled_by_each_clip_s_own_number_of_places():
    x = torch.arange(5.0).expand(3, 2, 5)
    rolled = training._roll_each(x, torch.tensor([[0], [1], [-2]]))
    assert rolled[:, 0].tolist() == [[0, 1, 2, 3, 4], [4, 0, 1, 2, 3], [2, 3, 4, 0, 1]]
    assert torch.equal(rolled[:, 0], rolled[:, 1])


def test_real_and_generated_frames_are_rolled_by_up_to_the_time_asked_for():
    # 0.03 s are two frames of 16 ms
    game = new_game("roll_seconds=0.03")
    ramp = torch.arange(16.0).expand(200, 5, 16)
    torch.manual_seed(0)
    for rolled in game._rolled(ramp, ramp):
        assert set(rolled[:, 0, 0].int().tolist()) == {14, 15, 0, 1, 2}
    still = new_game("roll_seconds=0")
    assert still._rolled(ramp)[0] is ramp
    # a waveform is shifted by phase shuffle instead
    assert new_game("roll_seconds=0.03", preset="wavegan")._rolled(ramp)[0] is ramp


def test_neither_network_learns_from_frames_that_were_not_rolled(monkeypatch):
    game = new_game("penalty=0")
    real, labels = seen_clips(game)
    monkeypatch.setattr(game, "_rolled", lambda *batches: tuple(batch * 0 + 7 for batch in batches))
    seen = []
    game.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].unique().tolist()))
    game.discriminator_step(real, labels, 1)
    game.generator_step(labels, 1)
    assert seen == [[7.0]] * 3


def test_the_losses_and_beliefs_told_are_those_of_the_scores():
    game = new_game()
    real, labels = seen_clips(game)
    scores = []
    game.discriminator.register_forward_hook(lambda _, inputs, output: scores.append(output.detach()))
    loss_d, belief = game.discriminator_step(real, labels, 1)
    # the generator is measured against the scores that the real clips had beside it
    loss_g = game.generator_step(labels, 1)
    of_real, of_generated, of_generated_anew = scores
    assert_close(loss_d, LOSSES["relativistic"].discriminator(of_real, of_generated))
    assert_close(loss_g, LOSSES["relativistic"].generator(of_real, of_generated_anew))
    assert_close(belief, LOSSES["relativistic"].belief(of_real, of_generated))
    assert not torch.allclose(loss_g, LOSSES["relativistic"].generator(of_real * 0, of_generated_anew), atol=1e-5)


def test_the_penalty_comes_every_so_many_steps_and_weighs_that_many_times_as_much(monkeypatch):
    game = new_game("penalty=0.3", "penalty_every=8")
    real, labels = seen_clips(game)
    monkeypatch.setattr(training, "zero_centred_penalty", lambda scores, inputs: torch.tensor(1.0))
    totals = []
    monkeypatch.setattr(game, "_update", lambda optimiser, total, rate, step: totals.append(total.detach()))
    added = [totals[-1] - loss for loss in (game.discriminator_step(real, labels, step)[0] for step in range(1, 17))]
    # R1 and R2, 1 each here: 2 * 0.3 * 8 at the steps 8 and 16
    assert_close(torch.stack(added), torch.tensor(([0.0] * 7 + [4.8]) * 2))


def test_r1_is_taken_at_the_real_clips_and_r2_at_the_generated_ones(monkeypatch):
    game = new_game("penalty_every=1", "roll_seconds=0")
    real, labels = seen_clips(game)
    places = []
    monkeypatch.setattr(training, "zero_centred_penalty", lambda scores, x: places.append(x) or scores.sum() * 0)
    game.discriminator_step(real.clone(), labels, 1)
    assert torch.equal(places[0].detach(), real)
    assert places[1].shape == real.shape
    assert not torch.equal(places[1].detach(), real)


def test_the_interpolated_penalty_lies_between_real_and_generated_clips_and_has_its_weight(monkeypatch):
    game = new_game("penalty=10", "critic_steps=1", "kernel=5", preset="wavegan")
    real, labels = seen_clips(game)
    places, totals = [], []

    def penalty(critic, first, second):
        places.append((first, second))
        assert_close(critic(first).shape, torch.Size([8]))
        return torch.tensor(1.0)

    monkeypatch.setattr(training, "interpolated_penalty", penalty)
    monkeypatch.setattr(game, "_update", lambda optimiser, total, rate, step: totals.append(total.detach()))
    loss, _ = game.discriminator_step(real, labels, 1)
    assert_close(totals[0] - loss, torch.tensor(10.0))
    assert torch.equal(places[0][0], real)
    assert not torch.equal(places[0][1], real)


def test_plain_wgan_holds_every_weight_of_the_critic_within_its_bound():
    game = new_game("loss=wgan", "penalty=0.01")
    real, labels = seen_clips(game)
    game.discriminator_step(real, labels, 1)
    largest = {
        name: max(float(weights.detach().abs().max()) for weights in network.parameters())
        for name, network in (("critic", game.discriminator), ("generator", game.generator))
    }
    assert largest["critic"] == pytest.approx(0.01)
    assert largest["generator"] > 0.05


def test_learning_rates_fall_with_the_root_of_the_steps():
    game = new_game("decay_steps=100", "rate_g=3e-4", "rate_d=8e-4")
    real, labels = seen_clips(game)
    game.discriminator_step(real, labels, 300)
    game.generator_step(labels, 800)
    # 1 / sqrt(1 + 300 / 100) = 1 / 2 and 1 / sqrt(1 + 800 / 100) = 1 / 3
    assert game.optimiser_d.param_groups[0]["lr"] == pytest.approx(4e-4)
    assert game.optimiser_g.param_groups[0]["lr"] == pytest.approx(1e-4)


def test_learning_rates_without_decay_stay():
    game = new_game("decay_steps=0", "rate_g=3e-4", "rate_d=8e-4")
    real, labels = seen_clips(game)
    game.discriminator_step(real, labels, 10_000)
    game.generator_step(labels, 10_000)
    assert [o.param_groups[0]["lr"] for o in (game.optimiser_d, game.optimiser_g)] == [8e-4, 3e-4]
    assert [o.param_groups[0]["betas"] for o in (game.optimiser_d, game.optimiser_g)] == [(0.0, 0.99)] * 2


@pytest.mark.parametrize(
    ("ema", "step", "kept"), [(0.998, 1, 2 / 11), (0.5, 1, 2 / 11), (0.5, 100, 0.5), (0.0, 3, 0.0)]
)
def test_the_averaged_weights_keep_a_share_that_grows_with_the_steps(ema, step, kept):
    game = new_game(f"ema={ema}")
    real, labels = seen_clips(game)
    before = [weights.clone() for weights in game.averaged.parameters()]
    game.discriminator_step(real, labels, step)
    game.generator_step(labels, step)
    for old, live, averaged in zip(before, game.generator.parameters(), game.averaged.parameters(), strict=True):
        assert_close(averaged, kept * old + (1 - kept) * live.detach())


def test_what_is_kept_to_be_heard_are_the_averaged_weights(new_run, clips):
    run = new_run("first", "ema=0.9")
    train_here(run, clips, steps=12)
    saved, heard = run.load_resume()[0], load_tensors(run.snapshot().path)[0]
    for name, tensor in heard.items():
        assert torch.equal(saved[name], tensor)
    live = {name.replace("live.", "generator."): tensor for name, tensor in saved.items() if name.startswith("live.")}
    assert all(not torch.equal(heard[name], tensor) for name, tensor in live.items())
    assert set(heard) == set(live) | {"transform.mean", "transform.std", "transform.floor"}


def test_the_transform_learns_from_clips_of_the_whole_data_set(new_run, clips, monkeypatch):
    run = new_run("first")
    monkeypatch.setattr(training, "FITTING_CLIPS", 10)
    train_here(run, clips, steps=1)
    expected = make_transform(run.config)
    # 24 clips in strides of 3
    expected.fit(training.float_waves(clips.waves[::3]))
    assert torch.equal(run.load_resume()[0]["transform.mean"], expected.mean)


def test_a_step_s_random_numbers_are_its_own():
    seeds = {mix_seed(seed, step) for seed in range(30) for step in range(300)}
    assert len(seeds) == 9_000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**62


# when it goes wrong


def test_a_loss_that_is_no_number_ends_the_training_and_leaves_the_last_save(new_run, clips, monkeypatch):
    run, undisturbed = new_run("first", "log_every=5"), new_run("undisturbed", "log_every=5")
    for each in (run, undisturbed):
        train_here(each, clips, steps=10)
    average = Game._average

    def burst(game: Game, step: int) -> None:
        average(game, step)
        if step == 12:
            with torch.no_grad():
                game.generator.to_frames.weight.fill_(math.inf)

    with monkeypatch.context() as patch:
        patch.setattr(Game, "_average", burst)
        with pytest.raises(Diverged, match="Training diverged before step 15: a loss is no longer a number"):
            train_here(run, clips, steps=30)
    assert run.metrics()["step"] == [5, 10]
    # and from there it goes on as if nothing had been
    for each in (run, undisturbed):
        train_here(each, clips, steps=20)
    assert_same_training(run, undisturbed)


def test_a_damaged_save_is_a_sentence_and_not_a_new_beginning(new_run, clips):
    run = new_run("first")
    train_here(run, clips, steps=2)
    (run.folder / "resume.safetensors").write_bytes(b"nonsense")
    with pytest.raises(RunError, match="The run 'first' cannot be resumed"):
        train_here(run, clips, steps=4)
    assert run.metrics()["step"] == [2]


# progress


def test_rows_are_means_over_the_steps_since_the_last_row(new_run):
    run, progress = new_run("first"), Progress(steps_per_epoch=100)
    for step, value in enumerate((1.0, 2.0, 6.0, 10.0, 20.0), start=1):
        progress.step = step
        progress.add(torch.tensor([value, 2 * value, 0.5, 0.25]), seconds=0.5)
        if step in (3, 5):
            progress.log()
    progress.flush(run)
    assert list(zip(*run.metrics().values(), strict=True)) == [(3, 1.5, 3, 6, 0.5, 0.25), (5, 2.5, 15, 30, 0.5, 0.25)]


def test_an_epoch_s_row_is_the_mean_of_the_steps_that_ended_in_it(new_run):
    run, progress = new_run("first"), Progress(steps_per_epoch=2.5)
    for step, value in enumerate((1.0, 2.0, 6.0, 10.0, 20.0, 7.0), start=1):
        progress.step = step
        progress.add(torch.tensor([value, 0, 0, -value]), seconds=1)
    progress.log()
    progress.flush(run)
    # the first epoch ends within step 3, the second with step 5
    losses, beliefs = run.epochs()
    assert losses["D LOSS"] == [3, 15]
    assert beliefs["FAKE PROB"] == [-3, -15]


def test_epochs_shorter_than_a_step_repeat_its_values(new_run):
    run, progress = new_run("first"), Progress(steps_per_epoch=0.4)
    for step, value in enumerate((3.0, 5.0), start=1):
        progress.step = step
        progress.add(torch.tensor([value, 0, 0, 0]), seconds=1)
    progress.log()
    progress.flush(run)
    # 2.5 epochs after the first step, 5 after the second, in which the third ends
    assert run.epochs()[0]["D LOSS"] == [3, 3, 5, 5, 5]


def test_there_is_one_row_an_epoch(new_run, clips):
    run = new_run("first", "log_every=7")
    train_here(run, clips, steps=20)
    # 24 clips, 8 a step
    losses, beliefs = run.epochs()
    assert len(losses["D LOSS"]) == len(beliefs["REAL PROB"]) == 6


# the schedule, on a clock that the test moves


def at_seconds(seconds: float, limit: Limit, step: int = 0, steps_per_epoch: float = 10) -> Schedule:
    progress = Progress(steps_per_epoch)
    progress.seconds, progress.step = seconds, step
    return Schedule(limit, progress)


def test_previews_come_after_5_seconds_then_ever_more_slowly_but_every_2_minutes():
    schedule = at_seconds(0, Limit(minutes=60))
    heard = []
    for second in range(1, 1_200):
        schedule.progress.seconds = second
        if schedule.preview_is_due():
            heard.append(second)
    # gaps of 5 s, then 0.3 of the time so far, then 120 s
    assert heard[:6] == [5, 10, 15, 20, 26, 34]
    assert heard[-1] - heard[-2] == 120


def test_saves_come_every_30_seconds_unless_saving_is_slow(monkeypatch):
    schedule = at_seconds(100, Limit(minutes=60))
    schedule.progress.seconds = 129
    assert not schedule.save_is_due()
    schedule.progress.seconds = 130
    assert schedule.save_is_due()
    schedule.saving(lambda: None)
    assert not schedule.save_is_due()
    schedule.progress.seconds = 160
    assert schedule.save_is_due()
    # a save of 10 s may take a twentieth of the time: the next one comes after 200 s
    clock = iter((0.0, 10.0))
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(clock))
    schedule.saving(lambda: None)
    schedule.progress.seconds = 359
    assert not schedule.save_is_due()
    schedule.progress.seconds = 361
    assert schedule.save_is_due()


def test_a_training_is_over_by_steps_epochs_or_minutes():
    assert not at_seconds(0, Limit(steps=20), step=19).is_over()
    assert at_seconds(0, Limit(steps=20), step=20).is_over()
    # 2.5 epochs of 10.3 steps are over within the 26th
    assert not at_seconds(0, Limit(epochs=2.5), step=25, steps_per_epoch=10.3).is_over()
    assert at_seconds(0, Limit(epochs=2.5), step=26, steps_per_epoch=10.3).is_over()
    assert not at_seconds(89, Limit(minutes=1.5)).is_over()
    assert at_seconds(90, Limit(minutes=1.5)).is_over()


def test_what_is_left_follows_from_the_pace():
    schedule = at_seconds(10, Limit(steps=100), step=20)
    schedule.progress.step, schedule.progress.seconds = 24, 12
    tick = schedule.tick()
    # 4 steps in 2 seconds
    assert (tick.step, tick.epoch, tick.seconds, tick.fraction) == (24, 2.4, 12, 0.24)
    assert tick.steps_per_second == pytest.approx(2)
    assert tick.seconds_left == pytest.approx(76 / 2)
    schedule.progress.step, schedule.progress.seconds = 64, 17
    # 8 steps/s for 5 of the 10 seconds that the pace remembers
    assert schedule.tick().steps_per_second == pytest.approx((2 + 8) / 2)


def test_what_is_left_of_minutes_is_left_by_the_clock():
    schedule = at_seconds(0, Limit(minutes=2), step=0)
    schedule.progress.step, schedule.progress.seconds = 5, 30
    tick = schedule.tick()
    assert (tick.fraction, tick.seconds_left) == (0.25, 90)


# memory


def test_the_least_memory_is_what_can_be_counted_by_hand():
    # generator 3 -> 4 -> 8 -> 16 -> 10: 16 + 40 + 144 + 170; discriminator 10 -> 16 -> 8 -> 4 -> 1: 176 + 136 + 36 + 5
    config = tiny_config("width=4", "latent_size=3", preset="mlp", clip_samples=10)
    numbers = 5 * (16 + 40 + 144 + 170) + 4 * (176 + 136 + 36 + 5)
    assert training.least_memory_bytes(config, 0) == 4 * numbers
    assert training.least_memory_bytes(config, 7) == 4 * numbers + 7 * 10 * 4


def test_a_data_set_too_large_to_be_kept_needs_no_memory(monkeypatch):
    config = tiny_config("width=4", "latent_size=3", preset="mlp", clip_samples=10)
    monkeypatch.setattr(training, "MEMORY_BYTES", 7 * 10 * 4)
    empty = training.least_memory_bytes(config, 0)
    assert training.least_memory_bytes(config, 7) == empty + 280
    assert training.least_memory_bytes(config, 8) == empty


@pytest.mark.parametrize("preset", PRESETS)
def test_the_least_memory_is_what_a_training_holds_after_its_first_step(preset, clips):
    config = tiny_config("batch=2", "penalty_every=1", preset=preset)
    device = torch.device("cpu")
    transform = make_transform(config)
    game, examples = Game(config, transform, device), Examples(clips, transform, device, 0)
    real, labels = examples.batch(0, 2)
    game.discriminator_step(real, labels, 1)
    game.generator_step(labels, 1)
    held = [examples._seen]
    for network in (game.generator, game.discriminator, game.averaged):
        held += [*network.buffers(), *network.parameters()]
        held += [weights.grad for weights in network.parameters() if weights.grad is not None]
    for optimiser in (game.optimiser_g, game.optimiser_d):
        for state in optimiser.state.values():
            held += [state["exp_avg"], state["exp_avg_sq"]]
    assert training.least_memory_bytes(config, len(clips.waves)) == sum(t.numel() * t.element_size() for t in held)
