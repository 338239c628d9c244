"""Train: choose data set and preset, see the cost, start; then watch and hear a run learn."""

import streamlit as st

from audiogan.lab import BUILT_IN, STARTER, Limit, RunError, SettingError, open_lab
from audiogan.ui.estimates import show_estimate
from audiogan.ui.look import empty_state, go, page_header
from audiogan.ui.queue_view import show_queue
from audiogan.ui.run_view import watch_run
from audiogan.ui.settings import choose_settings
from audiogan.wording import plural

NEW = "New training"
DEVICES = {
    "auto": "best there is",
    "cpu": "processor",
    "cuda": "NVIDIA graphics card",
    "mps": "Apple graphics",
}

lab = open_lab()
page_header(
    "Train",
    "A generator learns to make sounds like yours, a discriminator to tell them apart. You listen in.",
)

# built-in sounds are made the first time somebody asks for them
if st.query_params.get("data") == BUILT_IN:
    with st.spinner("Making the built-in sounds …"):
        lab.prepare_built_in()

runs = [run for run in lab.runs() if run.name != STARTER]
states = {run.name: run.status.state for run in runs}
active = [name for name, state in states.items() if state in ("starting", "running")]
waiting = [name for name, state in states.items() if state == "waiting"]
choices = [NEW, *(run.name for run in runs)]
wanted = st.query_params.get("run") or (NEW if st.query_params.get("data") or not active else active[0])
choice = NEW
if runs:
    choice = st.selectbox(
        "Training",
        choices,
        index=choices.index(wanted) if wanted in choices else 0,
        format_func=lambda name: name + (" (training)" if name in active else " (waiting)" * (name in waiting)),
    )
    show_queue(lab)
if choice != NEW:
    st.query_params["run"] = choice
    watch_run(lab, lab.run(choice))
    st.stop()
st.query_params.pop("run", None)

datasets = lab.datasets()
if not datasets:
    empty_state("There is nothing to learn from yet: add a folder of sounds first.", "Add sounds", "sounds")
    st.stop()

names = [dataset.name for dataset in datasets]
wanted = st.query_params.get("data")
left, right = st.columns(2)
dataset = lab.dataset(left.selectbox("Data set", names, index=names.index(wanted) if wanted in names else 0))
left.caption(f"{plural(dataset.n_clips, 'clip')} of {dataset.seconds:g} s at {dataset.rate:,} Hz")
presets = lab.presets()
suggested = list(presets).index(lab.suggested_preset())
preset = right.selectbox("Model", list(presets), index=suggested, format_func=lambda name: presets[name].title)
right.caption(presets[preset].about)

minutes = st.slider(
    "How long",
    1,
    120,
    value=min(120, round(presets[preset].settings.minutes)),
    format="%d min",
    help="You can stop earlier, or let it go on for longer afterwards.",
)
with st.expander("More settings"):
    name_box, device_box, seed_box = st.columns(3)
    name = name_box.text_input("Name of the run", placeholder="date, data set and model")
    device = device_box.selectbox("Device", list(DEVICES), format_func=DEVICES.get)
    seed = seed_box.number_input(
        "Seed", 0, 2**31 - 1, 0, help="The same seed, data and settings repeat a training exactly."
    )
    changes = choose_settings(lab.configure(dataset, preset).settings)

limit = Limit(minutes=minutes)
try:
    config = lab.configure(dataset, preset, changes, int(seed))
except SettingError as error:
    st.error(str(error))
    st.stop()
show_estimate(lab, config, limit, device)
busy = lab.busy_with(device)
if busy:
    st.info(f"This device trains {busy}. A new training waits for its turn.", icon=":material/schedule:")
if st.button("Add to the queue" if busy else "Start training", type="primary", icon=":material/play_arrow:"):
    try:
        run = lab.create_run(config, name.strip(), device, limit)
        lab.start(run, limit, device)
    except (RunError, ValueError, OSError) as error:
        st.error(str(error))
    else:
        go("train", run=run.name)
st.caption(lab.disk_words())
