"""From a sound back to its latent: nearer than chance, never worse for refining, the same every time."""

import io
import json
import shutil

import numpy as np
import pytest
import soundfile
import torch
from torch.testing import assert_close

from audiogan import audio, encoder
from audiogan.config import Limit
from audiogan.distance import multi_resolution_stft_distance
from audiogan.encoder import Encoder, encode, mismatch, plausible, refine, train_encoder
from audiogan.files import NoSounds
from audiogan.instrument import Instrument, Point
from audiogan.lab import Lab, RunError, Upload
from audiogan.presets import PRESETS
from tests.conftest import CLIP_SAMPLES, RATE, TINY, sine, train_here
from tests.test_cli import assert_one_sentence, run_command
from tests.test_house import forbid, run_python


@pytest.fixture(scope="module")
def instrument(trained_lab):
    run = trained_lab.run("first")
    return Instrument(run, run.snapshot())


@pytest.fixture(scope="module")
def trained(instrument):
    return train_encoder(instrument, steps=600)


@pytest.fixture
def uniform(new_run, clips):
    """A WaveGAN of uniform latents, without labels."""
    run = new_run("wave", "kernel=5", preset="wavegan", labels=())
    train_here(run, clips, steps=1)
    return Instrument(run, run.snapshot())


def seen_of(instrument: Instrument, seed: int, label: int | None = None) -> tuple[Point, torch.Tensor]:
    """A point and what the network sees there (1, *shape)."""
    point = instrument.point(seed, label)
    labels = None if point.label is None else torch.tensor([point.label])
    return point, instrument.generator(torch.tensor([point.latent]), labels)


def test_a_guess_is_much_nearer_than_a_random_latent(instrument, trained):
    guesses, random = [], []
    for seed in range(100, 116):
        point, seen = seen_of(instrument, seed)
        labels = torch.tensor([point.label])
        guesses.append(mismatch(instrument.generator(trained(seen), labels), seen))
        random.append(mismatch(seen_of(instrument, seed + 2000)[1], seen))
    # half as far (0.51) on this generator of 20 steps
    assert torch.cat(guesses).mean() < 0.6 * torch.cat(random).mean()


def test_a_latent_is_recovered_from_its_sound(instrument, trained):
    latents = torch.stack([torch.tensor(instrument.point(seed).latent) for seed in range(100, 164)])
    seen = torch.cat([seen_of(instrument, seed)[1] for seed in range(100, 164)])
    # chance is 1 for the middle of the latents and 2 for random ones; their length is lost on this generator
    assert (trained(seen) - latents).square().mean() < 0.85


def test_refining_never_makes_a_latent_worse_and_usually_much_better(instrument):
    starts = torch.stack([torch.tensor(instrument.point(seed).latent) for seed in range(6)])
    labels = torch.arange(6) % 2
    _, seen = seen_of(instrument, 50)
    made = instrument.generator(starts, labels)
    before = mismatch(made, seen.expand_as(made))
    for refinements in (0, 1, 3, 60):
        latents, after = refine(instrument, starts, seen, labels, refinements)
        assert (after <= before + 1e-6).all()
        made = instrument.generator(latents, labels)
        assert_close(mismatch(made, seen.expand_as(made)), after, atol=1e-4, rtol=0)
    assert after.min() < 0.5 * before.min()


def test_the_best_step_of_a_refinement_is_kept_although_the_last_one_is_worse(instrument, monkeypatch):
    point, seen = seen_of(instrument, 50)
    # steps this long only lead away
    monkeypatch.setattr(encoder, "REFINEMENT_RATE", 50.0)
    near = torch.tensor([point.latent]) + 0.01
    latents, _ = refine(instrument, near, seen, torch.tensor([point.label]), 3)
    assert torch.equal(latents, near)


def test_training_and_encoding_are_the_same_every_time(instrument, trained, clips):
    first, second = (train_encoder(instrument, clips, steps=4) for _ in range(2))
    for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    wave = sine(440)
    assert encode(trained, instrument, wave, refinements=5) == encode(trained, instrument, wave, refinements=5)


