"""Home: what this is, which device was found, three ways on."""

import streamlit as st

from audiogan.lab import BUILT_IN, STARTER, open_lab
from audiogan.ui.look import RUN_STATES, device_line, page_header, page_path, way_on
from audiogan.wording import plural

lab = open_lab()

page_header(
    "Your sounds, learned and played",
    "Drop in a folder of sounds, train a small generative model on this computer while you hear it learn, "
    "then play it with sliders and take new sounds away. Nothing leaves this machine.",
)

first, second, third = st.columns(3)
with first:
    way_on(
        "Play",
        "A small model of drum hits and chirps is ready. Move its sliders and listen.",
        "Play the starter model",
        "explore",
        run=STARTER,
    )
with second:
    way_on(
        "Try a training",
        "Use the built-in sounds: a few hundred drum hits and chirps made from equations.",
        "Train on built-in sounds",
        "train",
        data=BUILT_IN,
    )
with third:
    way_on(
        "Bring your own",
        "A folder of WAV, MP3, FLAC or anything else with sound. Subfolders become labels.",
        "Add your sounds",
        "sounds",
        primary=True,
    )

runs = [run for run in lab.runs() if run.name != STARTER]
if runs:
    st.subheader("Your models", anchor=False)
    for run in runs[:5]:
        status = run.status
        with st.container(horizontal=True, vertical_alignment="center"):
            state = f"{RUN_STATES[status.state]} · {plural(status.step, 'step')}"
            st.markdown(f"**{run.name}**  \n{state}", width="stretch")
            st.page_link(page_path("train"), label="Open", query_params={"run": run.name})

device_line(lab)
