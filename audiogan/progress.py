"""How far a training is: steps and seconds done, what was measured on the way, and when something is due."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from audiogan.config import Limit
from audiogan.game import Diverged
from audiogan.runs import Run


@dataclass(frozen=True)
class Tick:
    """Where a training stands, told to whoever watches after every step."""

    step: int
    epoch: float
    seconds: float
    fraction: float
    steps_per_second: float
    seconds_left: float | None


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
        self._sum = values if self._sum is None else self._sum.to(values) + values
        self._count += 1

    def values(self) -> list[float]:
        return (self._sum / self._count).tolist()

    def dump(self) -> dict:
        return {"sum": self._sum.tolist() if self._count else None, "count": self._count}

    def load(self, values: dict) -> None:
        self._sum = torch.tensor(values["sum"], dtype=torch.float64) if values["count"] else None
        self._count = values["count"]


class Chore:
    """What is done again and again, every so many seconds of training, and more seldom when it takes long."""

    SHARE = 0.05
    """It takes at most this share of the time."""

    def __init__(self, every_seconds: float, progress: Progress) -> None:
        self.every_seconds, self.progress = every_seconds, progress
        self._last, self._pause = progress.seconds, every_seconds

    @property
    def idle_seconds(self) -> float:
        """Training since it was done last."""
        return self.progress.seconds - self._last

    def is_due(self) -> bool:
        return self.idle_seconds >= self._pause

    def do(self, what: Callable[[], None]) -> None:
        """Do it, and plan the next time by what it cost."""
        started = time.perf_counter()
        what()
        cost = time.perf_counter() - started
        self._last, self._pause = self.progress.seconds, max(self.every_seconds, cost / self.SHARE)


class Schedule:
    """When to stop, when to let something be heard, when to save: by steps or by seconds of training."""

    FIRST_PREVIEW_SECONDS = 5.0
    PREVIEW_GROWTH = 1.3
    """Previews come ever more slowly, as progress does ..."""

    LONGEST_PREVIEW_SECONDS = 120.0
    """... but at least this often."""

    SAVE_SECONDS = 30.0
    """Most training that a sudden death can cost, unless saving is slow."""

    SCORE_SECONDS = 60.0
    """Sounds change little in less."""

    def __init__(self, limit: Limit, progress: Progress) -> None:
        self.limit, self.progress = limit, progress
        self._steps = limit.steps
        if limit.epochs is not None:
            self._steps = math.ceil(limit.epochs * progress.steps_per_epoch)
        self._next_preview = self._after(progress.seconds)
        self.saving = Chore(self.SAVE_SECONDS, progress)
        self.scoring = Chore(self.SCORE_SECONDS, progress)
        self._pace: float | None = None
        self._last = (progress.step, progress.seconds)

    def is_over(self) -> bool:
        if self._steps is not None:
            return self.progress.step >= self._steps
        return self.progress.seconds >= self.limit.minutes * 60

    def score_is_due(self, is_leaving: bool) -> bool:
        """Also when training is left, unless the last score is young or the training was short."""
        return self.scoring.is_due() or (is_leaving and self.scoring.idle_seconds >= self.SCORE_SECONDS / 2)

    def preview_is_due(self) -> bool:
        due = self.progress.seconds >= self._next_preview
        if due:
            self._next_preview = self._after(self.progress.seconds)
        return due

    def _after(self, seconds: float) -> float:
        gap = max(self.FIRST_PREVIEW_SECONDS, seconds * (self.PREVIEW_GROWTH - 1))
        return seconds + min(gap, self.LONGEST_PREVIEW_SECONDS)

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
