"""One progress made of several."""

from collections.abc import Callable, Sequence

Progress = Callable[[int, int], None]
"""Told (steps done, steps in all)."""


class Stages:
    """One progress of 100 steps made of several, of which each has a share; they may run beside each other."""

    def __init__(self, progress: Progress | None, shares: Sequence[float]) -> None:
        """`shares` are the times that the stages take, in any unit."""
        self._progress, self._shares, self._done = progress, shares, [0.0] * len(shares)

    def stage(self, number: int) -> Progress:
        """What that stage tells of itself, counted from 0."""

        def tell(done: int, total: int) -> None:
            self._done[number] = done / total
            if self._progress:
                shared = sum(share * part for share, part in zip(self._shares, self._done, strict=True))
                self._progress(round(100 * shared / sum(self._shares)), 100)

        return tell
