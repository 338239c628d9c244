"""Numbers -> SVG charts that stand in a page by themselves: colours and letters are the page's own."""

import math
from collections.abc import Sequence

import numpy as np

from audiogan.markup import Html, join, tag

WIDTH, HEIGHT = 360, 190
"""Of a chart, in the units of its letters: drawn about as large, they are as large as the text around."""

LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 34
"""Room for numbers and names."""

MOST_POINTS = 300
"""Of a line; more are averaged in groups, since the chart has no more pixels."""

PEAKS = 0.005
"""Share of the values at either end that may leave the chart: single peaks would make a flat line of the rest."""


def line_chart(
    x: Sequence[float],
    lines: dict[str, Sequence[float]],
    x_name: str,
    y_name: str,
    level: float | None = None,
    octaves: bool = False,
    classes: Sequence[str] = ("real", "made"),
) -> Html:
    """Lines over one axis, each of one of the page's classes, in a figure with their names where there are several.

    `level` draws a dashed line at that height, `octaves` an axis on which octaves are equally wide. Values that are
    not finite leave a gap at the ends of their line.
    """
    places = np.asarray(x, float)
    scale = np.log2 if octaves else np.asarray
    columns = {name: _thinned(np.asarray(values, float)) for name, values in lines.items()}
    across = scale(_thinned(places))
    low, high = _bounds([*columns.values()], level)
    begin, end = float(across[0]), float(across[-1]) if across[-1] > across[0] else float(across[0]) + 1

    def right(place: float) -> float:
        return LEFT + (place - begin) / (end - begin) * (WIDTH - LEFT - RIGHT)

    def down(value: float) -> float:
        return TOP + (high - min(max(value, low), high)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    marks = octave_ticks(places[0], places[-1]) if octaves else ticks(begin, end)
    parts = [_horizontal(down(value), short(value)) for value in ticks(low, high)]
    parts += [_below(right(float(scale(mark))), short(mark)) for mark in marks]
    if level is not None:
        parts.append(
            tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{down(level):.1f}", y2=f"{down(level):.1f}", class_="level")
        )
    for kind, values in zip(classes, columns.values(), strict=False):
        known = np.isfinite(values)
        points = " ".join(f"{right(a):.1f},{down(b):.1f}" for a, b in zip(across[known], values[known], strict=True))
        parts.append(tag("polyline", points=points, class_=kind))
    parts.append(tag("text", x_name, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 4, text_anchor="middle"))
    names = [tag("span", name, class_=f"key {kind}") for kind, name in zip(classes, lines, strict=False)]
    picture = tag("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=f"{y_name} over {x_name}")
    return tag(
        "figure", tag("figcaption", tag("b", y_name), *(names if len(names) > 1 else [])), picture, class_="chart"
    )


def _thinned(values: np.ndarray) -> np.ndarray:
    """Means of groups of neighbours, at most MOST_POINTS."""
    stride = math.ceil(len(values) / MOST_POINTS)
    whole = len(values) // stride * stride
    return values[:whole].reshape(-1, stride).mean(1)


def _bounds(columns: list[np.ndarray], level: float | None) -> tuple[float, float]:
    """(lowest, highest value that is drawn)."""
    known = np.concatenate(columns)
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return 0.0, 1.0
    low = float(np.quantile(known, PEAKS, method="lower"))
    high = float(np.quantile(known, 1 - PEAKS, method="higher"))
    if level is not None:
        low, high = min(low, level), max(high, level)
    margin = 0.05 * (high - low) or max(0.05 * abs(high), 1e-3)
    return low - margin, high + margin


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Up to so many round numbers (1, 2 or 5 times a power of ten apart) from low to high."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= most)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def octave_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten from low to high."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    marks = [factor * 10.0**exponent for exponent in exponents for factor in (1, 2, 5)]
    return [mark for mark in marks if low <= mark <= high]


def short(value: float) -> str:
    """A number for an axis: '0.5', '12k'."""
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{round(value, 9):g}"


def _across(y: float, kind: str) -> Html:
    return tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_=kind)


def _horizontal(y: float, text: str) -> Html:
    return join(_across(y, "grid"), tag("text", text, x=LEFT - 5, y=f"{y + 3.5:.1f}", text_anchor="end"))


def _below(x: float, text: str) -> Html:
    return tag("text", text, x=f"{x:.1f}", y=HEIGHT - BOTTOM + 14, text_anchor="middle")
