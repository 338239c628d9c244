"""Charts whose every point can be worked out by hand, and markup that lets nothing through."""

import re

import pytest

from audiogan.charts import BOTTOM, HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, line_chart, octave_ticks, short, ticks
from audiogan.markup import join, tag


def points(chart: str) -> list[list[tuple[float, float]]]:
    return [
        [tuple(map(float, pair.split(","))) for pair in line.split()] for line in re.findall(r'points="([^"]*)"', chart)
    ]


def test_a_line_goes_from_corner_to_corner_with_a_margin():
    (line,) = points(line_chart([10, 15, 30], {"y": [1.0, 1.0, 3.0]}, "x", "y"))
    assert [x for x, _ in line] == [LEFT, LEFT + (WIDTH - LEFT - RIGHT) / 4, WIDTH - RIGHT]
    height = HEIGHT - TOP - BOTTOM
    # 1 and 3 lie 0.1 / 2.2 from the ends
    assert line[0][1] == pytest.approx(TOP + height * 2.1 / 2.2, abs=0.1)
    assert line[2][1] == pytest.approx(TOP + height * 0.1 / 2.2, abs=0.1)


def test_octaves_are_equally_wide_and_a_level_is_inside():
    chart = line_chart([100, 200, 400], {"y": [5.0, 6.0, 5.0]}, "Hz", "dB", level=0.0, octaves=True)
    (line,) = points(chart)
    assert line[1][0] - line[0][0] == pytest.approx(line[2][0] - line[1][0])
    assert 'class="level"' in chart
    assert max(y for _, y in line) < HEIGHT / 2


def test_what_is_not_finite_is_no_point_and_single_peaks_make_no_flat_line():
    values = [0.0, 1.0] * 500
    values[500] = 1e6
    first, second = points(line_chart(range(1000), {"a": values, "b": [float("nan")] * 1000}, "x", "y"))
    assert second == []
    assert len(first) <= MOST_POINTS
    assert max(y for _, y in first) - min(y for _, y in first) > (HEIGHT - TOP - BOTTOM) * 0.05
    assert min(y for _, y in first) >= TOP


@pytest.mark.parametrize("values", [[2.0, 2.0], [0.0, 0.0], [float("inf"), float("nan")], [1e-30, 1e30]])
def test_a_line_without_height_is_drawn_all_the_same(values):
    assert "nan" not in line_chart([1, 1], {"y": values}, "x", "y").lower()


def test_ticks_are_round_and_inside():
    assert ticks(0.13, 0.82) == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert ticks(-11, 3.2) == pytest.approx([-10, -5, 0])
    assert octave_ticks(45, 1100) == pytest.approx([50, 100, 200, 500, 1000])
    assert [short(value) for value in (0.30000000000000004, 12_000, -2500)] == ["0.3", "12k", "-2.5k"]


def test_only_markup_is_markup():
    inner = tag("b", '<i>&"')
    assert inner == "<b>&lt;i&gt;&amp;&quot;</b>"
    assert (
        tag("p", inner, "<", class_='a"b', data_name=None) == '<p class="a&quot;b"><b>&lt;i&gt;&amp;&quot;</b>&lt;</p>'
    )
    assert tag("img", src="x>y") == '<img src="x&gt;y"/>'
    # text that was joined to markup is text
    assert join(inner + "<u>") == "&lt;b&gt;&amp;lt;i&amp;gt;&amp;amp;&amp;quot;&lt;/b&gt;&lt;u&gt;"
