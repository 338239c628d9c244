"""Work beside the page: a training or an evaluation that a moved slider could interrupt would never end."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import streamlit as st


class Cancelled(Exception):
    """Somebody no longer wants the work to be done."""


@dataclass
class Job:
    """One piece of work in a thread of its own."""

    future: Future | None = None
    done: int = 0
    total: int = 0
    """How far it is, once it has said so."""

    is_cancelled: bool = False
    """Whether somebody asked for its end, which may be still to come."""

    def show(self, done: int, total: int) -> None:
        """For the work itself, which tells how far it is, and ends here when it was cancelled."""
        self.done, self.total = done, total
        if self.is_cancelled:
            raise Cancelled

    def cancel(self) -> None:
        """End it where it next tells how far it is, or at once where it waits for its turn."""
        self.is_cancelled = True
        self.future.cancel()

    @property
    def error(self) -> BaseException | None:
        """Why it ended without a result; None while it goes on, and where it has one."""
        if self.future.cancelled():
            return Cancelled()
        return self.future.exception() if self.future.done() else None


def start(queue: str, work: Callable[[Callable[[int, int], None]], Any]) -> Job:
    """Do the work after what stands in that queue already; it is given a function that it tells of its progress."""
    job = Job()
    job.future = _queue(queue).submit(work, job.show)
    return job


@st.cache_resource(show_spinner=False)
def _queue(name: str) -> ThreadPoolExecutor:
    """One at a time: two at once would take longer than one after the other."""
    return ThreadPoolExecutor(1, thread_name_prefix=name)
