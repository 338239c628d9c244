"""Runs are made, started, continued, branched off and stopped."""

import itertools
from collections.abc import Callable
from dataclasses import asdict, replace

from audiogan import datasets, devices, worker
from audiogan.config import Limit, RunConfig
from audiogan.lab.planning import Planning, now
from audiogan.runs import Run, RunError, Status, run_folders


class Training(Planning):
    """A run from its folder to its last step. Needs planning, for the room that a training takes."""

    def create_run(self, config: RunConfig, name: str = "", device: str = "auto", limit: Limit | None = None) -> Run:
        """A new run folder, named by date, data set and preset unless a name is given.

        Raises RunError when the name is taken, the device is not there, or memory or disk cannot hold a training up to
        the limit (the preset's own by default).
        """
        from audiogan import ranks

        def create() -> str:
            self._check_room(config, (limit or Limit()).or_default(config.settings), device)
            if name:
                datasets.check_name(name)
            return Run.create(self.runs_folder, config, name).name

        return Run(self.runs_folder / ranks.from_first(create))

    def start(self, run: Run, limit: Limit, device: str = "auto", at_once: bool = False) -> None:
        """Train in a process of its own, which outlives this one; it waits for its turn unless it begins `at_once`."""
        goal = self._goal(run, limit)
        self._check_room(run.config, goal, device, run.disk_bytes())
        worker.start(run, self.dataset(run.config.dataset).folder, goal, devices.one_device(device), at_once)

    def train(
        self,
        run: Run,
        limit: Limit,
        device: str = "auto",
        on_status: Callable[[Status], None] | None = None,
        at_once: bool = False,
    ) -> Status:
        """Train in this process until the limit, or until somebody stops it; its turn is waited for as by `start`."""
        from audiogan import ranks

        def begin() -> dict:
            goal = self._goal(run, limit)
            self._check_room(run.config, goal, device, run.disk_bytes())
            run.clear_request()
            return asdict(goal)

        goal = Limit(**ranks.from_first(begin))
        folder = self.dataset(run.config.dataset).folder
        return worker.work(run, folder, goal, devices.one_device(device), on_status, at_once)

    def join_ranks(self) -> bool:
        """Meet the other processes when torchrun started this one; whether this is the one that speaks and writes."""
        from audiogan import ranks

        ranks.join()
        return ranks.RANK == 0

    def _goal(self, run: Run, limit: Limit) -> Limit:
        """The limit to train towards: as given, else as the run was started with, else the preset's own.

        Raises RunError when the run is being trained, or has reached its limit already.
        """
        status = run.status
        if status.is_active:
            raise RunError(f"The run '{run.name}' is already being trained.")
        if limit == Limit() and status.limit:
            limit = Limit(**status.limit)
        limit = limit.or_default(run.config.settings)
        # after a failure or a sudden death the last save lies before the last step that was told
        reached = status.state in ("finished", "stopped", "paused") and (
            (limit.steps is not None and status.step >= limit.steps)
            or (limit.epochs is not None and status.epoch >= limit.epochs)
            or (limit.minutes is not None and status.seconds >= limit.minutes * 60)
        )
        if reached:
            done = f"{status.step:,} steps, {status.epoch:.1f} epochs, {status.seconds / 60:.1f} minutes"
            raise RunError(
                f"The run '{run.name}' has reached {limit.describe()} ({done}): give a larger limit; "
                "limits count from the run's beginning."
            )
        return limit

    def branch(self, run: Run, step: int | None = None, rate_scale: float = 1.0, name: str = "") -> Run:
        """A new run that goes on from a save of another (by default its best one) with other learning rates.

        The settings of a run never change, and nothing it has is lost: what is different is another run, which holds
        what the first one had by then. Raises RunError when there is no save of that step or the run is being trained,
        SettingError for rates out of range.
        """
        from audiogan import ranks

        if run.status.is_active:
            raise RunError(f"The run '{run.name}' is being trained: stop it first.")
        steps = run.saved_steps()
        if step is None:
            step = run.best_step if run.best_step in steps else max(steps, default=0)
        settings = run.config.settings
        rates = [f"{key}={getattr(settings, key) * rate_scale:.6g}" for key in ("rate_g", "rate_d")]
        config = replace(
            run.config,
            settings=settings.with_text(rates),
            created=now(),
            origin=f"{run.name}, step {step:,}, learning rates times {rate_scale:g}",
        )
        if name:
            datasets.check_name(name)

        def make() -> str:
            return run.branch(config, name or self._free_name(f"{run.name}-from-{step}"), step).name

        return Run(self.runs_folder / ranks.from_first(make))

    def _free_name(self, name: str) -> str:
        """The name, or with the first number behind it that makes it a new one."""
        taken = {run.name for run in run_folders(self.runs_folder)}
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        return next(free for free in itertools.chain([name], numbered) if free not in taken)

    def stop(self, run: Run, pause: bool = False) -> None:
        """Ask a training to finish its step, save and leave, or one that waits to leave the queue as it was.

        Raises RunError when none is at work.
        """
        if not run.status.is_active:
            raise RunError(f"The run '{run.name}' is not being trained ({run.status.state}).")
        run.request("pause" if pause else "stop")
