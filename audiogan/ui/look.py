"""What the pages share: headers, cards, live charts, words for states. Streamlit only, no audio."""

import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from audiogan.lab import Lab, Run, site

ACCENT, CONTRAST = "#14a3a1", "#e0863b"
"""Lines of the charts, told apart on light and dark and by colour-blind eyes: teal for the discriminator and for what
it holds real, orange for the generator and what it makes."""

COLOURS = (ACCENT, CONTRAST, "#8b7be8", "#d6588c")
"""Of things that stand side by side, such as runs: teal, orange, violet, pink."""

GREY = "#8a8f94"
"""Of what they are measured against."""

RUN_STATES = {
    "new": ":material/hourglass_empty: not started",
    "waiting": ":material/schedule: waiting",
    "starting": ":material/hourglass_top: starting",
    "running": ":green[:material/play_circle:] training",
    "paused": ":material/pause_circle: paused",
    "stopped": ":material/stop_circle: stopped",
    "finished": ":material/check_circle: finished",
    "settled": ":material/check_circle: stopped by itself, as it no longer improved",
    "failed": ":red[:material/error:] failed",
    "interrupted": ":orange[:material/warning:] interrupted",
}
"""The states of a run in words, with a sign."""

SCALES = ("all values", "without peaks")
"""How much of its lines a chart shows; a few peaks at the start make the rest of a loss a flat line."""

CHART = {
    "animation": False,
    "grid": {"left": 8, "right": 12, "top": 32, "bottom": 24, "containLabel": True},
    "legend": {"top": 0, "left": 0, "icon": "roundRect", "itemHeight": 3, "type": "scroll"},
    "tooltip": {"trigger": "axis"},
}
"""What all charts have in common."""

POINTS = 600
"""Points a live line is thinned to: more than the pixels of its chart add nothing."""


def go(page: str, **query: str) -> None:
    """Leave for the page of that name."""
    st.switch_page(page_path(page), query_params=query)


def page_path(page: str) -> Path:
    """The script of a page; streamlit knows pages by it."""
    return site() / "pages" / f"{page}.py"


def plain(text: str) -> str:
    """The text as it is, where markdown would read links, pictures or formulas into it: anybody may name a label."""
    return re.sub(r"([\\`*_\[\]<>~$|])", r"\\\1", text)


def page_header(title: str, lead: str) -> None:
    """The title of a page and one sentence that says what to do on it."""
    st.title(title, anchor=False)
    st.markdown(lead)


def way_on(title: str, text: str, label: str, page: str, primary: bool = False, **query: str) -> None:
    """A card with one button that leads to another page."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"#### {title}")
        st.markdown(text)
        if st.button(label, type="primary" if primary else "secondary", width="stretch"):
            go(page, **query)


def empty_state(text: str, label: str, page: str) -> None:
    """What an empty page says, and the way to the page that fills it."""
    with st.container(border=True):
        st.markdown(text)
        if st.button(label, type="primary"):
            go(page)


def device_line(lab: Lab) -> None:
    """Which device training will use. Comes last on a page: the first look imports torch."""
    line = st.empty()
    line.caption(":material/memory: Looking for a graphics card …")
    line.caption(f":material/memory: Training will use: {_device_words(lab)}.")


@st.cache_data(show_spinner=False)
def _device_words(_lab: Lab) -> str:
    return _lab.describe_device()


def label_title(lab: Lab, run: Run) -> Callable[[str], str]:
    """How a page calls a label: a group by the file that is most like it, too."""
    examples = dict(zip(run.config.label_names, found, strict=True)) if (found := lab.group_examples(run)) else {}
    return lambda name: f"{name} · {examples[name]}" if name in examples else name


def show_metrics(*metrics: tuple[str, str, str | None]) -> None:
    """(name, value, help) side by side: four to a row on a wide screen, two on a phone."""
    with st.container(horizontal=True):
        for name, value, help_text in metrics:
            st.metric(name, value, help=help_text, width=154)


@dataclass(frozen=True)
class Curve:
    """One line of a chart; gaps in it are NaN."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: str

    @property
    def series(self) -> dict:
        stride = max(1, math.ceil(len(self.xs) / POINTS))
        return {
            "name": self.name,
            "type": "line",
            "showSymbol": False,
            "data": [[x, y] for x, y in zip(self.xs[::stride], self.ys[::stride], strict=True)],
            "lineStyle": {"width": 1.5},
        }


def line_chart(
    title: str,
    steps: list[float],
    lines: dict[str, list[float]],
    key: str,
    middle: float | None = None,
    has_peaks: bool = False,
) -> None:
    """A live chart of one or two lines over the steps of a training; see `curve_chart`."""
    curves = [Curve(name, steps, ys, colour) for (name, ys), colour in zip(lines.items(), COLOURS, strict=False)]
    curve_chart(title, curves, key, middle=middle, has_peaks=has_peaks)


def curve_chart(
    title: str,
    curves: Sequence[Curve],
    key: str,
    x_name: str = "step",
    x_type: str = "value",
    middle: float | None = None,
    has_peaks: bool = False,
) -> None:
    """A chart of lines that keeps the user's zoom; its x axis is linear ("value") or logarithmic ("log").

    `middle` draws a dashed level, such as the 0.5 at which the discriminator cannot tell. With `has_peaks` comes a
    control that cuts the scale to where the lines spend nearly all their time.
    """
    series = [curve.series for curve in curves]
    if middle is not None and series:
        series[0]["markLine"] = {
            "silent": True,
            "symbol": "none",
            "data": [{"yAxis": middle}],
            "lineStyle": {"type": "dashed", "color": "#888"},
            "label": {"show": False},
        }
    low = high = None
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{title}**", width="content")
        if has_peaks:
            low, high = _choose_scale([value for line in series for _, value in line["data"]], f"scale-{key}")
    st.echarts_chart(
        CHART
        | {
            "color": [curve.colour for curve in curves],
            "xAxis": {
                "type": x_type,
                "name": x_name,
                "nameLocation": "middle",
                "nameGap": 24,
                "min": "dataMin",
                "max": "dataMax",
                "axisLabel": {
                    "showMinLabel": x_type == "value",
                    "showMaxLabel": x_type == "value",
                    "alignMaxLabel": "right",  # in its middle it would be cut off
                },
            },
            # bounds are no round numbers, so they stay unlabelled; None takes an earlier bound away
            "yAxis": {
                "type": "value",
                "scale": True,
                "min": low,
                "max": high,
                "axisLabel": {"showMinLabel": low is None, "showMaxLabel": high is None},
            },
            "series": series,
        },
        key=key,
        height=240,
    )
    if low is not None:
        st.caption("The scale spans the 1st to the 99th percentile of these values; peaks beyond it are cut off.")


def _choose_scale(values: list[float], key: str) -> tuple[float | None, float | None]:
    """The ends of a chart's scale: (None, None) for all values, or their 1st and 99th percentile."""
    scale = st.segmented_control(
        "Scale", SCALES, default=SCALES[0], required=True, key=key, label_visibility="collapsed"
    )
    known = [value for value in values if math.isfinite(value)]
    if scale == SCALES[0] or len(known) < 2:
        return None, None
    percentiles = statistics.quantiles(known, n=100, method="inclusive")
    # the chart leaves room for all digits of its bounds, though it does not write them
    low, high = (float(f"{bound:.3g}") for bound in (percentiles[0], percentiles[-1]))
    return (low, high) if low < high else (None, None)
