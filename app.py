"""The whole start-up of the app: `streamlit run app.py`, or `python -m audiogan app`."""

from pathlib import Path

import streamlit as st
from starlette.routing import Route

import audiogan
from audiogan.ui.audition import audition

# not beside pages/: Streamlit would then run a page that is opened by its own address without this script
navigation = Path(audiogan.__file__).parent / "ui" / "navigation.py"

app = st.App(navigation, routes=[Route("/audition", audition)])
