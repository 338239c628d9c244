"""Report cards on a page: sentences first, then every number beside what real sounds reach, then pictures and pairs."""

from collections.abc import Sequence
from html import escape
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

import streamlit as st

from audiogan.lab import Lab, RunError
from audiogan.ui.contenders import Contender
from audiogan.ui.look import CHART, GREY, Curve, curve_chart, plain
from audiogan.ui.measures import MEASURES
from audiogan.ui.sound import comparison

if TYPE_CHECKING:
    from audiogan.lab import Evaluation

VERDICTS = {
    "good": (":green[:material/check_circle:]", "yes", "✓"),
    "doubtful": (":orange[:material/error:]", "not quite", "!"),
    "bad": (":red[:material/cancel:]", "no", "✗"),
    "unknown": (":gray[:material/help:]", "cannot say", "?"),
}
"""(icon, word, sign for the table) of each verdict."""

Judged = Sequence[tuple[Contender, "Evaluation"]]


def report_cards(lab: Lab, judged: Judged) -> None:
    """What was found, one block for each data set that was judged by: only its own numbers can be compared."""
    by_dataset = sorted(judged, key=lambda pair: pair[1].card.fingerprint)
    groups = [list(group) for _, group in groupby(by_dataset, key=lambda pair: pair[1].card.fingerprint)]
    for group in sorted(groups, key=lambda group: group[0][0].letter):
        if groups[1:]:
            st.markdown(f"##### Beside the sounds of {plain(group[0][1].dataset)}")
        _answers(group)
        st.html(table(group))
        _remarks(group)
        _charts(group)
        _closest_pairs(lab, group)


# in sentences


def _answers(group: Judged) -> None:
    """The four questions, with every contender's answer."""
    with st.container(border=True):
        for answers in zip(*(evaluation.card.answers for _, evaluation in group), strict=True):
            question = answers[0].question.capitalize()
            if len(group) == 1:
                st.markdown(_sentence(answers[0].verdict, f"{question}?", answers[0].sentence))
                continue
            lines = [
                _sentence(answer.verdict, item.letter, answer.sentence)
                for (item, _), answer in zip(group, answers, strict=True)
            ]
            st.markdown("  \n".join([f"**{question}?**", *lines]))


def _sentence(verdict: str, name: str, sentence: str) -> str:
    icon, word, _ = VERDICTS[verdict]
    return f"{icon} **{name}** {word.capitalize()}. {plain(sentence)}"


# in numbers

STYLE = """
<style>
.measures { overflow-x: auto; font-size: 0.875rem; }
.measures table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.measures :is(th, td) {
  padding: 0.4rem 0.75rem; text-align: left; vertical-align: top; font-weight: 400;
  border-bottom: 1px solid color-mix(in srgb, currentColor 14%, transparent);
}
.measures thead th { font-weight: 600; min-width: 7rem; max-width: 12rem; overflow-wrap: anywhere; }
.measures tr > :first-child {
  position: sticky; left: 0; z-index: 1;
  min-width: 8.5rem; max-width: 15rem; padding-left: 0; background: var(--ground);
}
.measures .group th { padding-top: 1.1rem; font-weight: 600; }
.measures td { padding-left: calc(0.75rem + 1.2em); text-indent: -1.2em; }
.measures td:last-child { padding-left: 0.75rem; text-indent: 0; }
.measures .sign { display: inline-block; width: 1.2em; text-indent: 0; font-weight: 700; }
.measures .value { margin-right: 0.5em; }
.measures small { display: inline-block; font-size: 0.75rem; text-indent: 0; opacity: 0.66; white-space: nowrap; }
.measures summary { cursor: help; list-style: none; text-decoration: underline dotted; text-underline-offset: 0.2em; }
.measures summary::-webkit-details-marker { display: none; }
.measures summary:focus-visible { outline: 2px solid; outline-offset: 2px; }
.measures details p { margin: 0.3rem 0 0; font-size: 0.8125rem; line-height: 1.4; opacity: 0.8; }
.measures .good { color: #2a9d5c; }
.measures .doubtful { color: #d9822b; }
.measures .bad { color: #dc4c4c; }
.measures .letter { display: inline-block; width: 0.6em; height: 0.6em; margin-right: 0.4em; border-radius: 50%; }
</style>
"""


