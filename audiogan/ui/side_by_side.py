"""Hear and see a real clip and the same seed through each model, under one zoom."""

from collections.abc import Sequence

import streamlit as st

from audiogan.lab import BUILT_IN, Lab, RunError
from audiogan.ui.contenders import Contender
from audiogan.ui.look import plain
from audiogan.ui.sound import comparison

IN_TURN = "each in turn"


@st.fragment
def side_by_side(lab: Lab, contenders: Sequence[Contender]) -> None:
    """The rows, and the dice that bring the next ones."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        labels = _common_labels(contenders)
        label = st.selectbox("Label", [IN_TURN, *labels], width=220) if labels else IN_TURN
        seed = int(st.number_input("Seed", 0, 2**31 - 1, key="compare-seed", width=160))
        st.button("Next sounds", icon=":material/casino:", on_click=_roll, help="The next seed, and another real clip.")
    rows = []
    for contender in contenders:
        try:
            # a turn means the first one's label for all, where they know it
            rows.append(_row(lab, contender, seed, rows[0][1] if rows and label == IN_TURN else label))
        except RunError as error:
            st.error(plain(str(error)))
    if not rows:
        return
    real = _real(lab, contenders[0], seed, rows[0][1])
    comparison([*real, *((title, wav) for title, _, wav in rows)], key="side-by-side", spectrograms=True)
    st.caption(
        "One scale for all: full height is the loudest sample in view, and the same colour is the same level in every "
        "row."
    )


def _row(lab: Lab, contender: Contender, seed: int, label: str) -> tuple[str, str, bytes]:
    """(title, label, WAV) of one model's sound of the seed."""
    known = contender.run.config.shared_labels
    (sound,) = lab.generate(contender.run, 1, seed, label if label in known else None, contender.step)
    heard_as = f" · {sound.label}" if sound.label else ""
    return f"{contender.lettered}{heard_as}", sound.label, sound.wav


def _real(lab: Lab, contender: Contender, draw: int, label: str) -> list[tuple[str, bytes]]:
    """(title, WAV) of a real clip of the first model's data set; nothing where that is gone, with the reason."""
    dataset = contender.run.config.dataset
    if dataset == BUILT_IN and BUILT_IN not in {known.name for known in lab.datasets()}:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("The starter model learned from the built-in sounds, which were not made here yet.")
            if st.button("Make them"):
                with st.spinner("Making the built-in sounds …"):
                    lab.prepare_built_in()
                st.rerun()
        return []
    try:
        real = lab.real_sound(contender.run, draw, label)
    except RunError as error:
        st.caption(f"There is no real clip beside these: {plain(str(error))}")
        return []
    parts = ["Real", real.label, "kept back from training" if real.held_out else "trained on", real.file]
    return [(" · ".join(part for part in parts if part), real.wav)]


def _common_labels(contenders: Sequence[Contender]) -> list[str]:
    """Labels that every model can be asked for, in the first one's order."""
    known = [item.run.config.shared_labels for item in contenders]
    return [label for label in known[0] if all(label in others for others in known)]


def _roll() -> None:
    st.session_state["compare-seed"] = (st.session_state["compare-seed"] + 1) % 2**31
