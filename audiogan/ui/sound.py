"""Every sound on a page is drawn and heard through this file, so that it is the same everywhere.

`sound_card` shows one finished sound, `comparison` several of them with one zoom; `blind_question` plays without
showing anything; `player` is the instrument of the Explore page, which asks the audition route for a new sound while
its sliders move. All are Streamlit components of version 2: plain JavaScript beside this file, no build step, no
request to anywhere but the app itself.

For the browser tests and the benchmark the page has one global object, shared by all cards and players::

    window.audiogan = {
        latencies,   # ms from a slider's input event to its sound being ready to play, the last 1000
        lastBytes,   # size in bytes of the WAV last made by the player or last started on a card
        lastPeak,    # its largest absolute sample, 0 to 1
        playing,     # whether a sound is being heard now; at most one is
        context,     # the AudioContext, null until the first sound is played
    }
"""

import json
import struct
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from audiogan.spectrogram import COLOURS, LOWEST_HZ, TOP_DB, WINDOW_SECONDS

_SCALE = {
    "top_db": TOP_DB,
    "lowest_hz": LOWEST_HZ,
    "window_seconds": WINDOW_SECONDS,
    "colours": COLOURS,
}


class Slider(TypedDict):
    """One direction in the latent space."""

    name: str
    min: float
    max: float
    step: float


class Instrument(TypedDict):
    """What the player plays."""

    run: str
    snapshot: str
    labels: list[str]
    """Names that can be asked for; pills appear when there are two or more."""
    label: int
    """Index into `labels` to begin with."""
    sliders: list[Slider]
    seed: int
    """Seed to begin with, 0 to 2**31 - 1."""
    route: str
    """Path of the audition route below the app's own address, such as "/audition"."""
    positions: NotRequired[list[float]]
    """Slider positions to begin with; without them the sliders take the seed's own."""
    latent: NotRequired[list[float]]
    """Where to begin in place of the seed; the next seed chosen leaves it."""
    kind: NotRequired[int]
    """Which of its label's kinds `latent` is."""
    clean: NotRequired[bool]
    """Whether sounds are asked for with `clean=1`; a change asks for the present one anew."""
    turn: NotRequired[int]
    """Another number than before moves the instrument to this model's point, wherever its user has gone since."""


class Point(TypedDict):
    """A place in the latent space, as the player's user left it."""

    seed: int
    label: int
    sliders: list[float]


def sound_card(wav: bytes, *, title: str, note: str = "", key: str, filename: str = "") -> None:
    """Show one sound: waveform, spectrogram, play and stop, download.

    `wav` is a 16-bit mono WAV file; exactly these bytes are played, drawn and downloaded, as `filename` or
    else as the title. `note` is small text beside the title. New bytes under the same `key` replace the
    picture and stop the old sound.
    """
    head = {"title": title, "note": note, "filename": filename or f"{title}.wav", "scale": _SCALE}
    _component("card")(data=_pack(head, wav), key=key)


def comparison(rows: Sequence[tuple[str, bytes]], *, key: str, spectrograms: bool = False) -> None:
    """Show (title, WAV) rows above each other on one time axis, with one zoom for all, down to single periods.

    All are 16-bit mono WAV files, of any rates and lengths; each is played and downloaded as it is. Waveforms share
    one scale, and so do spectrograms: the same colour is the same level in every row.
    """
    head = {"titles": [title for title, _ in rows], "sizes": [len(wav) for _, wav in rows]}
    head |= {"scale": _SCALE} if spectrograms else {}
    _component("compare")(data=_pack(head, b"".join(wav for _, wav in rows)), key=key)


class Question(TypedDict):
    """What a blind question says; nothing in it tells whose sounds are heard."""

    number: int
    """From 0."""
    count: int
    """Questions in all."""
    scales: list[str]
    """What is asked; with more than one, the listener goes on when all are answered, otherwise at once."""
    choices: list[str]
    """The answers to each, chosen by the keys 1, 2 and so on."""


def blind_question(
    wavs: list[bytes], question: Question, *, key: str, on_answer: Callable[[int, list[int]], None]
) -> None:
    """Play one sound or two, without a picture or a name, and call `on_answer` with the question's number and a choice
    from 1 for each scale.

    The WAV files are 16-bit mono and of equal size. They can be answered when each has been heard.
    """
    import streamlit as st

    def pass_on() -> None:
        said = st.session_state[key]["answer"]
        on_answer(int(said["number"]), [int(choice) for choice in said["choices"]])

    _component("question")(
        data=_pack({**question, "sides": len(wavs)}, b"".join(wavs)), key=key, on_answer_change=pass_on
    )


def player(model: Instrument, *, key: str) -> Point | None:
    """Show the instrument and return the point its user last chose, None before the first choice.

    The sounds come from `model["route"]`, asked as
    `?run=&snapshot=&seed=&label=&sliders=0.1,-0.4&latent=&kind=&clean=1` and answering 16-bit mono WAV with the slider
    positions in the header `X-Sliders`, or one plain sentence with another status than 200. Without `sliders` the
    route answers the seed's own positions, and the sliders move there.

    The page reruns when a slider is released and when the label or the seed changed, after the sound has
    arrived. Another `seed`, `label` or `positions` than before moves the instrument there; handing the
    returned point back changes nothing. Another snapshot of the same run keeps seed and label.
    """
    state = _component("player")(
        data={"model": model, "scale": _SCALE},
        default={"point": None},
        on_point_change=lambda: None,  # streamlit only hands over states that have a callback
        key=key,
    )
    return _point(state.get("point"), model)


def _point(said: Any, model: Instrument) -> Point | None:
    """The browser's words as a point of this model; None when they are of another run or do not fit."""
    if not said or said["run"] != model["run"] or len(said["sliders"]) != len(model["sliders"]):
        return None
    return {
        "seed": int(said["seed"]),
        "label": int(said["label"]),
        "sliders": [float(position) for position in said["sliders"]],
    }


def _pack(head: dict[str, Any], wav: bytes) -> bytes:
    """A header and a WAV in one piece: streamlit carries raw bytes only when they are the whole of `data`."""
    text = json.dumps(head).encode()
    return struct.pack("<I", len(text)) + text + wav


@cache
def _component(name: str) -> Callable[..., Any]:
    """The mounting function of the component in NAME.js, registered once."""
    import streamlit as st  # here, because the trainer reads the scale above and has no page

    here = Path(__file__).parent
    script = "\n".join((here / part).read_text(encoding="utf-8") for part in ("sound.js", f"{name}.js"))
    style = (here / "sound.css").read_text(encoding="utf-8")
    return st.components.v2.component(f"audiogan_{name}", js=script, css=style)
