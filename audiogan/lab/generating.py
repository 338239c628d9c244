"""Many sounds at once, each with an address from which it can be made again."""

import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiogan.lab.playing import Playing
from audiogan.runs import Run, RunError

if TYPE_CHECKING:
    from audiogan.instrument import Instrument, Point

MOST_SOUNDS = 10_000
"""Sounds in one request: a ZIP of a thousand seconds at 22 kHz is 44 MB."""


@dataclass(frozen=True)
class Sound:
    """One generated sound with its address."""

    name: str
    """File name, from label and seed."""

    wav: bytes
    point: "Point"
    label: str
    clean: bool = False
    """Whether noise, offset and clicks were taken out after the model had made it."""


class Generating(Playing):
    """Sounds to keep, packed with their addresses, and called back from these. Needs the instrument."""

    def generate(
        self,
        run: Run,
        count: int,
        seed: int = 0,
        label: str | None = None,
        step: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        clean: bool = False,
    ) -> list[Sound]:
        """`count` sounds of consecutive seeds; labels take turns unless one is named. `clean` takes out steady noise,
        offset and clicks, see `audiogan.cleaning`."""
        if not 1 <= count <= MOST_SOUNDS:
            raise RunError(f"Between 1 and {MOST_SOUNDS:,} sounds can be made at once, not {count:,}.")
        instrument = self.instrument(run, step)
        number = instrument.label_number(label) if label else None
        points = [instrument.point(seed + index, number) for index in range(count)]
        return self._render(instrument, [(point, clean) for point in points], progress)

    def recall(self, run: Run, addresses: str, step: int | None = None, clean: bool = False) -> list[Sound]:
        """The sounds of a sounds.json text again, from their latents and the snapshot it names; those that were cleaned
        are cleaned, with `clean` all of them."""
        from audiogan.instrument import Point

        try:
            book = json.loads(addresses)
            rows = [
                {
                    "latent": tuple(map(float, row["latent"])),
                    "label": row["label"],
                    "seed": _whole(row["seed"]),
                    "kind": _whole(row.get("kind")) or 0,
                    "clean": clean or row.get("clean") is True,
                }
                for row in book["sounds"]
            ]
            step = book["snapshot"] if step is None else step
            if not all(math.isfinite(number) for row in rows for number in row["latent"]):
                raise ValueError("a latent is not a number")
        except (ValueError, KeyError, TypeError, OverflowError):
            raise RunError("That is not a sounds.json as a ZIP of generated sounds holds it.") from None
        instrument = self.instrument(run, step)
        points = [
            Point(
                row["latent"], instrument.label_number(row["label"]) if row["label"] else None, row["seed"], row["kind"]
            )
            for row in rows
        ]
        return self._render(instrument, [(point, row["clean"]) for point, row in zip(points, rows, strict=True)])

    def pack(self, run: Run, sounds: Sequence[Sound], step: int | None = None) -> bytes:
        """A ZIP of the sounds with sounds.json, from which `recall` makes each of them again."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for sound in sounds:
                archive.writestr(sound.name, sound.wav)
            archive.writestr("sounds.json", self.addresses(run, sounds, step))
        return buffer.getvalue()

    def addresses(self, run: Run, sounds: Sequence[Sound], step: int | None = None) -> str:
        """sounds.json: model, snapshot, and every sound's seed, label, kind and latent, and whether it was cleaned."""
        book = {
            "model": run.name,
            "snapshot": run.snapshot(step).step,
            "rate": run.config.rate,
            "sounds": [
                {
                    "file": sound.name,
                    "seed": sound.point.seed,
                    "label": sound.label or None,
                    "kind": sound.point.kind,
                    "latent": sound.point.latent,
                    "clean": sound.clean,
                }
                for sound in sounds
            ],
        }
        return json.dumps(book, indent=1, ensure_ascii=False)

    def _render(
        self,
        instrument: "Instrument",
        wanted: Sequence[tuple["Point", bool]],
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Sound]:
        """The sounds of points, each with whether it is to be cleaned."""
        sounds = []
        for point, clean in wanted:
            label = instrument.labels[point.label] if point.label is not None else ""
            # a label was a folder's name once, and becomes part of a file's name on any system
            stem = re.sub(r"\W+", "-", label).strip("-")
            origin = "own" if point.seed is None else f"seed{point.seed}"
            name = (f"{stem}-{origin}" if stem else origin) + ("-clean" if clean else "")
            # one seed may come several times, with its sliders moved
            alike = (point.seed, label, clean)
            copies = sum((sound.point.seed, sound.label, sound.clean) == alike for sound in sounds)
            name += f"-{copies + 1}.wav" if copies else ".wav"
            sounds.append(Sound(name, instrument.wav(point, clean), point, label, clean))
            if progress:
                progress(len(sounds), len(wanted))
        return sounds


def _whole(value: int | None) -> int | None:
    """A whole number as an address gives it. A seed becomes part of a file's name: it must be that and nothing else."""
    return None if value is None else int(value)
