"""Sounds: drop files or name a folder, see what was accepted, choose rate and length, hear the clips."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from audiogan.lab import Download, Lab, NoSounds, Source, Survey, SurveyedFile, Upload, open_lab
from audiogan.ui.gallery import clip_gallery
from audiogan.ui.look import go, page_header
from audiogan.wording import plural, size

FOLDER, FILES, HERE, SYNTHESISED, PUBLIC = (
    "Drop a folder",
    "Files or a ZIP",
    "Folder on this computer",
    "Built-in sounds",
    "Public data sets",
)
RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)
SECONDS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0)


def choose_sources() -> list:
    """The widgets that name sounds: a path, or uploaded files; empty until something was chosen."""
    way = st.segmented_control(
        "Where are your sounds?", (FOLDER, FILES, HERE, SYNTHESISED, PUBLIC), default=FOLDER, required=True
    )
    if way == HERE:
        text = st.text_input(
            "Path of the folder",
            placeholder="/home/me/sounds",
            help="Read in place: nothing is copied through the browser. Subfolders become labels.",
        )
        return [Path(text.strip()).expanduser()] if text.strip() else []
    if way == SYNTHESISED:
        st.markdown("A few hundred drum hits and chirps, made from equations by this program: no files needed.")
        if st.button("Prepare the built-in sounds", type="primary"):
            with st.spinner("Making sounds …"):
                st.session_state.shown = open_lab().prepare_built_in().name
        return []
    if way == PUBLIC:
        return choose_public(open_lab())
    return st.file_uploader(
        "A folder; its subfolders become labels" if way == FOLDER else "Sound files, or a ZIP of them",
        accept_multiple_files="directory" if way == FOLDER else True,
        key=way,
    )


def choose_public(lab: Lab) -> list[Path]:
    """A button for each public data set; the folder of the one that was downloaded last, once it is there."""
    to = st.text_input("Download into", value=str(lab.downloads_folder), help="Each gets a folder of its own in there.")
    for source in lab.public_sources().values():
        offer(lab, source, Path(to.strip() or lab.downloads_folder))
    current: Download | None = st.session_state.get("download")
    if current is None:
        return []
    if current.is_active:
        follow(current)
    elif current.error:
        st.error(current.error)
    return [current.folder] if current.folder else []


def offer(lab: Lab, source: Source, to: Path) -> None:
    """What a public data set is, and its button, or how to get it by hand."""
    words, place = st.columns([3, 1], vertical_alignment="center")
    words.markdown(f"**[{source.title}]({source.page})**: {source.about} {source.licence}.")
    if source.by_hand:
        words.caption(source.by_hand)
        return
    is_here = (to.expanduser() / source.name).is_dir()
    label = "Use it: it is here" if is_here else f"Download {size(source.most_archive_bytes)}"
    if place.button(label, key=f"download {source.name}"):
        st.session_state.download = lab.start_download(source.name, to)


@st.fragment(run_every=1.0)
def follow(current: Download) -> None:
    """The bar of a download, drawn each second; when it ends the page is drawn anew."""
    if not current.is_active:
        st.rerun()
    share = min(1.0, current.done_bytes / max(1, current.total_bytes))
    done, total = size(current.done_bytes), size(current.total_bytes)
    st.progress(share, "Unpacking …" if share == 1 else f"Downloading … {done} of {total}")
    st.caption("This goes on while you look at other pages. If the connection breaks, press the button again.")


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


def suggest_name(sources: list) -> str:
    """The name of the folder or file that was given, when there is one and it can be a name."""
    tops = {Path(source.name).parts[0] for source in sources if Path(source.name).parts}
    word = Path(tops.pop()).stem if len(tops) == 1 else ""
    return re.sub(r"[^A-Za-z0-9_-]+", " ", word).strip() or "my sounds"


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
