"""A trained generator as something to play: the same point gives the same bytes, and a moved slider is heard."""

import io
import math
import wave

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from audiogan import audio, latent
from audiogan.instrument import SLIDERS, Instrument, Point
from audiogan.runs import RunError
from audiogan.settings import SettingError
from audiogan.tensors import load_tensors
from tests.conftest import CLIP_SAMPLES, RATE, train_here


@pytest.fixture(scope="module")
def run(trained_lab):
    return trained_lab.run("first")


@pytest.fixture(scope="module")
def instrument(run):
    return Instrument(run, run.snapshot())


def samples_of(wav: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(wav)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_a_sound_is_a_16_bit_mono_wav_at_the_run_s_rate_and_length(instrument):
    with wave.open(io.BytesIO(instrument.wav(instrument.point(3)))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert file.getnframes() == CLIP_SAMPLES


def test_the_same_point_gives_the_same_bytes_also_from_a_model_opened_again(run, instrument):
    first = instrument.wav(instrument.point(3))
    assert instrument.wav(instrument.point(3)) == first
    assert Instrument(run, run.snapshot()).wav(instrument.point(3)) == first
    assert instrument.wav(instrument.point(5)) != first


def test_a_seed_is_the_latent_of_that_seed_and_labels_take_turns(instrument):
    point = instrument.point(3)
    assert point.latent == tuple(latent.from_seed(3, 8, "normal").tolist())
    assert (point.label, point.seed) == (1, 3)
    assert [instrument.point(seed).label for seed in range(4)] == [0, 1, 0, 1]
    assert instrument.point(3, label=0).label == 0


def test_sliders_left_where_the_seed_stands_change_nothing(instrument):
    point = instrument.point(3)
    stands = instrument.sliders(point)
    assert len(stands) == SLIDERS
    placed = instrument.point(3, sliders=stands)
    assert_close(torch.tensor(placed.latent), torch.tensor(point.latent), atol=1e-5, rtol=0)


@pytest.mark.parametrize("moved", range(SLIDERS))
def test_every_slider_is_heard_and_moves_alone(instrument, moved):
    stands = instrument.sliders(instrument.point(3))
    elsewhere = [-2.0 if index == moved else stand for index, stand in enumerate(stands)]
    point = instrument.point(3, sliders=elsewhere)
    assert instrument.sliders(point) == pytest.approx(elsewhere, abs=1e-4)
    assert instrument.wav(point) != instrument.wav(instrument.point(3))


def test_sliders_end_at_three_deviations(instrument):
    assert instrument.reach == 3
    point = instrument.point(3, sliders=[100.0, -100.0] + [0.0] * 6)
    assert instrument.sliders(point)[:2] == pytest.approx([3, -3], abs=1e-4)


def test_sliders_follow_the_directions_along_which_the_first_layer_gains_most(instrument):
    weight = instrument.generator.dense.weight[:, :8].detach()
    gains = (instrument.directions @ weight.T).norm(dim=1)
    assert_close(gains, torch.linalg.svdvals(weight)[:SLIDERS], atol=1e-4, rtol=1e-4)


def test_a_uniform_latent_s_sliders_end_where_the_latent_ends(new_run, clips):
    run = new_run("first", "kernel=5", preset="wavegan", labels=())
    train_here(run, clips, steps=1)
    instrument = Instrument(run, run.snapshot())
    assert instrument.labels == ()
    assert instrument.unit == pytest.approx(1 / math.sqrt(3))
    # at the end of a slider the latent has moved by 1 along its direction
    assert instrument.reach * instrument.unit == pytest.approx(1)
    point = instrument.point(2)
    assert point.label is None
    assert len(samples_of(instrument.wav(point))) == CLIP_SAMPLES
    with pytest.raises(RunError, match="This model has no label number 0; it knows 0"):
        instrument.point(2, label=0)
    with pytest.raises(RunError, match="Its labels are none: it was trained without labels"):
        instrument.label_number("kick")


def test_labels_are_asked_for_by_name(instrument):
    assert instrument.labels == ("noise", "tone")
    assert instrument.label_number("tone") == 1
    with pytest.raises(RunError, match=r"This model knows no label 'kick'\. Its labels are noise, tone"):
        instrument.label_number("kick")
    with pytest.raises(RunError, match="This model has no label number 2; it knows 2"):
        instrument.point(3, label=2)
    assert instrument.wav(instrument.point(3, label=0)) != instrument.wav(instrument.point(3, label=1))


def test_what_does_not_fit_the_model_is_a_sentence(instrument):
    with pytest.raises(RunError, match="This model has 8 sliders, not 2"):
        instrument.point(3, sliders=[0.0, 0.0])
    with pytest.raises(RunError, match="A slider's position must be a number"):
        instrument.point(3, sliders=[math.nan] * 8)
    with pytest.raises(SettingError, match="A seed is a whole number"):
        instrument.point(2**64)
    with pytest.raises(RunError, match="This model's latents have 8 numbers: these come from another model"):
        instrument.render([Point((0.0,) * 5, 0)])


def test_what_is_heard_is_the_averaged_generator_as_the_trainer_previewed_it(run, instrument):
    for seed, preview in enumerate(run.snapshot().previews):
        heard = samples_of(instrument.wav(instrument.point(seed))).astype(int)
        previewed = samples_of(preview.read_bytes()).astype(int)
        # a batch of six and one alone differ by rounding
        assert np.abs(heard - previewed).max() <= 3


def test_several_sounds_at_once_are_those_one_by_one(instrument):
    points = [instrument.point(seed) for seed in (4, 5, 6)]
    together = instrument.render(points)
    assert together.shape == (3, CLIP_SAMPLES)
    for sound, point in zip(together, points, strict=True):
        assert_close(sound, instrument.render([point])[0], atol=1e-4, rtol=0)


def test_a_sound_beyond_full_scale_is_turned_down_and_not_clipped(run, monkeypatch):
    instrument = Instrument(run, run.snapshot())
    rendered = torch.zeros(1, CLIP_SAMPLES)
    rendered[0, :4] = torch.tensor([2.0, 4.0, -1.0, 3.0])
    monkeypatch.setattr(instrument, "render", lambda points: rendered)
    assert samples_of(instrument.wav(instrument.point(1)))[:4].tolist() == [16384, 32767, -8192, 24575]
    # a quiet one is left as it is
    rendered /= 40
    assert samples_of(instrument.wav(instrument.point(1)))[1] == round(0.1 * audio.FULL_SCALE)


def test_a_sound_is_cleaned_before_it_is_turned_down(run, monkeypatch):
    instrument = Instrument(run, run.snapshot())
    t = torch.arange(CLIP_SAMPLES) / RATE
    rendered = (0.95 * torch.sin(2 * torch.pi * 440 * t) + 0.2)[None]
    monkeypatch.setattr(instrument, "render", lambda points: rendered)
    as_made, cleaned = (samples_of(instrument.wav(instrument.point(1), clean)) for clean in (False, True))
    assert as_made.max() == 32767
    # the offset is gone, and with it the reason to turn the sound down
    assert cleaned.max() == pytest.approx(0.95 * audio.FULL_SCALE, rel=0.01)
    assert cleaned[0] == cleaned[-1] == 0


def test_another_snapshot_sounds_different(run):
    first, last = run.snapshots()[0], run.snapshot()
    assert (first.step, last.step) == (0, 20)
    early, late = Instrument(run, first), Instrument(run, last)
    assert early.step == 0
    assert early.wav(early.point(3)) != late.wav(late.point(3))


def test_a_snapshot_that_cannot_be_read_is_a_sentence(new_run, clips):
    run = new_run("first")
    train_here(run, clips, steps=1)
    snapshot = run.snapshot()
    assert "generator.dense.weight" in load_tensors(snapshot.path)[0]
    snapshot.path.write_bytes(snapshot.path.read_bytes()[:-4])
    with pytest.raises(RunError, match=r"The snapshot step-00000001\.safetensors of 'first' cannot be read"):
        Instrument(run, snapshot)
    other = new_run("other", "width=5")
    other.save_snapshot(1, load_tensors(run.snapshot(0).path)[0], [])
    with pytest.raises(RunError, match=r"The snapshot step-00000001\.safetensors of 'other' cannot be read"):
        Instrument(other, other.snapshot())
