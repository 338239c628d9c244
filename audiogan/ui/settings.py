"""Widgets for a run's settings, made from the fields of `Settings`: name, range and help stand there once."""

from dataclasses import fields

import streamlit as st

from audiogan.lab import Settings, documentation

NOT_OFFERED = ("architecture", "transform", "steps", "epochs", "minutes")
"""The preset chooses the first two, the page has its own place for the length."""


def choose_settings(defaults: Settings) -> list[str]:
    """One widget a setting; the `key=value` texts of those that differ from the defaults."""
    texts = documentation(Settings)
    columns = st.columns(2)
    changes = []
    for position, item in enumerate(item for item in fields(Settings) if item.name not in NOT_OFFERED):
        with columns[position % 2]:
            default = getattr(defaults, item.name)
            value = _widget(item, default, texts.get(item.name, ""))
            if value != default:
                changes.append(f"{item.name}={value}")
    return changes


def _widget(item, default, help_text: str):
    key = f"setting-{item.name}-{default}"
    if item.type is bool:
        return st.checkbox(item.name, default, help=help_text, key=key)
    if "options" in item.metadata:
        options = item.metadata["options"]
        options = list(dict.fromkeys(options))
        return st.selectbox(item.name, options, index=options.index(default), help=help_text, key=key)
    low, high = item.metadata["low"], item.metadata["high"]
    if item.type is int:
        return st.number_input(item.name, low, high, default, step=1, help=help_text, key=key)
    return st.number_input(
        item.name, float(low), float(high), float(default), step=None, format="%g", help=help_text, key=key
    )
