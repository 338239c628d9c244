"""Training: the loop, one function that can be read aloud. Needs only torch and numpy once a data set is prepared."""

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audiogan import audio, latent
from audiogan.config import Limit, RunConfig
from audiogan.losses import LOSSES, interpolated_penalty, zero_centred_penalty
from audiogan.models import ARCHITECTURES
from audiogan.runs import Run
from audiogan.transforms import Transform, make_transform

PREVIEW_SEEDS = (0, 1, 2, 3, 4, 5)
"""The latents that are listened to throughout training; labels take turns over them."""

FITTING_CLIPS = 500
"""Clips from which a transform learns its statistics: enough for a mean and deviation per mel bin."""

MEMORY_BYTES = 2**30
"""A transformed data set up to this size is kept in memory; a larger one is transformed batch by batch."""


class Diverged(RuntimeError):
    """A loss became infinite or not a number; what was saved before is whole."""


@dataclass(frozen=True)
class Clips:
    """A prepared data set, as training needs it."""

    waves: np.ndarray
    """int16 (N, T), possibly memory-mapped."""

    labels: np.ndarray
    """int (N,)."""


@dataclass(frozen=True)
class Tick:
    """Where a training stands, told to whoever watches after every step."""

    step: int
    epoch: float
    seconds: float
    fraction: float
    steps_per_second: float
    seconds_left: float | None


def train(
    run: Run,
    clips: Clips,
    limit: Limit,
    device: torch.device,
    watch: Callable[[Tick], str | None],
    encode: Callable[[Tensor], bytes],
) -> str:
    """Train until the limit or until `watch` answers 'pause' or 'stop'; returns 'finished', 'paused' or 'stopped'.

    `encode` turns one preview (T,) into the bytes of a WAV file. Goes on from the run's last save when there is one:
    every random number is a function of the run's seed and the step, so that going on equals never having stopped (bit
    for bit on one processor with the same thread count). Raises Diverged; the last good save stays.
    """
    config, settings = run.config, run.config.settings
    torch.manual_seed(config.seed)

    # the data set as the network sees it
    transform = make_transform(config).to(device)
    transform.fit(float_waves(clips.waves[:: math.ceil(len(clips.waves) / FITTING_CLIPS)]).to(device))
    examples = Examples(clips, transform, device, config.seed)
    game = Game(config, transform, device)

    # where to begin
    progress = Progress(examples.clips_per_epoch / (settings.batch * settings.critic_steps))
    saved = run.load_resume()
    if saved:
        game.load(saved[0])
        progress.load(saved[1])
    run.cut_back(progress.step, progress.epochs)
    schedule = Schedule(limit, progress)
    if not saved:
        run.save_snapshot(0, game.snapshot(), [encode(wave) for wave in game.preview()])

    def save() -> None:
        progress.flush(run)
        run.save_resume(game.tensors(), progress.dump())

    while not schedule.is_over():
        started = time.perf_counter()
        progress.step += 1
        torch.manual_seed(mix_seed(config.seed, progress.step))

        # the discriminator learns to tell real from generated ...
        for turn in range(settings.critic_steps):
            batch_number = (progress.step - 1) * settings.critic_steps + turn
            real, labels = examples.batch(batch_number, settings.batch)
            loss_d, belief = game.discriminator_step(real, labels, progress.step)
        # ... and the generator to be mistaken for real
        loss_g = game.generator_step(labels, progress.step)

        progress.add(torch.stack([loss_d, loss_g, *belief]), time.perf_counter() - started)
        asked = watch(schedule.tick())
        if progress.step % settings.log_every and not asked and not schedule.is_over():
            continue

        # now and then: numbers to disk, something to hear, everything needed to go on
        progress.log()
        game.check()
        if schedule.preview_is_due() or asked or schedule.is_over():
            run.save_snapshot(progress.step, game.snapshot(), [encode(wave) for wave in game.preview()])
        if schedule.save_is_due() or asked or schedule.is_over():
            schedule.saving(save)
        else:
            progress.flush(run)
        if asked:
            return "paused" if asked == "pause" else "stopped"
    return "finished"


