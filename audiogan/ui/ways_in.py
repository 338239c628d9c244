"""The ways in which sounds come to the program: dropped, named, synthesised, or from a public data set."""

import re
from pathlib import Path

import streamlit as st

from audiogan.lab import Download, Lab, Source, open_lab
from audiogan.wording import size

FOLDER, FILES, HERE, SYNTHESISED, PUBLIC = (
    "Drop a folder",
    "Files or a ZIP",
    "Folder on this computer",
    "Built-in sounds",
    "Public data sets",
)


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
    elif current.is_cancelled and current.error:
        st.info(current.error)
    elif current.error:
        st.error(current.error)
    if not current.folder:
        return []
    for kept in lab.kept_archives(current.folder.name, current.folder.parent):
        st.caption(kept)
    return [current.folder]


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
    doing = "Unpacking …" if share == 1 else f"Downloading … {done} of {total}"
    bar, place = st.columns([3, 1], vertical_alignment="center")
    bar.progress(share, "Cancelling …" if current.is_cancelled else doing)
    place.button("Cancel", icon=":material/close:", disabled=current.is_cancelled, on_click=current.cancel)
    st.caption(
        "This goes on while you look at other pages. If the connection breaks, or you cancel, what came is kept: press "
        "the button again and it goes on from there."
    )


def suggest_name(sources: list) -> str:
    """The name of the folder or file that was given, when there is one and it can be a name."""
    tops = {Path(source.name).parts[0] for source in sources if Path(source.name).parts}
    word = Path(tops.pop()).stem if len(tops) == 1 else ""
    return re.sub(r"[^A-Za-z0-9_-]+", " ", word).strip() or "my sounds"
