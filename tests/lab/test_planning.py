"""What a training would be, and what it would cost."""

import pytest

from audiogan import probe
from audiogan.config import Limit
from audiogan.settings import SettingError
from tests.conftest import CLIP_SAMPLES, RATE, TINY


def test_a_run_is_configured_from_data_set_preset_and_texts(trained_lab):
    dataset = trained_lab.dataset("tiny")
    config = trained_lab.configure(dataset, "wavegan", ["batch=3"], seed=7)
    assert (config.preset, config.settings.batch, config.settings.width, config.seed) == ("wavegan", 3, 64, 7)
    assert (config.dataset, config.fingerprint) == ("tiny", dataset.fingerprint)
    assert (config.rate, config.clip_samples, config.labels) == (RATE, CLIP_SAMPLES, ("noise", "tone"))
    assert set(config.versions) == {"audiogan", "torch", "python"}
    with pytest.raises(SettingError, match="There is no preset"):
        trained_lab.configure(dataset, "nonsense")


@pytest.mark.parametrize(
    ("limit", "assignments", "steps", "seconds"),
    [
        (Limit(minutes=2), (), 480, 120),
        (Limit(steps=100), (), 100, 25),
        # 24 clips, 8 a step
        (Limit(epochs=3), ("hold_out=0",), 9, 2.25),
        # half of the 24 files kept back
        (Limit(epochs=4), ("hold_out=0.5",), 6, 1.5),
        (Limit(epochs=10), ("hold_out=0", "critic_steps=5"), 6, 1.5),
        (Limit(), ("steps=0", "minutes=0.5"), 120, 30),
    ],
)
def test_an_estimate_follows_from_the_measured_pace(trained_lab, monkeypatch, limit, assignments, steps, seconds):
    measured = {
        "steps_per_second": 4.0,
        "first_sound_seconds": 7.5,
        "memory_bytes": 3e8,
        "device": "abacus",
        "generator_parameters": 1_000,
        "discriminator_parameters": 234,
    }
    asked = []
    monkeypatch.setattr(probe, "probe", lambda *arguments: asked.append(arguments) or measured)
    dataset = trained_lab.dataset("tiny")
    config = trained_lab.configure(dataset, "framegan", [*TINY, *assignments])
    pace = trained_lab.measure(config, "cpu")
    estimate = trained_lab.estimate(config, limit, pace)
    assert asked == [(config, dataset.folder, "cpu")]
    assert (estimate.total_steps, estimate.total_seconds) == (steps, seconds)
    assert (estimate.steps_per_second, estimate.first_sound_seconds) == (4, 7.5)
    assert (estimate.parameters, estimate.device, estimate.memory_bytes) == (1_234, "abacus", 3e8)
    assert estimate.construction == trained_lab.describe_construction(config)
