"""Clips side by side, to look at and listen to."""

import random

import streamlit as st

from audiogan.lab import Dataset, Snapshot, wav_of_clip
from audiogan.ui.sound import sound_card

SHOWN = 6
"""Cards in one view: two rows of three on a wide screen."""


@st.fragment
def clip_gallery(dataset: Dataset) -> None:
    """A few random clips of a data set, exactly as the network will see them, and others at a click."""
    key = f"gallery-{dataset.name}"
    draw = st.session_state.setdefault(key, 0)
    numbers = dataset.clip_labels()
    chosen = random.Random(draw).sample(range(dataset.n_clips), min(SHOWN, dataset.n_clips))
    for column, index in _grid(chosen):
        with column:
            label = dataset.labels[numbers[index]] if dataset.labels else ""
            note = f"clip {index}"
            sound_card(
                wav_of_clip(dataset, index),
                title=label or note,
                note=note if label else "",
                key=f"{key}-{chosen.index(index)}",
                filename=f"{dataset.name}-{index}.wav",
            )
    if dataset.n_clips > SHOWN and st.button("Show others", icon=":material/shuffle:"):
        st.session_state[key] += 1
        st.rerun(scope="fragment")


def preview_gallery(snapshot: Snapshot, labels: tuple[str, ...], key: str) -> None:
    """The fixed latents' sounds at one moment of a training."""
    for column, (index, path) in _grid(list(enumerate(snapshot.previews))):
        with column:
            title = labels[index % len(labels)] if labels else f"sound {index + 1}"
            sound_card(
                path.read_bytes(),
                title=title,
                note=f"step {snapshot.step:,}",
                key=f"{key}-{index}",
                filename=f"{path.stem}.wav",
            )


def _grid(items: list):
    """(column, item) pairs, three to a row on a wide screen; row by row, so that a narrow one keeps their order."""
    rows = [st.columns(3) for _ in range(0, len(items), 3)]
    return [(rows[position // 3][position % 3], item) for position, item in enumerate(items)]
