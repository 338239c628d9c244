"""The views of a listening test: making one, its questions, its results."""

from collections.abc import Callable

import streamlit as st

from audiogan.lab import KINDS, MOST_QUESTIONS, Lab, ListeningTest, Run, listener_name
from audiogan.ui.look import ACCENT, CONTRAST, go
from audiogan.ui.sound import blind_question
from audiogan.wording import plural

QUESTIONS = 20
"""Offered first. Of twenty, fifteen right are more than chance; it takes three minutes."""

SHOWN = 10
"""Tests that are listed, the newest."""


def new_test(lab: Lab) -> None:
    """Choose kind, models and number of questions; then the first question comes."""
    kind = st.segmented_control(
        "Kind of test",
        list(KINDS),
        default="real",
        required=True,
        format_func=lambda name: KINDS[name].title,
    )
    st.caption(KINDS[kind].about)
    runs = [run for run in lab.runs() if run.snapshots()]
    moments = {
        f"{run.name}, step {step:,}" + (" (best)" if step == run.best_step else ""): (run, step)
        for run in runs
        for step in _best_first(run)
    }
    chosen = st.multiselect(
        "Models",
        list(moments),
        default=list(moments)[:1],
        help="Each model at the moments of its training that were kept; the best comes first, then the newest.",
    )
    count_box, name_box = st.columns(2)
    count = int(count_box.number_input("Questions", 1, MOST_QUESTIONS, QUESTIONS))
    listener = name_box.text_input("Your name", value=st.session_state.get("listener", ""), max_chars=40)
    has_real = kind == "real" or st.toggle("Real clips take part", value=True)
    with st.expander("More settings"):
        test_box, seed_box = st.columns(2)
        name = test_box.text_input("Name of the test", placeholder="date and kind")
        seed = int(seed_box.number_input("Seed", 0, 2**31 - 1, 0, help="The same seed draws the same questions."))
    if st.button("Begin", type="primary", icon=":material/play_arrow:"):
        _begin(lab, kind, [moments[moment] for moment in chosen], count, seed, has_real, name.strip(), listener)


def _best_first(run: Run) -> list[int]:
    """The steps of a run's snapshots: the one that is played by default, then the newest to the oldest."""
    best = run.snapshot().step
    return [best, *(snapshot.step for snapshot in reversed(run.snapshots()) if snapshot.step != best)]


def _begin(lab: Lab, kind: str, models: list, count: int, seed: int, has_real: bool, name: str, listener: str) -> None:
    bar = st.progress(0.0, "Making the sounds …")
    try:
        listener = listener_name(listener)
        test = lab.new_listening_test(
            kind, models, count, seed, has_real, name, lambda done, total: bar.progress(done / total)
        )
    except (ValueError, OSError) as error:
        st.error(str(error))
    else:
        _listen(test, listener)
    finally:
        bar.empty()


def _listen(test: ListeningTest, listener: str) -> None:
    st.session_state.listener = listener
    go("listen", test=test.name, listener=listener)


def tests_there_are(lab: Lab) -> None:
    """The newest tests, to answer or to look at; nothing when there are none."""
    tests = lab.listening_tests()[:SHOWN]
    if not tests:
        return
    st.subheader("Your listening tests", anchor=False)
    for test in tests:
        listeners = test.listeners()
        about = f"{test.asks.title.rstrip('?')}: {plural(len(test.questions), 'question')}"
        heard = f"answered by {', '.join(listeners)}" if listeners else "nobody has answered yet"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{test.name}**  \n{about}, {heard}.",
                width="stretch",
            )
            with st.popover("Answer", icon=":material/hearing:"):
                _answer(test)
            if st.button("Results", key=f"results-{test.name}", disabled=not listeners):
                go("listen", test=test.name)


def _answer(test: ListeningTest) -> None:
    """Who listens: somebody new, or somebody who goes on."""
    with st.form(f"answer-{test.name}", border=False):
        text = st.text_input("Your name", max_chars=40, help="The same name goes on where it left off.")
        if not st.form_submit_button("Begin or go on", type="primary"):
            return
    try:
        listener = listener_name(text)
    except ValueError as error:
        st.error(str(error))
    else:
        _listen(test, listener)


