"""How several trainings went, on common axes."""

from collections.abc import Sequence

import streamlit as st

from audiogan.lab import Run
from audiogan.ui.contenders import Contender
from audiogan.ui.look import GREY, Curve, curve_chart

AXES = ("steps", "minutes")

CHARTS = {
    "distance": "Distance from real sounds: lower is better",
    "loss_g": "Loss of the generator",
    "loss_d": "Loss of the discriminator",
}
"""By column of scores.csv or metrics.csv."""


@st.fragment
def run_curves(contenders: Sequence[Contender]) -> None:
    """Distance from real sounds and losses of the runs, each run once."""
    firsts = {item.run.name: item for item in reversed(contenders)}
    runs = [(item.run, item.colour) for item in sorted(firsts.values(), key=lambda item: item.letter)]
    axis = st.segmented_control("Along", AXES, default=AXES[0], required=True, key="curves-along")
    charts = {column: _curves(runs, column, axis) for column in CHARTS}
    for column, curves in charts.items():
        if curves:
            curve_chart(CHARTS[column], curves, f"curves-{column}-{axis}", x_name=axis, has_peaks=True)
    if not any(charts.values()):
        st.caption("The numbers of this training were not kept. The starter model comes without them.")
    if charts["distance"] and len({run.config.fingerprint for run, _ in runs}) > 1:
        st.caption(
            "These runs learned from different data sets, and each distance is from its own real sounds: courses can "
            "be compared, heights cannot."
        )


def _curves(runs: Sequence[tuple[Run, str]], column: str, axis: str) -> list[Curve]:
    tables = [(run, run.scores() if column == "distance" else run.metrics(), colour) for run, colour in runs]
    known = [(run, table, colour) for run, table, colour in tables if len(table["step"]) > 1]
    curves = [Curve(run.name, _along(table, axis), table[column], colour) for run, table, colour in known]
    if column == "distance" and len({run.config.fingerprint for run, *_ in known}) == 1:
        _, longest, _ = max(known, key=lambda item: _along(item[1], axis)[-1])
        curves.append(Curve("as many real ones (95 %)", _along(longest, axis), longest["floor"], GREY))
    return curves


def _along(table: dict[str, list[float]], axis: str) -> list[float]:
    return table["step"] if axis == "steps" else [seconds / 60 for seconds in table["seconds"]]
