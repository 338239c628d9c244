"""The loop: the same whether interrupted or not, every part learning, and each formula by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from audiogan import examples, training
from audiogan.examples import Examples, float_waves
from audiogan.game import PREVIEW_SEEDS, Diverged, Game
from audiogan.losses import LOSSES
from audiogan.presets import PRESETS
from audiogan.progress import Chore, Schedule
from audiogan.runs import RunError, Score
from audiogan.tensors import load_tensors
from audiogan.training import mix_seed
from audiogan.transforms import make_transform
from tests.conftest import tiny_config, train_here

CPU = torch.device("cpu")

KINDS = {
    "framegan": {"preset": "framegan"},
    "framegan without labels": {"preset": "framegan", "labels": ()},
    "wavegan": {"preset": "wavegan"},
}
SETTINGS = {
    "framegan": ["log_every=5"],
    "framegan without labels": ["log_every=5", "augment=0.5"],
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
    assert_same_tensors(load_tensors(one.snapshots()[-1].path)[0], load_tensors(other.snapshots()[-1].path)[0])
    for mine, theirs in zip(one.snapshots()[-1].previews, other.snapshots()[-1].previews, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()
    assert one.epochs() == other.epochs()


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


def test_going_on_keeps_the_exemplars_that_were_saved(new_run, clips):
    run = new_run("begun")
    train_here(run, clips, steps=5)
    tensors, progress = run.load_resume()
    tensors["transform.exemplars.structure"] = 255 - tensors["transform.exemplars.structure"]
    run.save_resume(tensors, progress)
    train_here(run, clips, steps=10)
    heard, _ = load_tensors(run.snapshots()[-1].path)
    assert torch.equal(heard["transform.exemplars.structure"], tensors["transform.exemplars.structure"])


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
        assert len(snapshot.previews) == len(PREVIEW_SEEDS)
    before, after = (item.previews[0].read_bytes() for item in run.snapshots())
    assert before != after


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


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains_either_pair(new_run, clips, loss):
    for preset in ("framegan", "wavegan"):
        run = new_run(f"{preset}-{loss}", f"loss={loss}", "kernel=5", "batch=4", "critic_steps=1", preset=preset)
        assert train_here(run, clips, steps=2) == "finished"
        assert all(map(math.isfinite, rows_without_seconds(run)[-1]))


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


# examples


def test_a_batch_larger_than_the_data_set_trains_and_counts_its_epochs(new_run, clips):
    run = new_run("first", "batch=64")
    train_here(run, clips, steps=5)
    # 5 * 64 / 24 = 13.3 epochs
    assert len(run.epochs()[0]["D LOSS"]) == 13


# augmentation, penalties, rates and the running average, by hand


def test_what_is_kept_to_be_heard_are_the_averaged_weights(new_run, clips):
    run = new_run("first", "ema=0.9")
    train_here(run, clips, steps=12)
    saved, heard = run.load_resume()[0], load_tensors(run.snapshot().path)[0]
    for name, tensor in heard.items():
        assert torch.equal(saved[name], tensor)
    live = {name.replace("live.", "generator."): tensor for name, tensor in saved.items() if name.startswith("live.")}
    assert all(not torch.equal(heard[name], tensor) for name, tensor in live.items())
    learned = {"mean", "std", "floor", "exemplars.levels", "exemplars.structure", "onsets.levels", "onsets.phases"}
    assert set(heard) == set(live) | {f"transform.{name}" for name in learned}


def test_the_transform_learns_from_clips_of_the_whole_data_set(new_run, clips, monkeypatch):
    run = new_run("first")
    monkeypatch.setattr(training, "FITTING_CLIPS", 10)
    train_here(run, clips, steps=1)
    expected = make_transform(run.config)
    # 24 clips in strides of 3
    expected.fit(float_waves(clips.waves[::3]))
    assert torch.equal(run.load_resume()[0]["transform.mean"], expected.mean)


def test_the_transform_learns_nothing_from_clips_that_are_held_out(new_run, clips):
    held_out = np.arange(24) % 2 == 0
    run = new_run("held out", "hold_out=0.5")
    train_here(run, replace(clips, held_out=held_out), 1)
    expected = make_transform(run.config)
    expected.fit(float_waves(clips.waves[~held_out]))
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
    average = Game.average

    def burst(game: Game, step: int) -> None:
        average(game, step)
        if step == 12:
            with torch.no_grad():
                game.generator.to_frames.weight.fill_(math.inf)

    with monkeypatch.context() as patch:
        patch.setattr(Game, "average", burst)
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


def test_there_is_one_row_an_epoch(new_run, clips):
    run = new_run("first", "log_every=7")
    train_here(run, clips, steps=20)
    # 24 clips, 8 a step
    losses, beliefs = run.epochs()
    assert len(losses["D LOSS"]) == len(beliefs["REAL PROB"]) == 6


# the schedule, on a clock that the test moves


# memory


def test_the_least_memory_is_what_can_be_counted_by_hand():
    # generator 3 -> 4 -> 8 -> 16 -> 10: 16 + 40 + 144 + 170; discriminator 10 -> 16 -> 8 -> 4 -> 1: 176 + 136 + 36 + 5
    config = tiny_config("width=4", "latent_size=3", preset="mlp", clip_samples=10)
    numbers = 5 * (16 + 40 + 144 + 170) + 4 * (176 + 136 + 36 + 5)
    assert training.least_memory_bytes(config, 0) == 4 * numbers
    assert training.least_memory_bytes(config, 7) == 4 * numbers + 7 * 10 * 4


def test_a_data_set_too_large_to_be_kept_needs_no_memory(monkeypatch):
    config = tiny_config("width=4", "latent_size=3", preset="mlp", clip_samples=10)
    monkeypatch.setattr(examples, "MEMORY_BYTES", 7 * 10 * 4)
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


# scores


def test_a_training_that_no_longer_improves_settles_and_keeps_its_best(new_run, clips, monkeypatch):
    monkeypatch.setattr(Schedule, "SCORE_SECONDS", 0.0)
    monkeypatch.setattr(Chore, "SHARE", math.inf)
    run = new_run("patient", "log_every=1", "patience=1e-9")
    heard, distances = [], iter([3.0, 2.0, 5.0, 1.0])

    def score(sounds: torch.Tensor) -> Score:
        heard.append(sounds)
        return Score(next(distances), 0.5, 1.0, 1.0, 0.0)

    assert train_here(run, clips, 20, score=score) == "settled"
    assert run.scores()["step"] == [1, 2, 3]
    assert run.best_step == run.snapshot().step == 2
    assert run.load_resume()[1]["step"] == 3
    assert run.saved_steps() == [2, 3]
    assert heard[0].shape == (128, 2_000)
    assert not torch.equal(heard[0], heard[1])


def test_scoring_changes_nothing_of_a_training(new_run, clips, monkeypatch):
    monkeypatch.setattr(Schedule, "SCORE_SECONDS", 0.0)
    plain, scored = new_run("plain", "log_every=1"), new_run("scored", "log_every=1")
    train_here(plain, clips, 3)
    train_here(scored, clips, 3, score=lambda sounds: Score(float(torch.rand(())), 0.5, 1.0, 1.0, 0.0))
    assert scored.scores()["step"]
    assert_same_training(plain, scored)
