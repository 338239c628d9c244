"""Sounds as bytes of files, and folders of them."""

import io
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000


def sine(hz: float = 440, seconds: float = 0.5, rate: int = RATE, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(x: np.ndarray | None = None, rate: int = RATE, **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sine(rate=rate) if x is None else x, rate, **({"format": "WAV"} | options))
    return file.getvalue()


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
