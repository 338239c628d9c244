"""The parts of the page that Streamlit does not have: sound that is seen and heard, and the instrument."""
