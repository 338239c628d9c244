"""Widgets for a run's settings, made from the fields of `Settings`: name, range and words stand there once."""

import math
from dataclasses import Field, fields

import streamlit as st

from audiogan.lab import Settings, documentation

NOT_OFFERED = ("architecture", "transform", "steps", "epochs", "minutes")
"""The preset chooses the first two, the page has its own place for the length."""


def choose_settings(defaults: Settings) -> list[str]:
    """A list to pick settings from, and a widget for each that was picked; the `key=value` texts of all of these.

    Also of one that still has its default: a setting that is named follows neither the data set nor another setting.
    """
    offered = {item.name: item for item in fields(Settings) if item.name not in NOT_OFFERED}
    words = documentation(Settings)
    chosen = st.multiselect(
        "Settings to change",
        list(offered),
        format_func=lambda name: f"{name}: {words[name]}",
        placeholder="none: as suits the model and the sounds",
    )
    return [f"{name}={_widget(offered[name], getattr(defaults, name), words[name])}" for name in chosen]


def _widget(item: Field, default, words: str):
    """The widget that fits the field, its words as the label and its name beside them."""
    label, key = f"{words} (**{item.name}**)", f"setting-{item.name}-{default}"
    if item.type is bool:
        return st.checkbox(label, default, key=key)
    if "options" in item.metadata:
        options = list(dict.fromkeys(item.metadata["options"]))
        return st.selectbox(label, options, index=options.index(default), key=key)
    low, high = item.metadata["low"], item.metadata["high"]
    if item.type is int:
        return st.number_input(label, low, high, default, step=1, key=key)
    step = _step(default, high)
    return st.number_input(label, float(low), float(high), float(default), step=step, format="%g", key=key)


def _step(value: float, high: float) -> float:
    """By how much + and − change a number: a power of ten, at most a tenth of it and of what is left above it."""
    return 10.0 ** math.floor(math.log10(min(abs(value) or 10, (high - value) or 10) / 10))
