"""Work beside the page: a training or an evaluation that a moved slider could interrupt would never end."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import streamlit as st


@dataclass
class Job:
    """One piece of work in a thread of its own."""

    future: Future | None = None
    done: int = 0
    total: int = 0
    """How far it is, once it has said so."""

    def show(self, done: int, total: int) -> None:
        """For the work itself, which tells how far it is."""
        self.done, self.total = done, total


def start(queue: str, work: Callable[[Callable[[int, int], None]], Any]) -> Job:
    """Do the work after what stands in that queue already; it is given a function that it tells of its progress."""
    job = Job()
    job.future = _queue(queue).submit(work, job.show)
    return job


@st.cache_resource(show_spinner=False)
def _queue(name: str) -> ThreadPoolExecutor:
    """One at a time: two at once would take longer than one after the other."""
    return ThreadPoolExecutor(1, thread_name_prefix=name)
