"""What many tests share: a small folder of sounds, runs too small to be heard, and one that has been trained.

Everything is made through the program's own code, on a home of its own.
"""

import subprocess
import time
from datetime import UTC, datetime

import numpy as np
import pytest
import torch

from audiogan import audio, worker
from audiogan.config import Limit, RunConfig
from audiogan.examples import Clips
from audiogan.judging import classifier_training
from audiogan.lab import Lab, following
from audiogan.presets import PRESETS
from audiogan.runs import Run
from audiogan.training import train

# tensors as small as these are slower on several threads than on one
torch.set_num_threads(1)

RATE = 8_000
CLIP_SAMPLES = 2_000

TINY = ["width=4", "batch=8", "latent_size=8", "griffin_lim_iterations=2", "threads=1", "precision=full"]
"""Settings with which a step takes milliseconds, and the same ones on every machine."""


def sine(hz: float, count: int = CLIP_SAMPLES, rate: int = RATE) -> np.ndarray:
    """A sine (T,) of half the full scale."""
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(count) / rate)).astype(np.float32)


def tones_and_noises() -> dict[str, list[np.ndarray]]:
    """Twelve sines of different pitch and twelve noise bursts of different decay, a quarter of a second each."""
    rng = np.random.default_rng(5)
    t = np.arange(CLIP_SAMPLES) / RATE
    bursts = [0.3 * rng.standard_normal(CLIP_SAMPLES) * np.exp(-t / decay) for decay in np.geomspace(0.02, 0.2, 12)]
    return {
        "noise": [burst.astype(np.float32).clip(-1, 1) for burst in bursts],
        "tone": [sine(hz) for hz in np.geomspace(220, 1760, 12)],
    }


@pytest.fixture(scope="session")
def clips() -> Clips:
    """24 clips of two labels, 12 noises and then 12 tones, as training sees a prepared data set."""
    waves = [wave for label in tones_and_noises().values() for wave in label]
    return Clips(np.stack([audio.to_int16(wave) for wave in waves]), np.repeat([0, 1], 12))


@pytest.fixture(scope="session")
def sounds(tmp_path_factory):
    """The same sounds as a folder of WAV files, a subfolder a label."""
    folder = tmp_path_factory.mktemp("sounds")
    for label, waves in tones_and_noises().items():
        (folder / label).mkdir()
        for number, wave in enumerate(waves):
            (folder / label / f"{number:02d}.wav").write_bytes(audio.encode_wav(wave, RATE))
    return folder


def tiny_config(*assignments: str, preset: str = "framegan", seed: int = 0, **changes) -> RunConfig:
    """The configuration of a run on the clips above; `assignments` are `key=value` texts."""
    values = {
        "preset": preset,
        "settings": PRESETS[preset].settings.with_text([*TINY, *assignments]),
        "dataset": "tiny",
        "fingerprint": "0",
        "rate": RATE,
        "clip_samples": CLIP_SAMPLES,
        "labels": ("noise", "tone"),
        "seed": seed,
        "created": datetime.now(UTC).isoformat(),
    }
    return RunConfig(**values | changes)


@pytest.fixture(scope="module")
def short_fitting():
    """A judge's classifier learns in 20 steps: tests ask what is done with its judgement, not how good that is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier_training, "FEWEST_STEPS", 20)
        yield


@pytest.fixture
def new_run(tmp_path):
    """Makes a run folder: new_run("name", "batch=4", preset="wavegan", ...)."""

    def make(name: str, *assignments: str, **changes) -> Run:
        return Run.create(tmp_path, tiny_config(*assignments, **changes), name)

    return make


def train_here(run: Run, clips: Clips, steps: int, ask_at: int = 0, ask: str = "stop", score=None) -> str:
    """Train up to that many steps in all on the processor, asking to leave after step `ask_at`."""
    return train(
        run,
        clips,
        Limit(steps=steps),
        torch.device("cpu"),
        watch=lambda tick: ask if tick.step == ask_at else None,
        encode=lambda wave: audio.encode_wav(audio.without_clipping(wave.numpy()), RATE),
        score=score,
    )


@pytest.fixture
def lab(tmp_path) -> Lab:
    """A laboratory on an empty home."""
    return Lab(tmp_path / "home")


@pytest.fixture
def no_starter(monkeypatch, tmp_path):
    """As if the program shipped without its starter model."""
    monkeypatch.setattr(following, "site", lambda: tmp_path)


@pytest.fixture(scope="session")
def trained_lab(tmp_path_factory, sounds) -> Lab:
    """A laboratory with a data set 'tiny' and a finished run 'first' of 20 steps. Only to be read."""
    lab = Lab(tmp_path_factory.mktemp("home"))
    dataset = lab.prepare(lab.survey([sounds]), "tiny", RATE, CLIP_SAMPLES / RATE)
    run = lab.create_run(lab.configure(dataset, "framegan", TINY), "first")
    lab.train(run, Limit(steps=20), "cpu")
    return lab


PATIENCE_SECONDS = 120
"""How long a trainer may take to start on a machine that is busy with other things."""


@pytest.fixture
def trainers(monkeypatch):
    """The processes that a test starts, none of which outlives it."""
    started, popen = [], subprocess.Popen
    monkeypatch.setattr(worker.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    yield started
    for process in started:
        process.kill()
        process.wait()


def wait_for(run: Run, reached) -> list[str]:
    """The states a run went through until `reached(status)`."""
    states, deadline = [], time.monotonic() + PATIENCE_SECONDS
    while True:
        status = run.status
        if not states or status.state != states[-1]:
            states.append(status.state)
        if reached(status):
            return states
        assert time.monotonic() < deadline, f"{status}\n{run.log_path.read_text()}"
        time.sleep(0.02)
