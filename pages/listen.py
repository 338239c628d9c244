"""Listen: blind tests of models by ear, and what the answers say."""

import streamlit as st

from audiogan.lab import open_lab
from audiogan.ui.listening_view import ask, new_test, show_results, tests_there_are
from audiogan.ui.look import empty_state, page_header

lab = open_lab()
listener = st.query_params.get("listener", "")

if "test" in st.query_params:
    try:
        test = lab.listening_test(st.query_params["test"])
        is_asked = listener and test.next_question(listener) is not None
        page_header("Listen", f"{test.asks.title.rstrip('?')}: {test.name}")
        if is_asked:
            ask(test, listener)
        else:
            show_results(test, listener)
    except ValueError as error:
        page_header("Listen", "This test cannot be shown.")
        st.error(str(error))
    if st.button("All listening tests", icon=":material/arrow_back:"):
        st.query_params.clear()
        st.rerun()
    st.stop()

page_header("Listen", "Are the sounds any good? Ears decide, blind: nobody sees whose sound is playing.")
if any(run.snapshots() for run in lab.runs()):
    new_test(lab)
else:
    empty_state("There is no model to listen to yet: train one first.", "Train a model", "train")
tests_there_are(lab)
