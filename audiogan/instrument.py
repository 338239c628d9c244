"""A trained generator as something to play: seed, label and sliders in, sound out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audiogan import audio, cleaning, latent
from audiogan.config import check_seed
from audiogan.models import ARCHITECTURES
from audiogan.runs import Run, RunError, Snapshot
from audiogan.splits import in_proportion
from audiogan.tensors import DamagedFile, load_tensors
from audiogan.transforms import make_transform

SLIDERS = 8
"""Directions that are offered: the strongest ones; beyond these a movement is hardly heard."""

SILVER = math.sqrt(2) - 1
"""Kinds are taken in strides of so much of a turn, which have nothing to do with those through labels or groups."""

REACH = 3.0
"""How far a slider goes, in standard deviations: 99.7 % of normal latents lie inside."""

LARGEST_LATENT = 40.0
"""The longest plausible latent has 1,024 normal numbers and is 34 long, which a single one of them cannot exceed."""


@dataclass(frozen=True)
class Point:
    """A sound's address: everything needed to call it back from its model."""

    latent: tuple[float, ...]
    label: int | None
    seed: int | None = None
    """The seed it began from, before any slider moved; None for the latent of somebody's own sound."""

    kind: int = 0
    """Which of its label's kinds it is; 0 where labels are learned whole."""


