"""Explore: play a model with sliders, and take its sounds away."""

import shlex

import streamlit as st

from audiogan.lab import RunError, open_lab
from audiogan.ui.look import empty_state, label_title, page_header
from audiogan.ui.own_sound import landing, own_sound
from audiogan.ui.sound import player
from audiogan.wording import plural

lab = open_lab()
page_header("Explore", "Every position of the sliders is a sound. Move them, roll the dice, keep what you like.")

runs = [run for run in lab.runs() if run.snapshots()]
if not runs:
    empty_state("There is no model to play yet: train one first.", "Train a model", "train")
    st.stop()

names = [run.name for run in runs]
wanted = st.query_params.get("run")
left, right = st.columns([2, 1])
name = left.selectbox("Model", names, index=names.index(wanted) if wanted in names else 0)
st.query_params["run"] = name
run = lab.run(name)
steps = [snapshot.step for snapshot in run.snapshots()][::-1]
step = right.selectbox(
    "Moment of its training",
    steps,
    index=steps.index(run.snapshot().step),
    format_func=lambda step: f"step {step:,}" + (" (best)" if step == run.best_step else ""),
    help="The newest comes first; the best is the nearest to real sounds that were held out.",
    key=f"moment-of-{name}",
)
clean = st.toggle(
    "Clean the sounds",
    help="Turns steady hiss down by up to 18 dB, takes out an offset and fades both ends, in what you hear and take "
    "away. What the model itself makes is heard without it.",
)

try:
    with st.spinner("Opening the model …"):
        instrument = lab.instrument(run, step)
except RunError as error:
    st.error(str(error))
    st.stop()

model = {
    "run": name,
    "snapshot": str(step),
    "labels": list(instrument.labels),
    "groups": lab.group_examples(run),
    "label": 0,
    "seed": 0,
    "route": "/audition",
    "clean": clean,
    "sliders": [
        {"name": f"Direction {number + 1}", "min": -instrument.reach, "max": instrument.reach, "step": 0.05}
        for number in range(len(instrument.directions))
    ],
    **landing(name),
}
point = player(model, key=f"player-{name}") or {"seed": 0, "label": 0}

st.subheader("Your own sound", anchor=False)
own_sound(lab, run, step)

st.subheader("Take sounds away", anchor=False)
count_box, label_box, seed_box = st.columns(3)
count = int(count_box.number_input("How many", 1, 1000, 16))
what, any_label = ("group", "as in your sounds") if run.config.has_groups else ("label", "each in turn")
label = None
if instrument.labels:
    titles = label_title(lab, run)
    label = label_box.selectbox(f"Of which {what}", [any_label, *instrument.labels], format_func=titles)
seed = int(seed_box.number_input("First seed", 0, 2**31 - 1, point["seed"], help="The others follow: seed + 1, + 2 …"))


def pack() -> bytes:
    """Made when the button is pressed, not before."""
    chosen = label if label in instrument.labels else None
    return lab.pack(run, lab.generate(run, count, seed, chosen, step, clean=clean), step)


st.download_button(
    f"Download {plural(count, 'sound')} as a ZIP",
    data=pack,
    file_name=f"{name}-seed{seed}{'-clean' if clean else ''}.zip",
    mime="application/zip",
    icon=":material/download:",
    on_click="ignore",
)
st.caption(
    "Inside: 16-bit WAVs and sounds.json with each sound's seed, label, kind and latent, and whether it was cleaned. "
    f"`audiogan generate {shlex.quote(name)} --recall sounds.json` makes the same sounds again."
)