def mix_seed(seed: int, step: int) -> int:
    """A well-spread 63-bit seed for one step (the finaliser of splitmix64, Steele et al. 2014)."""
    mask = 2**64 - 1
    z = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1


def float_waves(waves: np.ndarray) -> Tensor:
    """int16 (B, T) -> float32 in [-1, 1]."""
    return torch.from_numpy(audio.from_int16(waves))


def least_memory_bytes(config: RunConfig, n_clips: int) -> int:
    """What a training holds at the very least from its first step on, found without allocating any of it.

    Of both networks weights, gradients and Adam's two moments (4 times 4 bytes a parameter); the averaged generator (4
    bytes); statistics of normalisations; and the data set where it is kept. Activations come on top of this.
    """
    transform = make_transform(config)
    generator, discriminator = ARCHITECTURES[config.settings.architecture]
    with torch.device("meta"):
        g, d = (part(config.settings, transform.shape, config.n_labels) for part in (generator, discriminator))
    weights = 5 * _bytes(g.parameters()) + 4 * _bytes(d.parameters())
    return weights + 2 * _bytes(g.buffers()) + _bytes(d.buffers()) + kept_bytes(transform, n_clips)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def kept_bytes(transform: Transform, n_clips: int) -> int:
    """Memory that the transformed data set takes: all of it (float32), or 0 when it is too large to be kept."""
    count = 4 * math.prod(transform.shape) * n_clips
    return count if count <= MEMORY_BYTES else 0


class Examples:
    """The data set in an order that is a function of the seed: shuffled anew each epoch, every clip once an epoch."""

    def __init__(self, clips: Clips, transform: Transform, device: torch.device, seed: int) -> None:
        self.clips, self.transform, self.device, self.seed = clips, transform, device, seed
        self.labels = torch.from_numpy(clips.labels.astype(np.int64)).to(device)
        self.clips_per_epoch = len(clips.waves)
        self._orders: dict[int, np.ndarray] = {}
        self._seen = self._transform_all() if kept_bytes(transform, len(clips.waves)) else None

    def batch(self, number: int, size: int) -> tuple[Tensor, Tensor]:
        """(what the network sees (size, *shape), labels (size,)) of the batch with that number, counted from 0.

        Every batch is full: what an epoch has left over is completed from the next one's order.
        """
        positions = np.arange(number * size, (number + 1) * size)
        epochs, places = np.divmod(positions, self.clips_per_epoch)
        chosen = np.array([self._order(epoch)[place] for epoch, place in zip(epochs, places, strict=True)])
        index = torch.from_numpy(chosen).to(self.device)
        if self._seen is not None:
            return self._seen[index], self.labels[index]
        return self.transform(float_waves(self.clips.waves[chosen]).to(self.device)), self.labels[index]

    def _order(self, epoch: int) -> np.ndarray:
        if epoch not in self._orders:
            self._orders = {past: order for past, order in self._orders.items() if past >= epoch - 1}
            self._orders[epoch] = np.random.default_rng((self.seed, epoch)).permutation(self.clips_per_epoch)
        return self._orders[epoch]

    def _transform_all(self) -> Tensor:
        waves = self.clips.waves
        # a few at a time: the complex spectrum of a clip is many times larger than what is kept of it
        parts = [self.transform(float_waves(waves[at : at + 32]).to(self.device)) for at in range(0, len(waves), 32)]
        return torch.cat(parts)


