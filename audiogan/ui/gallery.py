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
            sound_card(
                path.read_bytes(),
                title=_name(index, labels),
                note=f"step {snapshot.step:,}",
                key=f"{key}-{index}",
                filename=f"{path.stem}.wav",
            )


def moments_gallery(snapshots: list[Snapshot], labels: tuple[str, ...], epochs_per_step: float, key: str) -> None:
    """One fixed latent's sound at up to SHOWN moments of a training, from before it began until now."""
    count = min(len(snapshot.previews) for snapshot in snapshots)
    sound = st.segmented_control(
        "Sound",
        range(count),
        default=0,
        required=True,
        key=f"{key}-sound",
        format_func=lambda index: f"{index + 1} {_name(index, labels)}" if labels else str(index + 1),
    )
    for column, (place, snapshot) in _grid(list(enumerate(milestones(snapshots, SHOWN)))):
        path = snapshot.previews[sound]
        with column:
            sound_card(
                path.read_bytes(),
                title=f"step {snapshot.step:,}",
                note=f"epoch {snapshot.step * epochs_per_step:,.1f}" if snapshot.step else "before training",
                key=f"{key}-{place}",
                filename=f"step{snapshot.step}-{path.stem}.wav",
            )


def milestones(snapshots: list[Snapshot], most: int) -> list[Snapshot]:
    """At most so many snapshots: the first one, the first of each doubling of the steps, and the newest.

    A run keeps its last few snapshots besides, and those sound alike.
    """
    doublings = {snapshot.step.bit_length(): snapshot for snapshot in reversed(snapshots)}
    steps = {snapshot.step for snapshot in doublings.values()} | {snapshots[-1].step}
    return spread([snapshot for snapshot in snapshots if snapshot.step in steps], most)


def spread(items: list, most: int) -> list:
    """At most so many (two or more) of the items, evenly far apart, with the first and the last."""
    if len(items) <= most:
        return items
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def _name(index: int, labels: tuple[str, ...]) -> str:
    """What a preview is called: labels take turns over them."""
    return labels[index % len(labels)] if labels else f"sound {index + 1}"


def _grid(items: list):
    """(column, item) pairs, three to a row on a wide screen; row by row, so that a narrow one keeps their order."""
    rows = [st.columns(3) for _ in range(0, len(items), 3)]
    return [(rows[position // 3][position % 3], item) for position, item in enumerate(items)]
