"""Evaluations of the chosen snapshots: those that were kept, and new ones, which are made beside the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from audiogan.lab import Lab
from audiogan.ui.contenders import Contender
from audiogan.ui.jobs import Cancelled, Job, start
from audiogan.ui.look import plain
from audiogan.wording import duration, plural

if TYPE_CHECKING:
    from audiogan.lab import Evaluation

OWN = "each model's own data set"

COUNTS = (250, 500, 1000, 2000)

USUAL_EMBEDDER_RATE = 16_000
"""Samples per second, as most networks that listen want them."""


@dataclass(frozen=True)
class How:
    """What a visitor chose: which real sounds, how many generated ones, and an embedder of one's own."""

    dataset: str
    count: int
    embedder: str = ""
    """Path of a file, or empty."""

    embedder_rate: int = USUAL_EMBEDDER_RATE


Key = tuple[Path, int, str, str]
"""Run folder, step, the data set that was asked for, and the embedder."""


@st.cache_resource(show_spinner=False)
def _jobs() -> dict[Key, Job]:
    """Of all visitors, so that a reload or a second window finds what is under way."""
    return {}


def evaluations(lab: Lab, contenders: Sequence[Contender]) -> "list[tuple[Contender, Evaluation]]":
    """The newest evaluation of each contender that has one, after the controls that make more."""
    button = st.container()
    with st.expander("How it is measured"):
        how = _choose_how(lab)
    jobs = {item: _jobs()[key] for item in contenders if (key := _key(item, how)) in _jobs()}
    found = {item: evaluation for item in contenders if (evaluation := _newest(lab, item, how, jobs.get(item)))}
    missing = [item for item in contenders if item not in found]
    with button:
        _offer(lab, missing, contenders, how, jobs, list(found.values()))
        for item, job in jobs.items():
            _say_why(item, job)
        if waiting := {item: job for item, job in jobs.items() if not job.future.done()}:
            _wait(waiting)
    return list(found.items())


def _choose_how(lab: Lab) -> How:
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
    file_box, rate_box = st.columns(2)
    embedder = file_box.text_input(
        "An embedder of your own",
        placeholder="path of a file: .pt, .ts or .onnx",
        help="A TorchScript or ONNX network on this computer that turns clips (B, T) into points (B, d): its kernel "
        "distance is measured beside ours. A TorchScript file is a program: name only one that you trust.",
    )
    rate = rate_box.number_input(
        "Samples per second that it wants",
        min_value=1_000,
        max_value=192_000,
        value=USUAL_EMBEDDER_RATE,
        disabled=not embedder.strip(),
    )
    return How(dataset, count, embedder.strip(), rate)


def _offer(
    lab: Lab,
    missing: Sequence[Contender],
    contenders: Sequence[Contender],
    how: How,
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
        st.caption(_cost(how.count, known), width="stretch")
    if pressed:
        for item in wanted:
            _jobs()[_key(item, how)] = _evaluate(lab, item, how)
        st.rerun()


def _cost(count: int, known: "Sequence[Evaluation]") -> str:
    if known:
        last = max(known, key=lambda evaluation: evaluation.created)
        return f"The last one took {duration(last.seconds)} for {plural(last.count, 'sound')}."
    return (
        f"Makes {plural(count, 'sound')} of each model and holds them against real ones: about a minute. The first "
        "time for a data set, a judge learns its sounds beside that."
    )


def _evaluate(lab: Lab, item: Contender, how: How) -> Job:
    by, own = None if how.dataset == OWN else how.dataset, how.embedder or None
    return start(
        "evaluations", lambda told: lab.evaluate(item.run, item.step, by, how.count, own, how.embedder_rate, told)
    )


def _say_why(item: Contender, job: Job) -> None:
    """What ended an evaluation that has no result."""
    if isinstance(job.error, Cancelled):
        st.info(f"{item.words}: the evaluation was cancelled, and nothing of it was kept.")
    elif job.error:
        st.error(f"{item.words}: {plain(str(job.error))}")


def _key(item: Contender, how: How) -> Key:
    return item.run.folder, item.step, how.dataset, how.embedder


def _newest(lab: Lab, item: Contender, how: How, job: Job | None) -> "Evaluation | None":
    """The newest evaluation of a contender, kept in its run or (where that cannot be written) by this server."""
    found = [kept for kept in lab.evaluations(item.run) if kept.step == item.step and _is_by(kept, item, how)]
    if job and job.future.done() and not job.error:
        found.append(job.future.result())
    return max(found, key=lambda evaluation: evaluation.created, default=None)


def _is_by(kept: "Evaluation", item: Contender, how: How) -> bool:
    """Whether an evaluation is by the data set and embedder that were asked for; the run's own data set may have
    another name by now."""
    if how.embedder and Path(how.embedder).name not in kept.card.embedders:
        return False
    if how.dataset != OWN:
        return kept.dataset == how.dataset
    config = item.run.config
    return kept.card.fingerprint == config.fingerprint or kept.dataset == config.dataset


@st.fragment(run_every=1.0)
def _wait(jobs: dict[Contender, Job]) -> None:
    """The bars of what is under way; the page is drawn anew when one of them ends."""
    if any(job.future.done() for job in jobs.values()):
        st.rerun()
    for item, job in jobs.items():
        share = min(1.0, job.done / job.total) if job.total else 0.0
        bar, place = st.columns([3, 1], vertical_alignment="center")
        bar.progress(share, f"{item.words}: {_state(job, share)}")
        place.button(
            "Cancel",
            icon=":material/close:",
            disabled=job.is_cancelled,
            on_click=job.cancel,
            key=f"cancel {item.title}",
            width="stretch",
        )
    st.caption("This goes on while you listen or look at other pages.")


def _state(job: Job, share: float) -> str:
    if job.is_cancelled:
        return "Cancelling …"
    if job.total:
        return f"{share:.0%}"
    return "opening the clips …" if job.future.running() else "waits for its turn"
