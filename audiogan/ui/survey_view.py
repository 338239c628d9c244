"""What was found among the sounds: looked at once, counted, and explained where something was refused."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from audiogan.lab import Lab, NoSounds, Survey, SurveyedFile, Upload
from audiogan.wording import plural


def look_at(lab: Lab, sources: list) -> Survey | None:
    """The survey of paths or uploaded files, looked at once and kept while they stay the same."""
    key = [str(source) if isinstance(source, Path) else source.file_id for source in sources]
    if st.session_state.get("surveyed") != key:
        bar = st.progress(0.0, "Listening to your files …")
        given = [item if isinstance(item, Path) else Upload(item.name, item.getvalue()) for item in sources]
        try:
            st.session_state.survey = lab.survey(
                given,
                lambda done, total: bar.progress(done / total, f"Listening to your files … {done} of {total}"),
            )
            st.session_state.surveyed = key
        except NoSounds as error:
            st.error(str(error))
            show_remarks(error.files)
            return None
        finally:
            bar.empty()
    return st.session_state.survey


def show_survey(survey: Survey) -> None:
    """What was accepted and what was not, each with its reason."""
    count = Counter(file.status for file in survey.files)
    sentence = f"**{plural(count['accepted'], 'sound')} accepted**"
    if survey.labels:
        sentence += f" with {plural(len(survey.labels), 'label')}: {', '.join(survey.labels)}"
    st.markdown(f"{sentence}. {count['skipped']} refused, {count['ignored']} passed over.")
    for note in survey.notes:
        st.caption(note)
    show_remarks(survey.files)


def choose_labels(survey: Survey) -> Survey:
    """The survey with only the labels that are wanted, and confirmed ones, where there is a choice."""
    wanted = st.multiselect("Use only these labels", survey.labels, placeholder="all") if survey.labels[1:] else []
    verified = survey.tells_verified and st.checkbox(
        "Prefer labels that were confirmed by hand", help="A label of which none was confirmed keeps all its sounds."
    )
    return survey.keep(wanted, verified) if wanted or verified else survey


def show_remarks(files: Sequence[SurveyedFile]) -> None:
    """The files that something has to be said of, the refused ones first."""
    words = {"skipped": "refused", "accepted": "accepted", "ignored": "passed over"}
    rows = [
        {"file": file.path, "": words[status], "why": file.reason}
        for status in words
        for file in files
        if file.status == status and file.reason
    ]
    if rows:
        with st.expander("Files with a remark", expanded=any(file.status == "skipped" for file in files)):
            st.dataframe(rows, hide_index=True)