@st.fragment
def ask(test: ListeningTest, listener: str) -> None:
    """The listener's next question, and the next, until the last."""
    problem = st.session_state.pop("unkept answer", None)
    try:
        number = test.next_question(listener)
        wavs = [] if number is None else test.wavs(number)
    except ValueError as error:
        problem = str(error)
    if problem:
        st.error(problem)
        st.button("Try again")
        return
    if number is None:
        st.rerun()
    question = {
        "number": number,
        "count": len(test.questions),
        "scales": list(test.asks.scales.values()),
        "choices": list(test.asks.choices),
    }
    blind_question(wavs, question, key=f"question-{test.name}-{listener}", on_answer=_keeper(test, listener))
    st.caption(f"{listener}, every answer is kept at once: close this page whenever you like, and go on later.")


def _keeper(test: ListeningTest, listener: str) -> Callable[[int, list[int]], None]:
    """Keeps an answer, or why it could not be kept."""

    def keep(number: int, choices: list[int]) -> None:
        try:
            test.answer(listener, number, choices)
        except (ValueError, OSError) as error:
            st.session_state["unkept answer"] = f"Your answer could not be kept: {error}"

    return keep


def show_results(test: ListeningTest, listener: str) -> None:
    """What all answers say, what each listener's say, and the answers themselves."""
    if listener:
        st.success(f"Thank you, {listener}: all {plural(len(test.questions), 'question')} are answered.")
    results = test.results()
    st.markdown(f"#### {results.sentences[0]}")
    for name in dict.fromkeys(measure.name for measure in results.measures):
        _draw(test, name, [measure for measure in results.measures if measure.name == name])
    if not results.measures:
        return
    st.caption(NOTES[test.kind])
    for sentence in results.sentences[1:]:
        st.markdown(sentence)
    st.subheader("Listeners", anchor=False)
    rows = [
        {
            "Listener": name,
            "Answers": f"{len(test.answers(name))} of {len(test.questions)}",
            "What they say": test.results(name).sentences[0],
        }
        for name in test.listeners()
    ]
    st.table(rows)
    st.download_button(
        "Download all answers as CSV",
        data=test.table,
        file_name=f"{test.name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


NOTES = {
    "real": "Lines are 95 % intervals (Wilson). Sounds that nobody can tell from real ones are taken for real as often "
    "as the real clips are.",
    "pairs": "Strengths after Bradley and Terry; lines are 95 % intervals (bootstrap). Of two that are 1 apart, the "
    "stronger is preferred in 73 of 100 cases; no difference counts half for each.",
    "ratings": "Lines are 95 % intervals of the mean (Student's t).",
}

RATED = {"scale": {"domain": [1, 5]}, "axis": {"values": [1, 2, 3, 4, 5]}}

AXES = {
    "taken for real": {"scale": {"domain": [0, 1]}, "axis": {"format": "%", "tickCount": 5}},
    "strength": {"scale": {"zero": False}, "axis": {"tickCount": 5}},
    "quality": RATED,
    "intelligibility": RATED,
    "resemblance": RATED,
}


def _draw(test: ListeningTest, name: str, measures: list) -> None:
    """A measure as a point on a line for each participant: teal for the real clips, orange for models."""
    real = {name for name, who in zip(test.names, test.participants, strict=True) if who.is_real}
    rows = [
        vars(measure) | {"is_real": measure.participant in real, "who": _short(measure.participant)}
        for measure in measures
    ]
    place = {"type": "quantitative", "title": name, **AXES[name]}
    spec = {
        "height": {"step": 40},
        "encoding": {
            "y": {
                "field": "who",
                "type": "nominal",
                "sort": None,
                "title": None,
                # run and step on lines of their own
                "axis": {"labelExpr": "split(datum.label, ', ')", "labelLimit": 150},
            },
            "color": {"condition": {"test": "datum.is_real", "value": ACCENT}, "value": CONTRAST},
        },
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3},
                "encoding": {"x": {"field": "low", **place}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 140, "opacity": 1},
                "encoding": {"x": {"field": "value", **place}},
            },
        ],
    }
    st.vega_lite_chart(rows, spec)


def _short(name: str) -> str:
    """A participant's name with the end of a long run's name, which tells runs apart: they begin with their date."""
    run, comma, step = name.partition(", ")
    return (f"…{run[-20:]}" if len(run) > 21 else run) + comma + step
