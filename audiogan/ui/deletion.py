"""Deleting, after a question."""

from collections.abc import Callable

import streamlit as st


def confirm_deletion(question: str, delete: Callable[[], None], key: str) -> None:
    """A button that asks, and one behind it that deletes; the page begins anew without what is gone."""
    with st.popover("Delete …", icon=":material/delete:", type="tertiary"):
        st.markdown(question)
        if st.button("Delete", type="primary", key=f"delete-{key}"):
            try:
                delete()
            except (ValueError, OSError) as error:
                st.error(str(error))
            else:
                st.query_params.clear()
                st.rerun()
