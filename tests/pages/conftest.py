"""What the tests of the pages share: a lab on an empty home, which is the pages' one too, and a folder of sounds."""

import pytest

from audiogan import audio
from audiogan.lab import open_lab
from audiogan.synthesis import built_in_sounds


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A lab on an empty home, which is the pages' one too."""
    monkeypatch.setenv("AUDIOGAN_HOME", str(tmp_path / "home"))
    open_lab.cache_clear()
    yield open_lab()
    open_lab.cache_clear()


@pytest.fixture
def drums(tmp_path):
    """A folder of eight kicks and eight hats, and a text that calls itself a sound."""
    folder = tmp_path / "drums"
    for sound in built_in_sounds(rate=8_000, per_label=8):
        if sound.label in ("kick", "hat"):
            path = folder / sound.label / f"{sound.name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(audio.encode_wav(sound.samples, sound.rate))
    (folder / "notes.wav").write_text("not a sound")
    return folder
