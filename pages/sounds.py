"""Sounds: drop files or name a folder, see what was accepted, choose rate and length, hear the clips."""

import streamlit as st

from audiogan.lab import Lab, Survey, open_lab
from audiogan.ui.deletion import confirm_deletion
from audiogan.ui.gallery import clip_gallery
from audiogan.ui.look import go, page_header
from audiogan.ui.survey_view import choose_labels, look_at, show_survey
from audiogan.ui.ways_in import choose_sources, suggest_name
from audiogan.wording import plural

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)
SECONDS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0)


def prepare(lab: Lab, survey: Survey, likely_name: str) -> None:
    """Choose name, rate and length, and make the data set."""
    suggestion = survey.suggest()
    st.caption(suggestion.why)
    name_box, rate_box, length_box = st.columns(3)
    name = name_box.text_input("Name", value=likely_name, max_chars=80)
    rate = rate_box.selectbox(
        "Sample rate",
        sorted({*RATES, suggestion.rate}),
        index=sorted({*RATES, suggestion.rate}).index(suggestion.rate),
        format_func=lambda hz: f"{hz:,} Hz",
        help="Samples per second. Half of it is the highest pitch that can be learned; the cost grows with it.",
    )
    lengths = sorted({*SECONDS, suggestion.seconds})
    seconds = length_box.selectbox(
        "Length of a clip",
        lengths,
        index=lengths.index(suggestion.seconds),
        format_func=lambda value: f"{value:g} s",
        help="Every clip gets this length: shorter sounds are padded with silence, long recordings are cut up.",
    )
    if st.button("Prepare the clips", type="primary"):
        bar = st.progress(0.0, "Cutting clips …")
        try:
            dataset = lab.prepare(survey, name, rate, seconds, lambda done, total: bar.progress(done / total))
        except (ValueError, OSError) as error:
            st.error(str(error))
        else:
            st.session_state.shown = dataset.name
        finally:
            bar.empty()


lab = open_lab()
page_header("Sounds", "Choose what to learn from. Thirty sounds are enough to begin; a few hundred are better.")
sources = choose_sources()
survey = look_at(lab, sources) if sources else None
if survey:
    survey = choose_labels(survey)
    show_survey(survey)
    prepare(lab, survey, suggest_name(sources))

datasets = lab.datasets()
st.subheader("Your data sets", anchor=False)
if not datasets:
    st.caption("None yet. Choose sounds above; they appear here as clips to look at and listen to.")
else:
    names = [dataset.name for dataset in datasets]
    wanted = st.session_state.get("shown") or st.query_params.get("data")
    name = st.selectbox("Data set", names, index=names.index(wanted) if wanted in names else 0)
    dataset = lab.dataset(name)
    labels = ", ".join(f"{label} {count}" for label, count in dataset.counts.items())
    st.markdown(
        f"{plural(dataset.n_clips, 'clip')} of {dataset.seconds:g} s at {dataset.rate:,} Hz"
        + (f": {labels}." if labels else ".")
    )
    if st.button("Train on these", type="primary", icon=":material/arrow_forward:"):
        go("train", data=name)
    clip_gallery(dataset)
    users = len(lab.runs_on(dataset))
    confirm_deletion(
        f"Delete the data set '{name}'? The sounds it was made of stay where they are."
        + (f" {plural(users, 'run')} made with it can be played, but not trained any further." if users else ""),
        lambda: lab.delete_dataset(dataset),
        key=name,
    )
