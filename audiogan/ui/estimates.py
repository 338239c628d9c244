"""What a training will cost, measured in the background while the page stays usable."""

from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from audiogan.lab import Estimate, Lab, Limit, RunConfig, RunError
from audiogan.ui.look import show_metrics
from audiogan.wording import duration, pace, size


@st.cache_resource(show_spinner=False)
def _probes() -> tuple[ThreadPoolExecutor, dict[str, Future]]:
    """One probe at a time: two at once would measure each other."""
    return ThreadPoolExecutor(1), {}


def show_estimate(lab: Lab, config: RunConfig, limit: Limit, device: str) -> None:
    """The cost of this training; starts a probe when these settings were not measured yet."""
    executor, known = _probes()
    key = str((config.dataset, config.fingerprint, config.settings, device))
    if key not in known:
        known[key] = executor.submit(lab.measure, config, device)
    future = known[key]
    if not future.done():
        _wait(future)
    elif future.exception():
        st.error(str(future.exception()))
        if st.button("Measure again", icon=":material/refresh:"):
            known.pop(key, None)
            st.rerun()
    else:
        try:
            _show(lab.estimate(config, limit, future.result()))
        except RunError as error:
            st.error(str(error))


@st.fragment(run_every=0.5)
def _wait(future: Future) -> None:
    if future.done():
        st.rerun()
    st.info("Running a few steps to see what this costs on your machine …", icon=":material/hourglass_top:")


def _show(estimate: Estimate) -> None:
    show_metrics(
        (
            "First sound",
            duration(estimate.first_sound_seconds),
            "From pressing start; more follow as it learns.",
        ),
        ("Pace of steps", pace(estimate.steps_per_second), None),
        ("Steps in all", f"{estimate.total_steps:,}", None),
        ("Memory", size(estimate.memory_bytes), None),
    )
    st.caption(
        f"Measured on: {estimate.device}. {estimate.parameters:,} numbers will be learned; "
        f"on disk the run takes {size(estimate.disk_bytes)} at most."
    )
    st.caption(estimate.construction)
    if estimate.total_steps < 500:
        st.warning(
            "This is too slow to learn anything in that time: choose the Quick model, a shorter clip, "
            "or a smaller width under More settings.",
            icon=":material/speed:",
        )
