"""Training: the loop, one function that can be read aloud. Needs only torch and numpy once a data set is prepared."""

import math
import time
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor

from audiogan import ranks
from audiogan.config import Limit, RunConfig
from audiogan.examples import Clips, Examples, float_waves, kept_bytes
from audiogan.game import PREVIEW_SEEDS, Game
from audiogan.graphs import playing
from audiogan.models import without_memory
from audiogan.progress import Progress, Schedule, Tick
from audiogan.runs import Run, RunError, Score
from audiogan.splits import in_proportion
from audiogan.transforms import make_transform

FITTING_CLIPS = 500
"""Clips from which a transform learns its statistics: enough for a mean and deviation per mel bin, and two frames or
more of each to lend."""

SCORED_SEEDS = range(128)
"""The latents whose sounds a snapshot is judged by: the same ones each time, so that only the snapshot differs."""


def train(
    run: Run,
    clips: Clips,
    limit: Limit,
    device: torch.device,
    watch: Callable[[Tick], str | None],
    encode: Callable[[Tensor], bytes],
    score: Callable[[Tensor], Score | None] | None = None,
) -> str:
    """Train until the limit or until `watch` answers 'pause' or 'stop'; returns 'finished', 'paused', 'stopped', or
    'settled' when the best snapshot is older than the settings' patience.

    `encode` turns one preview (T,) into the bytes of a WAV file; `score` says how good sounds (n, T) are, if it can.
    Goes on from the run's last save when there is one: every random number is a function of the run's seed and the
    step, so that going on equals never having stopped (bit for bit on one processor with the same thread count).
    Raises Diverged; the last good save stays.
    """
    config, settings = run.config, run.config.settings
    torch.manual_seed(config.seed)

    # the data set as the network sees it
    transform = make_transform(config).to(device)
    fitted = clips.training_places[:: math.ceil(len(clips.training_places) / FITTING_CLIPS)]
    transform.fit(float_waves(clips.waves[fitted]).to(device))
    examples = Examples(clips, transform, device, config.seed)
    shares = clips.class_shares(config.n_classes)
    previewed = clips.classes_in_turn(len(PREVIEW_SEEDS), config.kinds_per_label, config.n_classes) if shares else None
    game = Game(config, transform, device)

    # where to begin
    progress = Progress(examples.clips_per_epoch / (ranks.COUNT * settings.batch * settings.critic_steps))
    saved = run.load_resume()
    if saved:
        game.load(saved[0])
        progress.load(saved[1])
    run.clear_unfinished()
    if not ranks.agree(progress.step):
        raise RunError(f"The processes see different saves of '{run.name}': they must share its folder.")
    ranks.equalise(game.tensors().values())
    steps = playing(game)
    run.cut_back(progress.step, progress.epochs)
    schedule = Schedule(limit, progress)

    def keep() -> None:
        sounds = game.sounds(PREVIEW_SEEDS, previewed)
        run.save_snapshot(progress.step, game.snapshot(), [encode(wave) for wave in sounds])

    def save() -> None:
        progress.flush(run)
        run.save_resume(game.tensors(), progress.dump())

    def judge() -> None:
        found = score(game.sounds(SCORED_SEEDS, in_proportion(shares, SCORED_SEEDS) if shares else None))
        if found:
            run.append_score(progress.step, progress.seconds, found)

    if not saved:
        run.save_class_shares(shares)
        keep()

    while not schedule.is_over():
        started = time.perf_counter()
        progress.step += 1
        torch.manual_seed(mix_seed(config.seed, progress.step))

        # the discriminator learns to tell real from generated ...
        for turn in range(settings.critic_steps):
            batch_number = (progress.step - 1) * settings.critic_steps + turn
            real, classes = examples.batch(ranks.part(batch_number), settings.batch)
            loss_d, belief = steps.discriminator_step(real, classes, progress.step)
        # ... and the generator to be mistaken for real
        loss_g = steps.generator_step(classes, progress.step)

        measured = torch.stack([loss_d, loss_g, *belief])
        ranks.average([measured])
        progress.add(measured, ranks.largest(time.perf_counter() - started))
        asked = ranks.strongest(watch(schedule.tick()), (None, "pause", "stop"))
        if progress.step % settings.log_every and not asked and not schedule.is_over():
            continue

        # now and then: numbers to disk, something to hear, everything needed to go on
        progress.log()
        game.check()
        leaving = asked or schedule.is_over()
        scoring = score and ranks.from_first(partial(schedule.score_is_due, leaving))
        if schedule.preview_is_due() or scoring or leaving:
            keep()
        if schedule.saving.is_due() or scoring or leaving:
            schedule.saving.do(save)
        else:
            progress.flush(run)
        if scoring:
            schedule.scoring.do(judge)
            if run.best_step == progress.step:
                run.keep_save_as_best()
        if asked:
            return "paused" if asked == "pause" else "stopped"
        if scoring and ranks.from_first(run.minutes_since_best) > (settings.patience or math.inf):
            return "settled"
    return "finished"


def mix_seed(seed: int, step: int) -> int:
    """A well-spread 63-bit seed for one step (the finaliser of splitmix64, Steele et al. 2014)."""
    mask = 2**64 - 1
    z = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1


def least_memory_bytes(config: RunConfig, n_clips: int) -> int:
    """What a training holds at the very least from its first step on, found without allocating any of it.

    Of both networks weights, gradients and Adam's two moments (4 times 4 bytes a parameter); the averaged generator (4
    bytes); statistics of normalisations; and the data set where it is kept. Activations come on top of this.
    """
    transform = make_transform(config)
    g, d = without_memory(config.settings, transform.shape, config.n_classes)
    weights = 5 * _bytes(g.parameters()) + 4 * _bytes(d.parameters())
    return weights + 2 * _bytes(g.buffers()) + _bytes(d.buffers()) + kept_bytes(transform, n_clips)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
