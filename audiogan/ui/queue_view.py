"""The queue as a small panel: who waits, in which order, and what was interrupted."""

from collections.abc import Callable

import streamlit as st

from audiogan.lab import Entry, Lab
from audiogan.ui.look import RUN_STATES


def show_queue(lab: Lab) -> None:
    """The panel, looked at every two seconds while somebody waits; nothing when nobody does."""
    if any(_is_shown(entry) for entry in lab.queue()):
        _panel(lab)


def _is_shown(entry: Entry) -> bool:
    return entry.is_waiting or entry.is_interrupted


@st.fragment(run_every=2.0)
def _panel(lab: Lab) -> None:
    entries = lab.queue()
    shown = [entry for entry in entries if _is_shown(entry)]
    if not shown:
        st.rerun()
    with st.container(border=True):
        st.markdown("**Queue**")
        positions: dict[str, int] = {}
        for entry in shown:
            device = entry.place.device
            positions[device] = positions.get(device, 0) + entry.is_waiting
            last = sum(other.is_waiting and other.place.device == device for other in shown)
            _row(lab, entry, positions[device], last)
        interrupted = any(entry.is_interrupted for entry in shown)
        if interrupted and st.button("Go on with the queue", icon=":material/play_arrow:"):
            _do(lab.go_on)


def _row(lab: Lab, entry: Entry, position: int, last: int) -> None:
    """One run: where it stands, and how to change that."""
    name = entry.run.name
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if entry.is_waiting:
            told = f"waits for {entry.waits_for}" if entry.waits_for else "begins in a moment"
            st.markdown(f"{position}\\. **{name}**  \n{told}", width="stretch")
            _button("Sooner", "arrow_upward", name, lambda: lab.move(entry.run, position - 1), position == 1)
            _button("Later", "arrow_downward", name, lambda: lab.move(entry.run, position + 1), position == last)
        else:
            st.markdown(f"**{name}**  \n{RUN_STATES['interrupted']}", width="stretch")
        _button("Leave the queue", "close", name, lambda: lab.cancel(entry.run))


def _button(what: str, icon: str, name: str, action: Callable[[], None], disabled: bool = False) -> None:
    """A button that is only a sign; what it does is its help."""
    if st.button("", icon=f":material/{icon}:", help=what, key=f"{what}-{name}", disabled=disabled, type="tertiary"):
        _do(action)


def _do(action: Callable[[], object]) -> None:
    try:
        action()
    except (ValueError, OSError) as error:
        st.error(str(error))
    else:
        st.rerun()