class Game:
    """The two networks, their optimisers, and one update of each."""

    def __init__(self, config: RunConfig, transform: Transform, device: torch.device) -> None:
        self.settings, self.transform, self.device = config.settings, transform, device
        self.n_labels = config.n_labels
        generator, discriminator = ARCHITECTURES[self.settings.architecture]
        self.generator = generator(self.settings, transform.shape, self.n_labels).to(device)
        self.discriminator = discriminator(self.settings, transform.shape, self.n_labels).to(device)
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.loss = LOSSES[self.settings.loss]
        self.optimiser_g = self._adam(self.generator, self.settings.rate_g)
        self.optimiser_d = self._adam(self.discriminator, self.settings.rate_d)

    def _adam(self, network: torch.nn.Module, rate: float) -> torch.optim.Adam:
        betas = (self.settings.beta1, self.settings.beta2)
        # Apple's backend has no fused kernel on the older torch versions we support
        return torch.optim.Adam(network.parameters(), rate, betas, fused=self.device.type != "mps")

    def draw(self, count: int) -> Tensor:
        """(count, Z) latents of the published distribution."""
        return latent.draw(count, self.settings.latent_size, self.settings.latent, self.device)

    def discriminator_step(self, real: Tensor, labels: Tensor, step: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One update on real clips (B, *shape) and as many generated ones of the same labels; (loss, belief)."""
        settings, lazy = self.settings, step % self.settings.penalty_every == 0
        labels = labels if self.n_labels else None
        with torch.no_grad():
            fake = self.generator(self.draw(len(real)), labels)
        real, fake = self._rolled(real, fake)
        if self.loss.penalty == "zero_centred" and lazy:
            real.requires_grad_(), fake.requires_grad_()

        score_real, score_fake = self.discriminator(real, labels), self.discriminator(fake, labels)
        loss = total = self.loss.discriminator(score_real, score_fake)
        weight = settings.penalty * settings.penalty_every
        if self.loss.penalty == "zero_centred" and lazy:
            penalty = zero_centred_penalty(score_real, real) + zero_centred_penalty(score_fake, fake)
            total = loss + weight * penalty
        if self.loss.penalty == "interpolated" and lazy:
            penalty = interpolated_penalty(lambda x: self.discriminator(x, labels), real, fake)
            total = loss + weight * penalty

        self._update(self.optimiser_d, total, settings.rate_d, step)
        if self.loss.penalty == "clip":
            with torch.no_grad():
                for weights in self.discriminator.parameters():
                    weights.clamp_(-settings.penalty, settings.penalty)
        # the generator's relativistic loss is measured against these
        self._score_real = score_real.detach()
        return loss.detach(), self.loss.belief(score_real.detach(), score_fake.detach())

    def generator_step(self, labels: Tensor, step: int) -> Tensor:
        """One update against the discriminator as it is now, and of the averaged weights; the loss."""
        count, labels = len(labels), labels if self.n_labels else None
        # its weights take no part in this update: without this, half of the backward pass is wasted on them
        self.discriminator.requires_grad_(False)
        fake = self.generator(self.draw(count), labels)
        (fake,) = self._rolled(fake)
        loss = self.loss.generator(self._score_real, self.discriminator(fake, labels))
        self._update(self.optimiser_g, loss, self.settings.rate_g, step)
        self.discriminator.requires_grad_(True)
        self._average(step)
        return loss.detach()

    def _update(self, optimiser: torch.optim.Adam, loss: Tensor, rate: float, step: int) -> None:
        decay = self.settings.decay_steps
        for group in optimiser.param_groups:
            group["lr"] = rate / math.sqrt(1 + step / decay) if decay else rate
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    @torch.no_grad()
    def _average(self, step: int) -> None:
        """Move the averaged weights towards the present ones; the average is short while training is young.

        Batch normalisation's statistics are running averages already and are copied.
        """
        keep = min(self.settings.ema, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.generator.parameters()), 1 - keep)
        for average, present in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            average.copy_(present)

    def _rolled(self, *batches: Tensor) -> tuple[Tensor, ...]:
        """The same augmentation on real and generated clips: each is rolled in time by its own random amount."""
        hop_seconds = getattr(self.transform, "hop", 0) / getattr(self.transform, "rate", 1)
        most = round(self.settings.roll_seconds / hop_seconds) if hop_seconds else 0
        if not most:
            return batches
        return tuple(_roll_each(x, torch.randint(-most, most + 1, (len(x), 1), device=x.device)) for x in batches)

    def check(self) -> None:
        """Raise Diverged when the last updates broke a network, which its losses tell only one step later."""
        weights = [*self.generator.parameters(), *self.discriminator.parameters()]
        if not torch.stack(torch._foreach_norm(weights)).isfinite().all():
            raise Diverged("Training diverged: a network's weights are no longer numbers.")

    @torch.inference_mode()
    def preview(self) -> list[Tensor]:
        """The sounds of the fixed latents, each (T,)."""
        labels = torch.arange(len(PREVIEW_SEEDS), device=self.device) % self.n_labels if self.n_labels else None
        points = [latent.from_seed(seed, self.settings.latent_size, self.settings.latent) for seed in PREVIEW_SEEDS]
        seen = self.averaged(torch.stack(points).to(self.device), labels)
        return list(self.transform.inverse(seen).cpu())

    def snapshot(self) -> dict[str, Tensor]:
        """The averaged generator and what the transform learned: all that making sound needs."""
        tensors = {f"generator.{name}": value for name, value in self.averaged.state_dict().items()}
        return tensors | {f"transform.{name}": value for name, value in self.transform.state_dict().items()}

    def tensors(self) -> dict[str, Tensor]:
        """Everything needed to go on exactly."""
        tensors = self.snapshot()
        for name, network in (("live", self.generator), ("discriminator", self.discriminator)):
            tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for name, optimiser in (("adam_g", self.optimiser_g), ("adam_d", self.optimiser_d)):
            for index, state in optimiser.state_dict()["state"].items():
                tensors |= {f"{name}.{index}.{key}": value for key, value in state.items()}
        return tensors

    def load(self, tensors: dict[str, Tensor]) -> None:
        """The reverse of `tensors`."""
        self.averaged.load_state_dict(_under("generator.", tensors))
        self.transform.load_state_dict(_under("transform.", tensors))
        self.generator.load_state_dict(_under("live.", tensors))
        self.discriminator.load_state_dict(_under("discriminator.", tensors))
        for name, optimiser in (("adam_g.", self.optimiser_g), ("adam_d.", self.optimiser_d)):
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in _under(name, tensors).items():
                index, field = key.split(".", 1)
                state.setdefault(int(index), {})[field] = value
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def _roll_each(x: Tensor, shifts: Tensor) -> Tensor:
    """(B, ..., F), each clip rolled by its own number of positions (B, 1), what leaves one end entering the other."""
    positions = (torch.arange(x.shape[-1], device=x.device) - shifts) % x.shape[-1]  # (B, F)
    return x.gather(-1, positions.view(len(x), *[1] * (x.dim() - 2), -1).expand_as(x))


class Progress:
    """Steps and seconds done, and means of what was measured since the last row."""

    def __init__(self, steps_per_epoch: float) -> None:
        self.steps_per_epoch = steps_per_epoch
        self.step, self.epochs, self.seconds = 0, 0, 0.0
        self._window, self._epoch = _Mean(), _Mean()
        self._rows: list[tuple[float, ...]] = []
        self._epoch_rows: list[list[float]] = []

    @property
    def epoch(self) -> float:
        return self.step / self.steps_per_epoch

    def add(self, values: Tensor, seconds: float) -> None:
        """Count one step that measured `values` (loss_d, loss_g, belief_real, belief_fake), still on the device."""
        self.seconds += seconds
        self._window.add(values)
        self._epoch.add(values)
        while self.epoch >= self.epochs + 1:
            # an epoch shorter than a step repeats that step's values
            self._epoch_rows.append(self._epoch.values())
            self.epochs += 1
            if self.epoch < self.epochs + 1:
                self._epoch.clear()

    def log(self) -> None:
        """Close one row of metrics. Raises Diverged when it is not finite."""
        values = self._window.values()
        if not all(map(math.isfinite, values)):
            raise Diverged(f"Training diverged before step {self.step:,}: a loss is no longer a number.")
        self._rows.append((self.step, self.seconds, *values))
        self._window.clear()

    def flush(self, run: Run) -> None:
        """Rows to disk."""
        run.append_metrics(self._rows)
        for loss_d, loss_g, real, fake in self._epoch_rows:
            run.append_epoch((loss_d, loss_g), (real, fake))
        self._rows, self._epoch_rows = [], []

    def dump(self) -> dict:
        """All of it as JSON values; rows are on disk already and the window is empty."""
        return {
            "step": self.step,
            "epochs": self.epochs,
            "seconds": self.seconds,
            "epoch": self._epoch.dump(),
        }

    def load(self, values: dict) -> None:
        self.step, self.epochs, self.seconds = values["step"], values["epochs"], values["seconds"]
        self._epoch.load(values["epoch"])


class _Mean:
    """A running mean of a small tensor that stays on its device until it is read."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._sum, self._count = None, 0

    def add(self, values: Tensor) -> None:
        values = values.double() if values.device.type != "mps" else values
        self._sum = values if self._sum is None else self._sum + values
        self._count += 1

    def values(self) -> list[float]:
        return (self._sum / self._count).tolist()

    def dump(self) -> dict:
        return {"sum": self._sum.tolist() if self._count else None, "count": self._count}

    def load(self, values: dict) -> None:
        self._sum = torch.tensor(values["sum"], dtype=torch.float64) if values["count"] else None
        self._count = values["count"]


class Schedule:
    """When to stop, when to let something be heard, when to save: by steps or by seconds of training."""

    FIRST_PREVIEW_SECONDS = 5.0
    PREVIEW_GROWTH = 1.3
    """Previews come ever more slowly, as progress does ..."""

    LONGEST_PREVIEW_SECONDS = 120.0
    """... but at least this often."""

    SAVE_SECONDS = 30.0
    """Most training that a sudden death can cost, unless saving is slow:"""

    SAVE_SHARE = 0.05
    """saving takes at most this share of the time."""

    def __init__(self, limit: Limit, progress: Progress) -> None:
        self.limit, self.progress = limit, progress
        self._steps = limit.steps
        if limit.epochs is not None:
            self._steps = math.ceil(limit.epochs * progress.steps_per_epoch)
        self._next_preview = self._after(progress.seconds)
        self._next_save = progress.seconds + self.SAVE_SECONDS
        self._pace: float | None = None
        self._last = (progress.step, progress.seconds)

    def is_over(self) -> bool:
        if self._steps is not None:
            return self.progress.step >= self._steps
        return self.progress.seconds >= self.limit.minutes * 60

    def preview_is_due(self) -> bool:
        due = self.progress.seconds >= self._next_preview
        if due:
            self._next_preview = self._after(self.progress.seconds)
        return due

    def _after(self, seconds: float) -> float:
        gap = max(self.FIRST_PREVIEW_SECONDS, seconds * (self.PREVIEW_GROWTH - 1))
        return seconds + min(gap, self.LONGEST_PREVIEW_SECONDS)

    def save_is_due(self) -> bool:
        return self.progress.seconds >= self._next_save

    def saving(self, save: Callable[[], None]) -> None:
        """Save, and plan the next one by what this one cost."""
        started = time.perf_counter()
        save()
        cost = time.perf_counter() - started
        self._next_save = self.progress.seconds + max(self.SAVE_SECONDS, cost / self.SAVE_SHARE)

    def tick(self) -> Tick:
        """Where the training stands; the pace is smoothed over about ten seconds."""
        step, seconds = self.progress.step, self.progress.seconds
        passed = seconds - self._last[1]
        if passed >= 1 or self._pace is None:
            pace = (step - self._last[0]) / max(passed, 1e-9)
            share = min(1.0, passed / 10)
            self._pace = pace if self._pace is None else self._pace + share * (pace - self._pace)
            self._last = (step, seconds)
        if self._steps is not None:
            fraction, left = step / self._steps, (self._steps - step) / self._pace
        else:
            total = self.limit.minutes * 60
            fraction, left = min(1.0, seconds / total), max(0.0, total - seconds)
        return Tick(step, self.progress.epoch, seconds, fraction, self._pace, left)
