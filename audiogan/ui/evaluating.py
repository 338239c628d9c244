"""Evaluations of the chosen snapshots: those that were kept, and new ones, which are made beside the page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from audiogan.lab import Lab
from audiogan.ui.contenders import Contender
from audiogan.ui.jobs import Job, start
from audiogan.ui.look import plain
from audiogan.wording import duration, plural

if TYPE_CHECKING:
    from audiogan.lab import Evaluation

OWN = "each model's own data set"

COUNTS = (250, 500, 1000, 2000)

Key = tuple[Path, int, str]
"""Run folder, step, and the data set that was asked for."""


@st.cache_resource(show_spinner=False)
def _jobs() -> dict[Key, Job]:
    """Of all visitors, so that a reload or a second window finds what is under way."""
    return {}


def evaluations(lab: Lab, contenders: Sequence[Contender]) -> "list[tuple[Contender, Evaluation]]":
    """The newest evaluation of each contender that has one, after the controls that make more."""
    button = st.container()
    with st.expander("How it is measured"):
        dataset, count = _choose_how(lab)
    jobs = {item: _jobs()[key] for item in contenders if (key := _key(item, dataset)) in _jobs()}
    found = {item: evaluation for item in contenders if (evaluation := _newest(lab, item, dataset, jobs.get(item)))}
    missing = [item for item in contenders if item not in found]
    with button:
        _offer(lab, missing, contenders, dataset, count, jobs, list(found.values()))
        for item, job in jobs.items():
            if job.future.done() and job.future.exception():
                st.error(f"{item.words}: {plain(str(job.future.exception()))}")
        if waiting := {item: job for item, job in jobs.items() if not job.future.done()}:
            _wait(waiting)
    return list(found.items())


def _choose_how(lab: Lab) -> tuple[str, int]:
    data_box, count_box = st.columns(2)
    dataset = data_box.selectbox(
        "Real sounds to compare with",
        [OWN, *(dataset.name for dataset in lab.datasets())],
        help="Any data set will do; what differs from the model's own is said on the card.",
    )
    count = count_box.selectbox(
        "Generated sounds",
        COUNTS,
        index=COUNTS.index(1000),
        format_func=lambda count: f"{count:,}",
        help="More make the intervals narrower and take longer.",
    )
    return dataset, count


def _offer(
    lab: Lab,
    missing: Sequence[Contender],
    contenders: Sequence[Contender],
    dataset: str,
    count: int,
    jobs: dict[Contender, Job],
    known: "Sequence[Evaluation]",
) -> None:
    """The button for what was not evaluated yet, or for all of it again, with what it costs."""
    wanted = missing or contenders
    label = f"Evaluate {', '.join(item.letter for item in missing)}".strip() if missing else "Evaluate again"
    busy = any(item in jobs and not jobs[item].future.done() for item in wanted)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            label, type="primary" if missing else "secondary", icon=":material/fact_check:", disabled=busy
        )
        st.caption(_cost(count, known), width="stretch")
    if pressed:
        for item in wanted:
            _jobs()[_key(item, dataset)] = _evaluate(lab, item, dataset, count)
        st.rerun()


def _cost(count: int, known: "Sequence[Evaluation]") -> str:
    if known:
        last = max(known, key=lambda evaluation: evaluation.created)
        return f"The last one took {duration(last.seconds)} for {plural(last.count, 'sound')}."
    return (
        f"Makes {plural(count, 'sound')} of each model and holds them against real ones: about a minute, and a few "
        "minutes the first time for a data set, when a judge learns its sounds."
    )


def _evaluate(lab: Lab, item: Contender, dataset: str, count: int) -> Job:
    by = None if dataset == OWN else dataset
    return start("evaluations", lambda told: lab.evaluate(item.run, item.step, by, count, progress=told))


def _key(item: Contender, dataset: str) -> Key:
    return item.run.folder, item.step, dataset


def _newest(lab: Lab, item: Contender, dataset: str, job: Job | None) -> "Evaluation | None":
    """The newest evaluation of a contender, kept in its run or (where that cannot be written) by this server."""
    found = [kept for kept in lab.evaluations(item.run) if kept.step == item.step and _is_by(kept, item, dataset)]
    if job and job.future.done() and not job.future.exception():
        found.append(job.future.result())
    return max(found, key=lambda evaluation: evaluation.created, default=None)


def _is_by(kept: "Evaluation", item: Contender, dataset: str) -> bool:
    """Whether an evaluation is by the data set that was asked for; the run's own may have another name by now."""
    if dataset != OWN:
        return kept.dataset == dataset
    config = item.run.config
    return kept.card.fingerprint == config.fingerprint or kept.dataset == config.dataset


@st.fragment(run_every=0.5)
def _wait(jobs: dict[Contender, Job]) -> None:
    """The bars of what is under way; the page is drawn anew when one of them ends."""
    if any(job.future.done() for job in jobs.values()):
        st.rerun()
    for item, job in jobs.items():
        share = min(1.0, job.done / job.total) if job.total else 0.0
        words = f"{share:.0%}" if job.total else "opening the clips …" if job.future.running() else "waits for its turn"
        st.progress(share, f"{item.words}: {words}")
    st.caption("This goes on while you listen or look at other pages.")
