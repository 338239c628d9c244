"""The runs there are, and what is to be read of them, during training and after."""

from collections.abc import Sequence
from pathlib import Path

from audiogan.lab.home import STARTER, Home, site
from audiogan.reading import Finding, read
from audiogan.runs import Run, RunError, list_runs, run_folders
from audiogan.settings import BELIEFS


class Following(Home):
    """Runs by name, what they say of themselves, and their copy for TensorBoard. Needs the folders alone."""

    def runs(self) -> list[Run]:
        """All runs, newest first, the starter model last."""
        found = [run for run in list_runs(self.runs_folder) if run.name != STARTER]
        starter = self._starter()
        return found + [starter] if starter else found

    def run(self, name: str) -> Run:
        """The run of that name. Raises RunError naming the newest ones there are."""
        # asked on every movement of a slider: only this run's config is read, found among the names there are
        runs = {run.name: run for run in run_folders(self.runs_folder)}
        found = self._starter() if name == STARTER else runs.get(name)
        if found and found.config:
            return found
        known = ", ".join(run.name for run in self.runs()[:5]) or "none yet: train one first"
        raise RunError(f"There is no run '{name}'. There is {known}.")

    def _starter(self) -> Run | None:
        for folder in (self.runs_folder / STARTER, site() / "checkpoints" / STARTER):
            if (folder / "config.json").exists():
                return Run(folder)
        return None

    def findings(self, run: Run) -> list[Finding]:
        """What a run says of itself, the worst first."""
        return read(run)

    def belief_name(self, run: Run) -> str:
        """What the chart of the discriminator's belief shows, in words."""
        return BELIEFS[run.config.settings.loss]

    def track(self, names: Sequence[str], to: Path | None = None, follow_seconds: float = 0.0) -> Path:
        """Write runs (all of them when none is named) as TensorBoard's event files, and keep up every so many seconds
        while any of them is being trained, unless that is 0. The folder, in the home's `tensorboard/` by default.

        Raises RunError when TensorBoard is not installed.
        """
        from audiogan import tracking

        folder = to or self.home / "tensorboard"
        runs = [self.run(name) for name in names] or self.runs()
        mirrors = [tracking.Mirror(run, folder / run.name) for run in runs]
        for mirror in mirrors:
            mirror.update()
        if follow_seconds:
            tracking.follow(mirrors, follow_seconds)
        for mirror in mirrors:
            mirror.close()
        return folder