def test_training_leaves_the_generator_and_the_random_state_as_they_were(instrument, clips):
    before = {name: value.clone() for name, value in instrument.generator.state_dict().items()}
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    train_encoder(instrument, clips, steps=2)
    assert_close(torch.rand(3), expected)
    for name, value in instrument.generator.state_dict().items():
        assert torch.equal(value, before[name])


def test_training_learns_from_the_clips_in_its_second_half_alone(instrument, clips, monkeypatch):
    seen = []
    monkeypatch.setattr(encoder, "_loss_of_clips", lambda *arguments: seen.append(1) or torch.zeros(()))
    told = []
    train_encoder(instrument, clips, progress=lambda done, total: told.append((done, total)), steps=6)
    assert len(seen) == 3
    assert told == [(step, 6) for step in range(1, 7)]


def test_a_model_too_slow_for_all_steps_is_trained_as_long_as_there_is_time(instrument, monkeypatch):
    clock = iter(range(0, 10_000, 50))
    monkeypatch.setattr(encoder.time, "monotonic", lambda: next(clock))
    told = []
    train_encoder(instrument, progress=lambda done, total: told.append(done), steps=600)
    assert told == [250, 500, 600]


def test_each_clip_is_encoded_for_itself(instrument, trained):
    seen = torch.cat([seen_of(instrument, seed)[1] for seed in range(3)])
    assert_close(trained(seen)[:1], trained(seen[:1]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_an_encoder_that_begins_as_its_discriminator(preset, new_run, clips):
    run = new_run("any", "kernel=5", preset=preset)
    train_here(run, clips, steps=1)
    instrument = Instrument(run, run.snapshot())
    tensors, _ = run.load_resume()
    weights = {name[14:]: value for name, value in tensors.items() if name.startswith("discriminator.")}
    fresh = Encoder(run.config, instrument.transform.shape, weights)
    for name, value in fresh.body.state_dict().items():
        assert torch.equal(value, weights[name])
    # what tells classes apart in the score is of no use to it
    assert not any("class" in name or "label" in name for name in fresh.state_dict())
    found = train_encoder(instrument, clips, weights, steps=2)
    assert not torch.equal(found.dense.weight, fresh.dense.weight)
    point = encode(found, instrument, sine(440), refinements=2)
    assert len(point.latent) == 8
    assert np.isfinite(point.latent).all()


def test_uniform_latents_stay_inside_their_interval(uniform):
    found = train_encoder(uniform, steps=2)
    point = encode(found, uniform, 0.9 * sine(700), refinements=60)
    assert point.label is None
    assert max(map(abs, point.latent)) < 1
    # the bound is reached: without it this latent would leave
    assert_close(plausible(torch.tensor([[3.0, -2.0, 0.5]]), "uniform"), torch.tensor([[0.9999, -0.9999, 0.5]]))


def test_normal_latents_keep_a_length_that_is_drawn():
    # sqrt(8) + sqrt(2) = 4.243 for eight numbers
    long, short = torch.full((8,), 3.0), torch.full((8,), 1.0)
    kept = plausible(torch.stack([long, short]), "normal")
    assert kept[0].norm().item() == pytest.approx(8**0.5 + 2**0.5)
    assert_close(kept[0] / kept[0].norm(), long / long.norm())
    assert_close(kept[1], short)


def test_a_label_is_taken_as_given_or_tried(instrument, trained):
    point = instrument.point(7, label=1)
    wave = instrument.heard(point).numpy()
    assert encode(trained, instrument, wave, label=0, refinements=5).label == 0
    assert encode(trained, instrument, wave, refinements=40).label == 1


def test_the_nearest_of_all_candidates_is_kept(instrument, trained, monkeypatch):
    distances = torch.tensor([0.4, 0.3, 0.1, 0.2])
    monkeypatch.setattr(encoder, "refine", lambda _, starts, *others: (torch.arange(4.0)[:, None], distances))
    assert encode(trained, instrument, sine(440)).latent == (2.0,)


def test_of_many_labels_the_most_promising_are_tried(instrument, trained, monkeypatch):
    monkeypatch.setattr(encoder, "MOST_CANDIDATES", 1)
    _, seen = seen_of(instrument, 7, label=1)
    guess = torch.tensor([instrument.point(7).latent])
    assert encoder._candidates(instrument, guess, seen, None).tolist() == [1]
    assert encoder._candidates(instrument, guess, seen, 0).tolist() == [0]


def test_a_mismatch_is_a_share_of_what_was_wanted(uniform):
    wanted = torch.tensor([[[1.0, -1.0], [2.0, 0.0]]])
    assert mismatch(0.5 * wanted, wanted).item() == pytest.approx(0.5)
    # where the network sees samples, the spectral distance is added
    wave = torch.from_numpy(sine(440))[None, None]
    expected = 0.5 + multi_resolution_stft_distance(0.5 * wave[:, 0], wave[:, 0]).item()
    assert mismatch(0.5 * wave, wave).item() == pytest.approx(expected)


# through the laboratory


@pytest.fixture(scope="module")
def home(tmp_path_factory, sounds):
    """A home with a run 'first', whose encoder is trained by the first test that asks for it."""
    lab = Lab(tmp_path_factory.mktemp("home"))
    dataset = lab.prepare(lab.survey([sounds]), "tiny", RATE, CLIP_SAMPLES / RATE)
    lab.train(lab.create_run(lab.configure(dataset, "framegan", TINY), "first"), Limit(steps=20), "cpu")
    return lab.home


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(encoder, "STEPS", 30)


def test_a_generated_clip_comes_back_nearer_than_any_other(home, few_steps):
    lab = Lab(home)
    run = lab.run("first")
    instrument = lab.instrument(run)
    wave = instrument.heard(instrument.point(42)).numpy()
    result = lab.reconstruct(run, wave)
    # 0.61 of it: what this generator has learned in 20 steps is noise, whose every detail counts
    assert result.spectral_distance < 0.75 * result.usual_distance
    assert result.silence_error == pytest.approx(float((wave**2).mean()))


def test_an_encoder_is_kept_in_the_run_for_the_generator_it_was_trained_for(home, few_steps, monkeypatch):
    lab = Lab(home)
    run = lab.run("first")
    first = lab.encoder(run)
    assert (run.folder / "encoders" / "step-00000020.safetensors").exists()
    monkeypatch.setattr(encoder, "train_encoder", lambda *_, **__: pytest.fail("trained again"))
    again = Lab(home).encoder(run)
    assert torch.equal(again.dense.weight, first.dense.weight)
    assert Lab(home).has_encoder(run)
    # another generator under the same name needs another encoder
    path = run.snapshot().path
    kept = path.read_bytes()
    path.write_bytes(kept + b" ")
    assert run.load_encoder(run.snapshot()) is None
    path.write_bytes(kept)


def test_an_encoder_leaves_with_its_snapshot(new_run):
    run = new_run("first")
    for step in range(1, 12):
        run.save_snapshot(step, {"x": torch.zeros(1)}, [])
        run.save_encoder(run.snapshot(), {"y": torch.zeros(1)})
    kept = {path.name for path in (run.folder / "encoders").iterdir()}
    assert kept == {snapshot.path.name for snapshot in run.snapshots()}
    assert len(kept) < 11


def test_a_run_in_a_read_only_place_keeps_its_encoder_in_memory(home, few_steps, monkeypatch):
    lab = Lab(home)
    run = lab.run("first")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(run), "load_encoder", lambda *_: None)
    monkeypatch.setattr(type(run), "save_encoder", refuse)
    told = []
    first = lab.reconstruct(run, sine(440), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (30, 30)
    monkeypatch.setattr(encoder, "train_encoder", lambda *_, **__: pytest.fail("trained again"))
    assert lab.reconstruct(run, sine(440)).point == first.point


def test_a_file_becomes_the_clip_that_prepare_made_of_it(home, sounds):
    lab = Lab(home)
    dataset = lab.dataset("tiny")
    clip = lab.clip_for(lab.run("first"), sounds / "tone" / "03.wav")
    assert any(np.array_equal(clip, dataset.clip(index)) for index in range(dataset.n_clips))
    # stereo, another rate, three seconds: the same length and rate as the run's
    stereo = io.BytesIO()
    soundfile.write(stereo, np.stack([sine(440, 60_000, 22_050)] * 2, axis=1), 22_050, format="FLAC")
    assert lab.clip_for(lab.run("first"), Upload("long.flac", stereo.getvalue())).shape == (CLIP_SAMPLES,)


def test_what_is_not_one_sound_is_a_sentence(home, sounds):
    lab = Lab(home)
    with pytest.raises(NoSounds, match=r"None of the 1 sounds in 'x\.wav' can be used; 'x\.wav': not audio"):
        lab.clip_for(lab.run("first"), Upload("x.wav", b"hello"))
    with pytest.raises(NoSounds, match="silent"):
        lab.clip_for(lab.run("first"), Upload("x.wav", audio.encode_wav(np.zeros(4000, np.float32), RATE)))
    with pytest.raises(RunError, match=r"There are 12 files in '.*tone': name one of them"):
        lab.clip_for(lab.run("first"), sounds / "tone")


# from the command line


def test_a_file_is_encoded_and_its_address_makes_the_sound_again(home, sounds, tmp_path, few_steps):
    file = sounds / "tone" / "03.wav"
    plain = run_command("--home", home, "encode", "first", file)
    assert plain.code == 0
    address = run_command("--home", home, "encode", "first", file, "--json")
    book = json.loads(address.out)
    (row,) = book["sounds"]
    assert (book["model"], row["file"], row["seed"]) == ("first", "03.wav", None)
    assert row["latent"] == pytest.approx([float(number) for number in plain.out.split()])

    out = tmp_path / "again.wav"
    made = run_command("--home", home, "reconstruct", "first", file, "--out", out, "--json")
    assert json.loads(made.out)["label"] == row["label"]
    assert "Spectral distance" in made.err
    assert "Waveform error" in made.err

    (tmp_path / "sounds.json").write_text(address.out)
    recalled = run_command(
        "--home", home, "generate", "first", "--recall", tmp_path / "sounds.json", "--out", tmp_path / "recalled"
    )
    assert recalled.code == 0, recalled.err
    assert (tmp_path / "recalled" / f"{row['label']}-own.wav").read_bytes() == out.read_bytes()


def test_the_first_sound_says_that_an_encoder_is_trained(tmp_path, home, sounds, few_steps):
    shutil.copytree(home, tmp_path / "home")
    shutil.rmtree(tmp_path / "home" / "checkpoints" / "first" / "encoders", ignore_errors=True)
    file = sounds / "tone" / "03.wav"
    sentence = "training its encoder takes up to two minutes, once."
    assert sentence in run_command("--home", tmp_path / "home", "encode", "first", file, "--label", "tone").err
    assert sentence not in run_command("--home", tmp_path / "home", "encode", "first", file).err


def test_what_cannot_be_encoded_is_one_sentence(home, tmp_path):
    (tmp_path / "notes.wav").write_text("not a sound")
    assert_one_sentence(run_command("--home", home, "encode", "first", tmp_path / "notes.wav"), "can be used")
    assert_one_sentence(run_command("--home", home, "reconstruct", "first", tmp_path / "gone.wav"), "cannot be opened")
    (tmp_path / "tone.wav").write_bytes(audio.encode_wav(sine(440), RATE))
    outcome = run_command("--home", home, "encode", "first", tmp_path / "tone.wav", "--label", "kick")
    assert_one_sentence(outcome, "This model knows no label 'kick'")


def test_encoding_needs_torch_and_numpy_alone():
    heavy = {"soundfile", "soxr", "av", "streamlit", "librosa", "matplotlib", "rich", "typer", "filelock", "scipy"}
    run_python(forbid(heavy) + "from audiogan import encoder, distance")
