"""The queue: trainings wait for their turn on a device, in the order in which they were started.

Nobody runs the queue and no file holds it. A run that wants to train has a place in its own folder and a process of its
own, which trains once nobody stands before it and it holds the device's lock. The system frees that lock however its
holder dies, and the next process takes it: nothing here depends on the app.
"""

import platform
import re
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from audiogan.runs import Place, Run, RunError, Status
from audiogan.wording import duration

GAP = 1e-3
"""Between the numbers of places whose order was changed, so that they stay before whatever is started later."""


@dataclass(frozen=True)
class Entry:
    """A run that wants to train, as it was when the queue was looked at."""

    run: Run
    place: Place
    status: Status
    waits_for: str = ""
    """Whom it waits for, in words: "'first', which has 6 min left, and 2 more"; empty for one that does not wait."""

    @property
    def is_waiting(self) -> bool:
        return self.status.state == "waiting"

    @property
    def is_interrupted(self) -> bool:
        """Whether its process ended without leaving the queue, as after a crash or a restart of the computer."""
        return self.status.state == "interrupted"


def join(run: Run, device: str) -> None:
    """Give the run a place at the end of the queue; one that was interrupted keeps the place it has."""
    status, old = run.status, run.place
    number = old.number if old and status.state == "interrupted" else time.time()
    run.write_place(Place(number, platform.node(), device, asdict(status)))


def entries(root: Path) -> list[Entry]:
    """The runs under a folder that train, wait, or were interrupted in either, in their order."""
    found = [Entry(run, run.place, run.status) for run in Run.all_with_place(root)]
    wanted = [entry for entry in found if entry.place and (entry.status.is_active or entry.is_interrupted)]
    wanted.sort(key=lambda entry: (entry.place.number, entry.run.name))
    return [replace(entry, waits_for=_waits_for(entry, wanted)) for entry in wanted]


def on_device(found: list[Entry], device: str, machine: str = "") -> list[Entry]:
    """Those of some entries that want that device of a computer, this one unless it is named."""
    wanted = (machine or platform.node(), device)
    return [entry for entry in found if (entry.place.machine, entry.place.device) == wanted]


def neighbours(run: Run) -> list[Entry]:
    """Those that want the same device as a run, itself among them; none when it wants none."""
    place = run.place
    return on_device(entries(run.folder.parent), place.device, place.machine) if place else []


def _waits_for(entry: Entry, wanted: list[Entry]) -> str:
    if not entry.is_waiting:
        return ""
    found = on_device(wanted, entry.place.device, entry.place.machine)
    place = found.index(entry)
    # some train that were started later, and were not to wait
    return in_words([*found[:place], *(other for other in found[place + 1 :] if not other.is_waiting)])


def in_words(ahead: list[Entry]) -> str:
    """'first', which has 6 min left, and 2 more': those that train on a device or wait for it; empty for none."""
    ahead = [entry for entry in ahead if entry.status.is_active]
    if not ahead:
        return ""
    at_work = min(ahead, key=lambda entry: entry.is_waiting)
    left = at_work.status.seconds_left
    words = f"'{at_work.run.name}'" + (f", which has {duration(left)} left" if left is not None else "")
    return words + (f", and {len(ahead) - 1} more" if len(ahead) > 1 else "")


def device_lock(run: Run) -> FileLock:
    """Held by whoever trains on the device that the run wants."""
    place = run.place
    name = re.sub(r"[^\w.-]", "-", f"{place.machine}-{place.device}")
    return FileLock(run.folder.parent / f".{name}.lock")


def take_turn(run: Run, lock: FileLock) -> bool:
    """Take the device's lock if it is free and nobody who is alive stands before the run."""
    for entry in neighbours(run):
        if entry.run.folder == run.folder:
            break
        if entry.status.state in ("waiting", "starting"):
            return False
    return try_lock(lock)


def try_lock(lock: FileLock) -> bool:
    """Whether the lock was free and is ours now."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def leave(run: Run) -> None:
    """Take a run out of the queue that has not trained since it joined: it is as it was before."""
    if place := run.place:
        run.write_status(Status(**place.before))
        run.clear_place()


def move(run: Run, position: int) -> None:
    """Let a waiting run be the so-manyth (from 1) of those that wait for its device.

    Raises RunError when it does not wait.
    """
    waiting = [entry for entry in neighbours(run) if entry.is_waiting]
    (moved,) = [entry for entry in waiting if entry.run.folder == run.folder] or [None]
    if moved is None:
        raise RunError(f"The run '{run.name}' does not wait in the queue ({run.status.state}).")
    first = waiting[0].place.number
    waiting.remove(moved)
    waiting.insert(max(0, position - 1), moved)
    for index, entry in enumerate(waiting):
        entry.run.write_place(replace(entry.place, number=first + index * GAP))
