"""The game: two networks, their optimisers, and one update of each."""

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from audiogan import latent, ranks
from audiogan.augmentation import augmented
from audiogan.config import RunConfig
from audiogan.devices import computes_in_bfloat16
from audiogan.losses import LOSSES, interpolated_penalty, zero_centred_penalty
from audiogan.models import ARCHITECTURES
from audiogan.transforms import Transform

PREVIEW_SEEDS = (0, 1, 2, 3, 4, 5)
"""The latents that are listened to throughout training; classes take turns over them."""


class Diverged(RuntimeError):
    """A loss became infinite or not a number; what was saved before is whole."""


class Game:
    """The two networks, their optimisers, and one update of each."""

    def __init__(self, config: RunConfig, transform: Transform, device: torch.device) -> None:
        self.settings, self.transform, self.device = config.settings, transform, device
        self.n_classes = config.n_classes
        precision = self.settings.precision
        self.is_mixed = precision == "mixed" or (precision == "auto" and computes_in_bfloat16(device))
        generator, discriminator = ARCHITECTURES[self.settings.architecture]
        self.generator = generator(self.settings, transform.shape, self.n_classes).to(device)
        self.discriminator = discriminator(self.settings, transform.shape, self.n_classes).to(device)
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.loss = LOSSES[self.settings.loss]
        self.optimiser_g = self._adam(self.generator, self.settings.rate_g)
        self.optimiser_d = self._adam(self.discriminator, self.settings.rate_d)

    def _adam(self, network: torch.nn.Module, rate: float) -> torch.optim.Adam:
        betas = (self.settings.beta1, self.settings.beta2)
        recorded = self.settings.cuda_graphs and self.device.type == "cuda"
        return torch.optim.Adam(
            network.parameters(),
            # a recorded step reads its rate where the device finds it
            torch.tensor(rate, device=self.device) if recorded else rate,
            betas,
            capturable=recorded,
            # Apple's backend has no fused kernel on the older torch versions we support
            fused=self.device.type != "mps",
        )

    def draw(self, count: int) -> Tensor:
        """(count, Z) latents of the published distribution."""
        size, distribution = self.settings.latent_size, self.settings.latent
        return ranks.rows(lambda count: latent.draw(count, size, distribution, self.device), count)

    def discriminator_step(self, real: Tensor, classes: Tensor, step: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One update on real clips (B, *shape) and as many generated ones of the same classes; (loss, belief)."""
        self.set_rate(self.optimiser_d, self.settings.rate_d, step)
        update = self.penalised_update if self.is_penalised(step) else self.plain_update
        # the generator's relativistic loss is measured against these scores
        loss, belief_real, belief_fake, self._score_real = update(real, classes)
        return loss, (belief_real, belief_fake)

    def generator_step(self, classes: Tensor, step: int) -> Tensor:
        """One update against the discriminator as it is now, and of the averaged weights; the loss."""
        self.set_rate(self.optimiser_g, self.settings.rate_g, step)
        (loss,) = self.generator_update(classes, self._score_real)
        self.average(step)
        return loss

    def is_penalised(self, step: int) -> bool:
        """Whether the gradient penalty comes in this step."""
        return step % self.settings.penalty_every == 0

    def penalised_update(self, real: Tensor, classes: Tensor) -> tuple[Tensor, ...]:
        """The discriminator's update with its penalty: loss, belief of real and of generated clips, scores (B,)."""
        return self._discriminator_update(real, classes, self.loss.penalty)

    def plain_update(self, real: Tensor, classes: Tensor) -> tuple[Tensor, ...]:
        """The same without a gradient penalty."""
        return self._discriminator_update(real, classes, "clip" if self.loss.penalty == "clip" else "none")

    def _discriminator_update(self, real: Tensor, classes: Tensor, penalty_kind: str) -> tuple[Tensor, ...]:
        settings, classes = self.settings, classes if self.n_classes else None
        with torch.no_grad(), self._precision():
            fake = self.generator(self.draw(len(real)), classes).to(real.dtype)
        real, fake = self._augmented(real), self._augmented(fake)
        if penalty_kind == "zero_centred":
            real, fake = real.detach().requires_grad_(), fake.requires_grad_()

        with self._precision(penalised=penalty_kind == "zero_centred"):
            score_real = self.discriminator(real, classes).to(real.dtype)
            score_fake = self.discriminator(fake, classes).to(real.dtype)
        loss = total = self.loss.discriminator(score_real, score_fake)
        weight = settings.penalty * settings.penalty_every
        if penalty_kind == "zero_centred":
            penalty = zero_centred_penalty(score_real, real) + zero_centred_penalty(score_fake, fake)
            total = loss + weight * penalty
        if penalty_kind == "interpolated":
            penalty = interpolated_penalty(lambda x: self.discriminator(x, classes), real, fake)
            total = loss + weight * penalty

        self._update(self.optimiser_d, total)
        if penalty_kind == "clip":
            with torch.no_grad():
                for weights in self.discriminator.parameters():
                    weights.clamp_(-settings.penalty, settings.penalty)
        score_real, score_fake = score_real.detach(), score_fake.detach()
        return loss.detach(), *self.loss.belief(score_real, score_fake), score_real

    def generator_update(self, classes: Tensor, score_real: Tensor) -> tuple[Tensor]:
        """The generator's update, beside the scores (B,) that real clips had in the discriminator's: its loss."""
        count, classes = len(classes), classes if self.n_classes else None
        # its weights take no part in this update: without this, half of the backward pass is wasted on them
        self.discriminator.requires_grad_(False)
        with self._precision():
            fake = self.generator(self.draw(count), classes)
            fake = self._augmented(fake)
            score = self.discriminator(fake, classes).to(score_real.dtype)
        loss = self.loss.generator(score_real, score)
        self._update(self.optimiser_g, loss)
        self.discriminator.requires_grad_(True)
        return (loss.detach(),)

    def _precision(self, penalised: bool = False) -> torch.autocast:
        """Numbers of 16 bits, if asked for, wherever no penalty is taken: its second derivatives need all 32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_mixed and not penalised)

    def set_rate(self, optimiser: torch.optim.Adam, rate: float, step: int) -> None:
        """The learning rate of this step, fallen from `rate` as the settings say."""
        decay = self.settings.decay_steps
        present = rate / math.sqrt(1 + step / decay) if decay else rate
        for group in optimiser.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(present)
            else:
                group["lr"] = present

    def _update(self, optimiser: torch.optim.Adam, loss: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        ranks.average([weights.grad for group in optimiser.param_groups for weights in group["params"]])
        optimiser.step()

    @torch.no_grad()
    def average(self, step: int) -> None:
        """Move the averaged weights towards the present ones; the average is short while training is young.

        Batch normalisation's statistics are running averages already and are copied.
        """
        keep = min(self.settings.ema, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.generator.parameters()), 1 - keep)
        for average, present in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            average.copy_(present)

    def _augmented(self, clips: Tensor) -> Tensor:
        """What the discriminator sees of clips, real and generated ones alike."""
        return augmented(clips, self.settings.augment) if self.settings.augment else clips

    def check(self) -> None:
        """Raise Diverged when the last updates broke a network, which its losses tell only one step later."""
        weights = [*self.generator.parameters(), *self.discriminator.parameters()]
        if not torch.stack(torch._foreach_norm(weights)).isfinite().all():
            raise Diverged("Training diverged: a network's weights are no longer numbers.")

    @torch.inference_mode()
    def sounds(self, seeds: Sequence[int], asked: np.ndarray | None = None) -> Tensor:
        """(len(seeds), T) sounds of the averaged generator, those of the same seeds throughout a training; of the
        classes (len(seeds),) that are asked for, or of each in turn."""
        classes = None
        if self.n_classes:
            asked = np.arange(len(seeds)) % self.n_classes if asked is None else asked
            classes = torch.from_numpy(asked).to(self.device)
        points = [latent.from_seed(seed, self.settings.latent_size, self.settings.latent) for seed in seeds]
        seen = self.averaged(torch.stack(points).to(self.device), classes)
        # a few at a time: the complex spectrum of a clip is many times larger than what the network makes
        return torch.cat([self.transform.inverse(part).cpu() for part in seen.split(32)])

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