def table(group: Judged) -> str:
    """All measures as HTML: a row each, a column for every contender and one for real sounds."""
    heads = [
        f'<th scope="col"><span class="letter" style="background: {item.colour}"></span>{escape(item.lettered)}</th>'
        for item, _ in group
    ]
    # each measure's (row, line) of every contender
    found = [
        {line.measure: (row, line) for row, line in zip(evaluation.rows(), evaluation.card.lines, strict=True)}
        for _, evaluation in group
    ]
    body = []
    for question in (*(answer.question for answer in group[0][1].card.answers), ""):
        measures = dict.fromkeys(name for lines in found for name in lines if lines[name][1].question == question)
        rows = [_row(name, [lines.get(name) for lines in found]) for name in measures]
        rows += _error_row(group) if not question else []
        if rows:
            title = f"{question.capitalize()}?" if question else "Shown, not judged"
            body += [
                f'<tr class="group"><th scope="rowgroup">{title}</th><td colspan="{len(group) + 1}"></td></tr>',
                *rows,
            ]
    # the first column stays in sight over the others, and needs a ground that hides them
    light, dark = (st.get_option(f"theme.{kind}.backgroundColor") or "Canvas" for kind in ("light", "dark"))
    return (
        f'{STYLE}<div class="measures" style="--ground: light-dark({light}, {dark})" role="region" tabindex="0" '
        f'aria-label="All measures"><table><thead><tr><th scope="col">Measure</th>{"".join(heads)}'
        f'<th scope="col">Real sounds</th></tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _row(measure: str, found: Sequence) -> str:
    """One measure; None for a contender of which it could not be taken."""
    row, line = next(pair for pair in found if pair)
    cells = "".join(_cell(*pair) if pair else "<td>–</td>" for pair in found)
    # without clips on that side there is nothing that real ones would reach
    floor = escape(row.floor) if line.floor_clips else ""
    return f"<tr>{_head(row.title, MEASURES.get(measure, ''))}{cells}<td>{floor}</td></tr>"


def _cell(row, line) -> str:
    """Verdict, value, and the interval where there is one."""
    sign = '<span class="sign"></span>'
    if row.verdict:
        _, word, text = VERDICTS[row.verdict]
        hint = escape(line.fault or word)
        sign = f'<span class="sign {row.verdict}" role="img" title="{hint}" aria-label="{word}">{text}</span>'
    interval = f"<small>{escape(row.interval)}</small>" if line.low < line.high else ""
    return f'<td>{sign}<span class="value">{escape(row.value)}</span>{interval}</td>'


def _head(title: str, about: str) -> str:
    """What a measure is called; hovering, and a click or a tap, say what it means."""
    if not about:  # kept by another version
        return f'<th scope="row">{escape(title)}</th>'
    return (
        f'<th scope="row"><details><summary title="{escape(about)}">{escape(title)}</summary>'
        f"<p>{escape(about)}</p></details></th>"
    )


def _error_row(group: Judged) -> list[str]:
    """The mean squared error beside silence's own, as the sources measured quality."""
    cards = [evaluation.card for _, evaluation in group if evaluation.card.mean_square_error is not None]
    if not cards:
        return []
    errors = [evaluation.card.mean_square_error for _, evaluation in group]
    texts = ("–" if error is None else f"{error:.4f}" for error in errors)
    cells = "".join(f'<td><span class="sign"></span>{text}</td>' for text in texts)
    silence = f"<td>{cards[0].silence_mean_square_error:.4f} <small>is what silence gets</small></td>"
    return [f"<tr>{_head('Mean squared error', MEASURES['mean_square_error'])}{cells}{silence}</tr>"]


def _remarks(group: Judged) -> None:
    """What a reader has to know about these numbers; what holds for all is said once."""
    told = [evaluation.sentences() for _, evaluation in group]
    lines = []
    # first sentences first: each is about the same thing for everybody
    for sentence in dict.fromkeys(sentence for place in zip_longest(*told) for sentence in place if sentence):
        of = [item.letter for (item, _), sentences in zip(group, told, strict=True) if sentence in sentences]
        lines.append((f"**{', '.join(of)}** " if len(of) < len(group) else "") + plain(sentence))
    st.caption("  \n".join(lines))


# in pictures


def _charts(group: Judged) -> None:
    key = group[0][1].card.fingerprint
    curves = [
        Curve(item.title, evaluation.card.bands_hz, evaluation.card.spectrum_difference_db, item.colour)
        for item, evaluation in group
        if evaluation.card.bands_hz
    ]
    if curves:
        curve_chart(
            "Long-term spectrum: dB above or below real sounds", curves, f"spectrum-{key}", "Hz", "log", middle=0
        )
    if any(evaluation.card.label_shares for _, evaluation in group):
        _label_chart(group, f"labels-{key}")


def _label_chart(group: Judged, key: str) -> None:
    """How often each label is heard among the generated sounds, and how often it should be."""
    labelled = [(item, evaluation.card) for item, evaluation in group if evaluation.card.label_shares]
    _, first = labelled[0]
    bars = [("due", first.expected_label_shares, GREY)]
    bars += [(item.title, card.label_shares, item.colour) for item, card in labelled]
    st.markdown("**Labels: what the sounds are heard as, in percent**")
    st.echarts_chart(
        CHART
        | {
            "color": [colour for *_, colour in bars],
            "xAxis": {
                "type": "category",
                "data": list(first.labels),
                "axisLabel": {"width": 80, "overflow": "truncate"},
            },
            "yAxis": {"type": "value"},
            "series": [
                {"name": name, "type": "bar", "data": [round(100 * share, 1) for share in shares]}
                for name, shares, _ in bars
            ],
        },
        key=key,
        height=220,
    )


# in sounds


@st.fragment
def _closest_pairs(lab: Lab, group: Judged) -> None:
    """Generated sounds beside the training clips that they are nearest to: the ear decides whether they are copies."""
    known = [(item, evaluation) for item, evaluation in group if evaluation.card.closest_pairs]
    if not known:
        return
    key = f"pairs-{group[0][1].card.fingerprint}"
    st.markdown("**The closest pairs**: generated sounds beside the training clips they are most like")
    item, evaluation = known[0]
    with st.container(horizontal=True):
        if known[1:]:
            letters = {item.letter: (item, evaluation) for item, evaluation in known}
            letter = st.segmented_control("Model", list(letters), default=item.letter, required=True, key=f"{key}-of")
            item, evaluation = letters.get(letter, known[0])
        count = len(evaluation.card.closest_pairs)
        place = st.segmented_control(
            "Pair", range(count), default=0, required=True, key=f"{key}-place", format_func=lambda place: str(place + 1)
        )
    try:
        pair = lab.closest_pairs(evaluation)[min(place, count - 1)]
    except RunError as error:
        st.caption(plain(str(error)))
        return
    generated = f"{item.lettered} · seed {pair.seed}" + (f" · {pair.label}" if pair.label else "")
    rows = [(generated, pair.generated), (f"Training clip from {pair.file}", pair.training)]
    comparison(rows, key=f"{key}-sounds", spectrograms=True)
    st.caption(f"Distance {pair.distance:.2f} in mel statistics; copies are at 0.")
