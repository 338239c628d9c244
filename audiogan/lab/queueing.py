"""Trainings that wait for their turn."""

from audiogan import devices, queue
from audiogan.config import Limit
from audiogan.lab.training import Training
from audiogan.queue import Entry
from audiogan.runs import Run, RunError


class Queueing(Training):
    """Who trains, who waits for whom, and changes of that order. Needs training, to start what was interrupted."""

    def queue(self) -> list[Entry]:
        """The runs that train, wait for their turn, or were interrupted in either, in their order."""
        return queue.entries(self.runs_folder)

    def waits_for(self, run: Run) -> str:
        """Whom a run waits for, in words: "'first', which has 6 min left, and 2 more"; empty for nobody."""
        return next((entry.waits_for for entry in self.queue() if entry.run.folder == run.folder), "")

    def busy_with(self, device: str = "auto") -> str:
        """The same of a training that would be started now. Imports torch when anything is being trained."""
        found = [entry for entry in self.queue() if entry.status.is_active]
        return queue.in_words(queue.on_device(found, devices.one_device(device))) if found else ""

    def move(self, run: Run, position: int) -> None:
        """Let a waiting run be the so-manyth, from 1, of those that wait. Raises RunError when it does not wait."""
        queue.move(run, position)

    def hurry(self, run: Run) -> None:
        """Let a waiting run begin now, beside whatever trains. Raises RunError when it does not wait."""
        if run.status.state != "waiting":
            raise RunError(f"The run '{run.name}' does not wait in the queue ({run.status.state}).")
        run.request("hurry")

    def cancel(self, run: Run) -> None:
        """Take a run out of the queue: it is as it was before. Raises RunError when it is not waiting there."""
        state = run.status.state
        if state == "waiting":
            run.request("stop")
        elif state == "interrupted" and run.place:
            run.clear_place()
        else:
            raise RunError(f"The run '{run.name}' does not wait in the queue ({state}).")

    def go_on(self) -> list[Run]:
        """Start every run again that was interrupted while it trained or waited, in the order they had."""
        interrupted = [entry for entry in self.queue() if entry.is_interrupted]
        for entry in interrupted:
            self.start(entry.run, Limit(), entry.place.device)
        return [entry.run for entry in interrupted]
