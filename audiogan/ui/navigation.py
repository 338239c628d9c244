"""The inner script that Streamlit runs for every page: look, navigation, then the page."""

import streamlit as st

from audiogan.lab import site

PAGES = {
    "home": ("Home", ":material/graphic_eq:"),
    "sounds": ("Sounds", ":material/library_music:"),
    "train": ("Train", ":material/model_training:"),
    "explore": ("Explore", ":material/tune:"),
}

st.set_page_config(page_title="audiogan", page_icon=":material/graphic_eq:", layout="centered")
pages = [
    st.Page(site() / "pages" / f"{name}.py", title=title, icon=icon, url_path=name, default=name == "home")
    for name, (title, icon) in PAGES.items()
]
st.navigation(pages, position="top").run()
