"""The inner script that Streamlit runs for every page: look, navigation, then the page."""

from pathlib import Path

import streamlit as st

from audiogan.ui.look import page_path

PAGES = {
    "home": ("Home", ":material/graphic_eq:"),
    "sounds": ("Sounds", ":material/library_music:"),
    "train": ("Train", ":material/model_training:"),
    "explore": ("Explore", ":material/tune:"),
    "listen": ("Listen", ":material/hearing:"),
}

# an own picture: streamlit would fetch one of its named icons from the network
ICON = Path(__file__).with_name("icon.svg")

st.set_page_config(page_title="audiogan", page_icon=ICON.read_text(encoding="utf-8"), layout="centered")
# the bar is 3 rem high; Streamlit leaves 6 rem more above the first word
st.html("<style>.stMainBlockContainer { padding-top: 4.5rem; padding-bottom: 3rem; }</style>")
pages = [
    st.Page(page_path(name), title=title, icon=icon, url_path=name, default=name == "home")
    for name, (title, icon) in PAGES.items()
]
st.navigation(pages, position="top").run()