class Instrument:
    """One snapshot of a run, ready to play on the processor."""

    def __init__(self, run: Run, snapshot: Snapshot) -> None:
        """Raises RunError when the snapshot cannot be read."""
        self.config, self.step = run.config, snapshot.step
        settings = self.config.settings
        self.transform = make_transform(self.config)
        generator, _ = ARCHITECTURES[settings.architecture]
        self.generator = generator(settings, self.transform.shape, self.config.n_classes).eval()
        self.generator.requires_grad_(False)
        try:
            tensors, _ = load_tensors(snapshot.path)
            for module, prefix in ((self.generator, "generator."), (self.transform, "transform.")):
                own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
                module.load_state_dict(own)
        except (OSError, DamagedFile, RuntimeError) as error:
            raise RunError(f"The snapshot {snapshot.path.name} of '{run.name}' cannot be read: {error}") from None
        self.shares = run.class_shares if self.config.is_divided else None
        shares = np.ones(self.config.n_classes) if self.shares is None else np.array(self.shares)
        # a rare label is divided into fewer kinds than others: its further classes mean nothing
        self.classes = torch.from_numpy(np.flatnonzero(shares))
        # labels come in turn, and a whole turn moves on by the stride; groups come in strides of their own
        turn = 1 if self.config.has_groups else max(1, len(self.labels))
        self._stride = (round(turn * SILVER) + SILVER) / turn
        self.unit = latent.deviation(settings.latent)
        # the label's own numbers enter the same layer, after the latent's
        weight = self.generator.dense.weight[:, : settings.latent_size]
        self.directions = latent.principal_directions(weight, min(SLIDERS, settings.latent_size))
        # uniform latents end at 1, which is 1.73 deviations
        self.reach = min(REACH, math.sqrt(3)) if settings.latent == "uniform" else REACH

    @property
    def labels(self) -> tuple[str, ...]:
        """Names that can be asked for; empty when the model does not know labels."""
        return self.config.label_names

    def point(
        self,
        seed: int,
        label: int | None = None,
        sliders: Sequence[float] | None = None,
        origin: Sequence[float] | None = None,
        kind: int | None = None,
    ) -> Point:
        """The point of a seed, or the latent `origin` (Z,) in its place, its sliders moved to the positions given (K,).

        Without a label a model that knows labels takes them in turn by seed; groups in their place, and the kinds of
        each, come as often as the data set has them. Raises RunError for a label, a number of sliders or an origin the
        model does not have, SettingError for a seed out of range.
        """
        check_seed(seed)
        if label is None and self.labels:
            label = self._group(seed) if self.config.has_groups else seed % len(self.labels)
        if label is not None and not 0 <= label < len(self.labels):
            raise RunError(f"This model has no label number {label}; it knows {len(self.labels)}.")
        kind = self._kind(seed, label) if kind is None else kind
        vector = latent.from_seed(seed, self.config.settings.latent_size, self.config.settings.latent)
        if origin is not None:
            vector = self._checked(origin)
        if sliders is not None:
            if len(sliders) != len(self.directions):
                raise RunError(f"This model has {len(self.directions)} sliders, not {len(sliders)}.")
            if not all(map(math.isfinite, sliders)):
                raise RunError("A slider's position must be a number.")
            where = torch.tensor(sliders, dtype=torch.float32).clamp(-self.reach, self.reach)
            vector = latent.place(vector, self.directions, where, self.unit)
        return Point(tuple(vector.tolist()), label, seed if origin is None else None, kind)

    def _group(self, seed: int) -> int:
        """Which group a seed is."""
        shares = np.reshape(self.shares, (len(self.labels), -1)).sum(1)
        return int(in_proportion(shares, [seed])[0])

    def _kind(self, seed: int, label: int | None) -> int:
        """Which of its label's kinds a seed is."""
        count = self.config.kinds_per_label
        if label is None or count == 1:
            return 0
        shares = self.shares[label * count : (label + 1) * count]
        return int(in_proportion(shares, [seed], self._stride)[0])

    def _checked(self, origin: Sequence[float]) -> Tensor:
        """A latent (Z,) from elsewhere. Raises RunError unless it fits this model."""
        size = self.config.settings.latent_size
        if len(origin) != size:
            raise RunError(f"This model's latents have {size} numbers, not {len(origin)}.")
        if not all(math.isfinite(number) and abs(number) <= LARGEST_LATENT for number in origin):
            raise RunError(f"A latent's numbers must lie between -{LARGEST_LATENT:g} and {LARGEST_LATENT:g}.")
        return torch.tensor(origin, dtype=torch.float32)

    def sliders(self, point: Point) -> list[float]:
        """Where a point stands along each direction, in standard deviations."""
        return latent.positions(torch.tensor(point.latent), self.directions, self.unit).tolist()

    def label_number(self, name: str) -> int:
        """The number of a label. Raises RunError naming those there are."""
        if self.config.has_groups:
            name = name.replace("kind ", "group ", 1)  # what sounds.json called them in the beginning
        if name not in self.labels:
            known = ", ".join(self.labels) or "none: it was trained without labels"
            raise RunError(f"This model knows no label '{name}'. Its labels are {known}.")
        return self.labels.index(name)

    @torch.inference_mode()
    def render(self, points: Sequence[Point]) -> Tensor:
        """The sounds (B, T) of the points. Each is the same whatever is rendered beside it, up to rounding.

        Raises RunError for points of another model.
        """
        size = self.config.settings.latent_size
        if any(len(point.latent) != size for point in points):
            raise RunError(f"This model's latents have {size} numbers: these come from another model.")
        latents = torch.tensor([point.latent for point in points])
        return self.transform.inverse(self.generator(latents, self._classes(points) if self.labels else None))

    def _classes(self, points: Sequence[Point]) -> Tensor:
        """(B,) the classes of the points. Raises RunError for one that this model has not learned."""
        kinds = self.config.kinds_per_label
        if any(point.label is None or not 0 <= point.kind < kinds for point in points):
            raise RunError(f"This model has labels of {kinds} kinds at most: these sounds come from another one.")
        classes = torch.tensor([point.label * kinds + point.kind for point in points])
        if not torch.isin(classes, self.classes).all():
            raise RunError("These sounds are of kinds that this model has not learned: they come from another one.")
        return classes

    def wav(self, point: Point, clean: bool = False) -> bytes:
        """One sound as a 16-bit mono WAV file: the bytes that are heard and downloaded."""
        return audio.encode_wav(self.heard(point, clean).numpy(), self.config.rate)

    def heard(self, point: Point, clean: bool = False) -> Tensor:
        """One sound (T,) in [-1, 1], cleaned when asked, turned down as a whole where it would go beyond."""
        samples = self.render([point])[0].numpy()
        if clean:
            samples = cleaning.clean(samples, self.config.rate)
        return torch.from_numpy(audio.without_clipping(samples))
