"""A sound of one's own: what the model makes of it, and the way to play on from there."""

from concurrent.futures import Future

import streamlit as st

from audiogan.lab import Lab, Reconstruction, Run, Upload
from audiogan.ui.jobs import Job, start
from audiogan.ui.look import label_title
from audiogan.ui.sound import comparison

GUESSED = "the one that fits best"


def landing(name: str) -> dict:
    """Where "Play from here" wants the player of that run to be: its latent, label and turn, or nothing."""
    return st.session_state.get(f"landing-{name}", {})


def own_sound(lab: Lab, run: Run, step: int) -> None:
    """Upload a sound, see it beside what the model makes of it, play on from there."""
    file = st.file_uploader("A sound of yours", key=f"own-{run.name}", help="Any sound or video file; it stays here.")
    label = GUESSED
    if run.config.n_labels:
        what = "Its group" if run.config.has_groups else "Its label"
        label = st.selectbox(what, [GUESSED, *run.config.label_names], format_func=label_title(lab, run))
    if not file:
        st.caption("The model looks for the point from which it makes the sound that is nearest to yours.")
        return
    key = (run.name, step, file.file_id, label)
    if st.session_state.get("own-key") != key:
        st.session_state["own-key"] = key
        upload, chosen = Upload(file.name, file.getvalue()), None if label == GUESSED else label
        st.session_state["own-job"] = start(
            "own sounds", lambda told: lab.reconstruct(run, lab.clip_for(run, upload), chosen, step, told)
        )
    job = st.session_state["own-job"]
    if job.future.done():
        _show(run, job.future, file.name)
    else:
        _wait(job)


@st.fragment(run_every=0.5)
def _wait(job: Job) -> None:
    if job.future.done():
        st.rerun()
    if job.done < job.total:
        st.progress(
            job.done / job.total, "Your first sound for this model: it learns to listen, once. Two minutes at most."
        )
    else:
        st.info("Looking for the nearest sound …", icon=":material/hearing:")


def _show(run: Run, future: Future, file_name: str) -> None:
    if future.exception():
        st.error(str(future.exception()))
        return
    result: Reconstruction = future.result()
    heard_as = f", as {result.label}" if result.label else ""
    rows = [(file_name, result.original), (f"From the model{heard_as}", result.wav)]
    comparison(rows, key=f"comparison-{run.name}")
    for sentence in result.sentences():
        st.caption(sentence)
    st.button("Play from here", icon=":material/tune:", on_click=_land, args=(run.name, result))


def _land(name: str, result: Reconstruction) -> None:
    st.session_state[f"landing-{name}"] = {
        "latent": list(result.point.latent),
        "label": result.point.label or 0,
        "kind": result.point.kind,
        "turn": landing(name).get("turn", 0) + 1,
    }
