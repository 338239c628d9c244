"""Compare: how good are the sounds, and which model is better? Judge, hear, and see up to four of them."""

import streamlit as st

from audiogan.lab import open_lab
from audiogan.ui.contenders import choose_contenders
from audiogan.ui.evaluating import evaluations
from audiogan.ui.look import empty_state, go, page_header
from audiogan.ui.report_cards import report_cards
from audiogan.ui.run_curves import run_curves
from audiogan.ui.side_by_side import side_by_side

lab = open_lab()
page_header("Compare", "Are the sounds any good, are they new, and which model makes better ones?")

runs = [run for run in lab.runs() if run.snapshots()]
if not runs:
    empty_state("There is no model to compare yet: train one first.", "Train a model", "train")
    st.stop()

contenders = choose_contenders(lab, runs)
if not contenders:
    st.caption("Choose a model above.")
    st.stop()
if contenders[1:]:
    st.markdown("  \n".join(contender.words for contender in contenders))

card, side, curves = st.tabs(["Report card", "Side by side", "Curves"])
with card:
    report_cards(lab, evaluations(lab, contenders))
with side:
    side_by_side(lab, contenders)
with curves:
    run_curves(contenders)

st.divider()
with st.container(horizontal=True):
    st.download_button(
        "Download report",
        data=lambda: lab.report([item.run for item in contenders], [item.step for item in contenders]),
        file_name=f"{'-'.join(item.run.name for item in contenders)}.html"[-120:],
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
    )
    if st.button("Let ears decide", icon=":material/hearing:", help="A blind listening test."):
        go("listen")
st.caption("One HTML file with the report cards, charts, sounds, settings, versions and seeds; it needs nothing else.")
