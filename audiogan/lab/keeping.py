"""Room on disk: what runs and data sets take, what of them is kept, and how they are removed."""

import shutil

from audiogan import datasets
from audiogan.datasets import Dataset
from audiogan.lab.home import STARTER, Home
from audiogan.runs import RECENT_SNAPSHOTS, Run, RunError, list_runs, most_snapshots, run_folders
from audiogan.wording import plural, size


class Keeping(Home):
    """The room that is taken, in words, and the removal of what takes it. Needs the folders alone."""

    def kept_words(self, run: Run) -> str:
        """Which snapshots of a run are kept, and what it takes on disk."""
        most = most_snapshots(run.status.step)
        return (
            f"Kept are the {RECENT_SNAPSHOTS} newest snapshots, the best one, and the first after each doubling of the "
            f"steps: {len(run.snapshots())} now, {most} at most after {plural(run.status.step, 'step')}. "
            f"This run takes {size(run.disk_bytes())}."
        )

    def disk_words(self) -> str:
        """What all runs take, and what is free."""
        taken = sum(run.disk_bytes() for run in run_folders(self.runs_folder))
        there = next(path for path in (self.runs_folder, *self.runs_folder.parents) if path.exists())
        return f"Models take {size(taken)} on disk, {size(shutil.disk_usage(there).free)} are free."

    def delete_run(self, run: Run) -> None:
        """Remove a run with all its sounds. Raises RunError while it is trained, and for the model that ships."""
        if run.folder.parent != self.runs_folder or run.name == STARTER:
            raise RunError(f"The model '{run.name}' belongs to the program and stays.")
        if run.status.is_active:
            raise RunError(f"The run '{run.name}' is being trained or waits for it: stop it first.")
        run.delete()

    def runs_on(self, dataset: Dataset) -> list[Run]:
        """The runs that were made with a data set, and cannot go on without it."""
        return [run for run in list_runs(self.runs_folder) if run.config.fingerprint == dataset.fingerprint]

    def delete_dataset(self, dataset: Dataset) -> None:
        """Remove a data set's clips; the sounds they were made of are not touched. Raises RunError while one trains."""
        using = [run.name for run in self.runs_on(dataset) if run.status.is_active]
        if using:
            raise RunError(f"The data set '{dataset.name}' is in use by the run '{using[0]}': stop that one first.")
        datasets.delete(dataset)
