"""The facade: everything a person can do, as pages and the command line do it."""

import io
import json
import shutil
import zipfile
from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest
import torch

from audiogan import devices, probe, queue, synthesis, worker
from audiogan.audio import decode, to_int16
from audiogan.config import Limit
from audiogan.lab import BUILT_IN, MOST_SOUNDS, STARTER, Lab, Run, RunError, Status, following, site, wav_of_clip
from audiogan.lab.listening_tests import _numbers_by_label
from audiogan.settings import SettingError
from audiogan.splits import held_out
from tests.conftest import CLIP_SAMPLES, RATE, TINY, tiny_config, train_here


@pytest.fixture
def run(trained_lab):
    return trained_lab.run("first")


@pytest.fixture
def no_starter(monkeypatch, tmp_path):
    """As if the program shipped without its starter model."""
    monkeypatch.setattr(following, "site", lambda: tmp_path)


# sounds


def test_a_folder_becomes_a_data_set_of_the_rate_and_length_asked_for(trained_lab):
    dataset = trained_lab.dataset("tiny")
    assert (dataset.rate, dataset.clip_samples, dataset.n_clips) == (RATE, CLIP_SAMPLES, 24)
    assert dataset.counts == {"noise": 12, "tone": 12}
    assert [item.name for item in trained_lab.datasets()] == ["tiny"]
    assert dataset.folder == trained_lab.home / "datasets" / "tiny"


def test_rate_and_length_are_suggested_where_they_are_not_given(lab, sounds):
    survey = lab.survey([sounds])
    suggestion = survey.suggest()
    suggested = lab.prepare(survey, "suggested")
    assert (suggested.rate, suggested.seconds) == (suggestion.rate, suggestion.seconds)
    chosen = lab.prepare(survey, "chosen", 16_000, 0.5)
    assert (chosen.rate, chosen.seconds) == (16_000, 0.5)


def test_the_built_in_sounds_are_prepared_once(lab, monkeypatch):
    sounds = synthesis.built_in_sounds(per_label=2)
    monkeypatch.setattr(synthesis, "built_in_sounds", lambda: sounds)
    dataset = lab.prepare_built_in()
    assert dataset.name == BUILT_IN
    assert set(dataset.labels) == set(synthesis.LABELS)
    assert set(dataset.counts.values()) == {2}
    monkeypatch.setattr(synthesis, "built_in_sounds", lambda: [])
    assert lab.prepare_built_in().fingerprint == dataset.fingerprint


def test_a_clip_is_heard_with_the_very_samples_that_are_learned_from(trained_lab):
    dataset = trained_lab.dataset("tiny")
    samples, rate = decode(wav_of_clip(dataset, 5))
    assert rate == RATE
    # decoding divides by 32,768 where a clip's full scale is 32,767
    assert (to_int16(samples[:, 0] * (32_768 / 32_767)) == dataset.clips()[5]).all()


def test_what_is_not_there_is_answered_with_what_is(trained_lab, lab, no_starter):
    with pytest.raises(RunError, match=r"There is no data set 'drums'\. There is tiny"):
        trained_lab.dataset("drums")
    with pytest.raises(RunError, match=r"There is no data set 'drums'\. There is none yet: prepare one first"):
        lab.dataset("drums")
    with pytest.raises(RunError, match=r"There is no run 'second'\. There is first"):
        trained_lab.run("second")
    with pytest.raises(RunError, match=r"There is no run 'second'\. There is none yet: train one first"):
        lab.run("second")


def test_home_is_where_the_environment_says_unless_one_is_given(monkeypatch, tmp_path):
    monkeypatch.setenv("AUDIOGAN_HOME", str(tmp_path / "there"))
    assert Lab().home == tmp_path / "there"
    assert Lab(tmp_path / "here").runs_folder == tmp_path / "here" / "checkpoints"
    monkeypatch.delenv("AUDIOGAN_HOME")
    assert Lab().home == site()


# training


def test_a_run_is_configured_from_data_set_preset_and_texts(trained_lab):
    dataset = trained_lab.dataset("tiny")
    config = trained_lab.configure(dataset, "wavegan", ["batch=3"], seed=7)
    assert (config.preset, config.settings.batch, config.settings.width, config.seed) == ("wavegan", 3, 64, 7)
    assert (config.dataset, config.fingerprint) == ("tiny", dataset.fingerprint)
    assert (config.rate, config.clip_samples, config.labels) == (RATE, CLIP_SAMPLES, ("noise", "tone"))
    assert set(config.versions) == {"audiogan", "torch", "python"}
    with pytest.raises(SettingError, match="There is no preset"):
        trained_lab.configure(dataset, "nonsense")


@pytest.mark.parametrize("name", ["../outside", "a/b", "", ".hidden", "a\\b", "x" * 100])
def test_a_run_s_name_is_never_a_path(lab, name):
    config = tiny_config()
    if name:
        with pytest.raises(ValueError, match="cannot be a name"):
            lab.create_run(config, name)
        assert not lab.home.exists()
    else:
        assert lab.create_run(config, name).folder.parent == lab.runs_folder


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
    estimate = trained_lab.estimate(config, limit, "cpu")
    assert asked == [(config, dataset.folder, "cpu")]
    assert (estimate.total_steps, estimate.total_seconds) == (steps, seconds)
    assert (estimate.steps_per_second, estimate.first_sound_seconds) == (4, 7.5)
    assert (estimate.parameters, estimate.device, estimate.memory_bytes) == (1_234, "abacus", 3e8)
    assert estimate.construction == trained_lab.describe_construction(config)


def new_run(lab: Lab, trained_lab: Lab, name: str) -> Run:
    """A run in one laboratory on the data set of another."""
    return lab.create_run(trained_lab.configure(trained_lab.dataset("tiny"), "framegan", TINY), name)


def test_what_cannot_fit_the_memory_is_refused_before_anything_is_made(lab, trained_lab, monkeypatch):
    run = new_run(lab, trained_lab, "small")
    monkeypatch.setattr(lab, "dataset", trained_lab.dataset)
    for room, name in ((probe, "probe"), (worker, "start"), (worker, "work")):
        monkeypatch.setattr(room, name, lambda *arguments: pytest.fail("it was begun all the same"))
    monkeypatch.setattr(probe, "device_memory_bytes", lambda device: 100_000)
    long = tiny_config("width=256", preset="mlp", rate=48_000, clip_samples=480_000)
    attempts = [
        lambda: lab.create_run(long, "large"),
        lambda: lab.estimate(long, Limit(), "cpu"),
        lambda: lab.start(run, Limit(steps=1), "cpu"),
        lambda: lab.train(run, Limit(steps=1), "cpu"),
    ]
    for attempt in attempts:
        with pytest.raises(RunError, match=r"needs at least .* of memory and this machine has 100 kB in all: lower"):
            attempt()
    assert [folder.name for folder in lab.runs_folder.iterdir()] == ["small"]
    assert run.status == Status()


def test_a_limit_counts_from_the_beginning_and_is_remembered(lab, trained_lab, monkeypatch):
    run, asked = new_run(lab, trained_lab, "first"), []
    monkeypatch.setattr(lab, "dataset", trained_lab.dataset)
    monkeypatch.setattr(worker, "work", lambda run, folder, limit, *rest: asked.append(limit))
    lab.train(run, Limit())
    run.write_status(Status(state="stopped", step=30, epoch=10.0, seconds=60, limit={"steps": 50}))
    lab.train(run, Limit())
    lab.train(run, Limit(steps=31))
    # the preset's own, the one it was started with, and a new one
    assert asked == [Limit(minutes=10.0), Limit(steps=50), Limit(steps=31)]
    for reached in (Limit(steps=30), Limit(epochs=10.0), Limit(minutes=1.0)):
        with pytest.raises(RunError, match=r"The run 'first' has reached .* \(30 steps, 10.0 epochs, 1.0 minutes\)"):
            lab.train(run, reached)


def test_a_run_that_is_being_trained_is_not_started_twice(lab, trained_lab, monkeypatch):
    run = new_run(lab, trained_lab, "first")
    monkeypatch.setattr(worker, "start", lambda *arguments: pytest.fail("a second trainer was started"))
    run.write_status(Status(state="running", step=3))
    for begin in (lab.start, lab.train):
        with pytest.raises(RunError, match="The run 'first' is already being trained"):
            begin(run, Limit(steps=5))


def test_an_old_request_does_not_stop_a_new_training(trained_lab, lab, monkeypatch):
    run, requested = new_run(lab, trained_lab, "first"), []
    monkeypatch.setattr(lab, "dataset", trained_lab.dataset)
    monkeypatch.setattr(worker, "work", lambda run, *rest: requested.append(run.requested()))
    run.request("stop")
    lab.train(run, Limit(steps=3))
    assert requested == [None]


@pytest.mark.parametrize(("pause", "asked"), [(True, "pause"), (False, "stop")])
def test_a_training_is_asked_to_pause_or_stop(lab, trained_lab, pause, asked):
    run = new_run(lab, trained_lab, "first")
    with pytest.raises(RunError, match=r"The run 'first' is not being trained \(new\)"):
        lab.stop(run, pause)
    run.write_status(Status(state="running"))
    lab.stop(run, pause)
    assert run.requested() == asked


def in_the_queue(lab: Lab, name: str, state: str, **told) -> Run:
    """A run that stands in the queue of the processor."""
    run = lab.create_run(tiny_config(), name)
    queue.join(run, "cpu")
    run.write_status(Status(state=state, **told))
    return run


def test_a_training_that_would_be_started_hears_whom_it_will_wait_for(lab, monkeypatch):
    monkeypatch.setattr(devices, "one_device", lambda name: pytest.fail("torch was imported for nothing"))
    assert lab.busy_with("auto") == ""
    in_the_queue(lab, "first", "running", seconds_left=600)
    second = in_the_queue(lab, "second", "waiting")
    monkeypatch.setattr(devices, "one_device", lambda name: {"auto": "cpu"}.get(name, name))
    assert lab.busy_with("auto") == "'first', which has 10 min left, and 1 more"
    assert lab.busy_with("cuda:0") == ""
    assert lab.waits_for(second) == "'first', which has 10 min left"
    assert [entry.run.name for entry in lab.queue()] == ["first", "second"]


def test_who_does_not_wait_can_neither_leave_nor_hurry(lab):
    run = in_the_queue(lab, "first", "waiting")
    lab.hurry(run)
    assert run.requested() == "hurry"
    lab.cancel(run)
    assert run.requested() == "stop"
    run.write_status(Status(state="running"))
    for ask in (lab.hurry, lab.cancel):
        with pytest.raises(RunError, match=r"The run 'first' does not wait in the queue \(running\)"):
            ask(run)


def test_one_device_has_one_name(monkeypatch):
    for name, expected in (("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("mps", "mps")):
        monkeypatch.setattr(devices, "pick_device", lambda asked: torch.device(asked))
        assert devices.one_device(name) == expected


# room


def test_what_does_not_fit_the_disk_is_refused_before_anything_is_made(lab, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, 100_000))
    for attempt in (
        lambda: lab.create_run(tiny_config(), "large"),
        lambda: lab.estimate(tiny_config(), Limit(steps=1), "cpu"),
    ):
        with pytest.raises(RunError, match="of disk and 100 kB are free: make room"):
            attempt()
    assert not lab.runs_folder.exists()
    assert lab.disk_words() == "Models take 0 B on disk, 100 kB are free."


def test_a_run_that_is_deleted_is_gone_with_its_encoders(lab, clips):
    run, other = (lab.create_run(tiny_config(), name) for name in ("first", "second"))
    lab._encoders = {(run.folder, 1): {}, (other.folder, 1): {}}
    run.write_status(Status(state="waiting"))
    with pytest.raises(RunError, match="The run 'first' is being trained or waits for it: stop it first"):
        lab.delete_run(run)
    run.write_status(Status(state="paused"))
    lab.delete_run(run)
    assert [path.name for path in lab.runs_folder.iterdir()] == ["second"]
    assert list(lab._encoders) == [(other.folder, 1)]


def test_the_model_that_ships_is_not_deleted(lab, monkeypatch, tmp_path):
    monkeypatch.setattr(following, "site", lambda: tmp_path / "program")
    starter = Run.create(tmp_path / "program" / "checkpoints", tiny_config(), STARTER)
    with pytest.raises(RunError, match="The model 'starter' belongs to the program and stays"):
        lab.delete_run(starter)
    assert starter.folder.exists()


def test_a_data_set_is_deleted_unless_a_training_uses_it(lab, sounds):
    dataset = lab.prepare(lab.survey([sounds]), "tiny", RATE, CLIP_SAMPLES / RATE)
    run = lab.create_run(lab.configure(dataset, "framegan", TINY), "first")
    lab.create_run(tiny_config(), "of another")
    assert [item.name for item in lab.runs_on(dataset)] == ["first"]
    run.write_status(Status(state="running"))
    with pytest.raises(RunError, match="The data set 'tiny' is in use by the run 'first': stop that one first"):
        lab.delete_dataset(dataset)
    run.write_status(Status(state="finished"))
    lab.delete_dataset(dataset)
    assert (lab.datasets(), [*lab.datasets_folder.iterdir()]) == ([], [])


def test_which_snapshots_are_kept_is_said_with_its_numbers(trained_lab, run):
    # the four newest, the best, step 0, and 20 has five bits
    words = trained_lab.kept_words(run)
    assert words.startswith("Kept are the 4 newest snapshots, the best one, and the first after each doubling")
    assert "steps: 2 now, 11 at most after 20 steps. This run takes " in words


def test_runs_come_newest_first_and_the_starter_model_last(lab, no_starter):
    for name, day in (("old", 1), (STARTER, 2), ("new", 3)):
        lab.create_run(tiny_config(created=f"2026-01-0{day}T00:00:00+00:00"), name)
    assert [run.name for run in lab.runs()] == ["new", "old", STARTER]


def test_the_starter_model_is_found_where_the_program_lies(lab, monkeypatch, tmp_path):
    monkeypatch.setattr(following, "site", lambda: tmp_path / "program")
    Run.create(tmp_path / "program" / "checkpoints", tiny_config(), STARTER)
    assert [run.name for run in lab.runs()] == [STARTER]
    assert lab.run(STARTER).folder == tmp_path / "program" / "checkpoints" / STARTER


# playing


def test_what_is_heard_is_what_is_generated(trained_lab, run):
    (sound,) = trained_lab.generate(run, 1, seed=4, label="tone")
    wav, sliders = trained_lab.audition("first", None, 4, 1)
    assert wav == sound.wav
    again, _ = trained_lab.audition("first", run.snapshot().step, 4, 1, None)
    assert again == wav
    moved, at = trained_lab.audition("first", None, 4, 1, [1.0, *sliders[1:]])
    assert moved != wav
    assert at == pytest.approx([1.0, *sliders[1:]], abs=1e-4)


def test_a_real_sound_was_kept_back_from_training_and_has_the_label_asked_for(trained_lab, run):
    dataset = trained_lab.dataset("tiny")
    mask = held_out(dataset.clip_files(), dataset.clip_labels(), run.config.settings.hold_out)
    kept_back = [(dataset.labels[dataset.clip_labels()[n]], wav_of_clip(dataset, n)) for n in np.flatnonzero(mask)]
    assert 2 <= len(kept_back) <= 4
    for label in ("noise", "tone"):
        sounds = [trained_lab.real_sound(run, draw, label) for draw in range(8)]
        assert {(sound.label, sound.held_out) for sound in sounds} == {(label, True)}
        assert all((label, sound.wav) in kept_back and sound.file.startswith(f"{label}/") for sound in sounds)
    assert {trained_lab.real_sound(run, draw).label for draw in range(30)} == {"noise", "tone"}


def test_a_real_sound_is_any_clip_where_none_was_kept_back(trained_lab, run):
    run = Run(run.folder)
    run.config = replace(run.config, settings=run.config.settings.with_text(["hold_out=0"]))
    sounds = [trained_lab.real_sound(run, draw, "tone") for draw in range(30)]
    assert {(sound.label, sound.held_out) for sound in sounds} == {("tone", False)}
    assert len({sound.file for sound in sounds}) > 6


def test_sounds_have_consecutive_seeds_and_labels_in_turn_or_one_label(trained_lab, run):
    told = []
    sounds = trained_lab.generate(run, 3, seed=5, progress=lambda done, total: told.append((done, total)))
    assert [sound.name for sound in sounds] == ["tone-seed5.wav", "noise-seed6.wav", "tone-seed7.wav"]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert len({sound.wav for sound in sounds}) == 3
    sounds = trained_lab.generate(run, 2, label="noise")
    assert [sound.name for sound in sounds] == ["noise-seed0.wav", "noise-seed1.wav"]
    with pytest.raises(RunError, match="This model knows no label 'kick'"):
        trained_lab.generate(run, 1, label="kick")


@pytest.mark.parametrize("count", [0, -1, MOST_SOUNDS + 1])
def test_a_number_of_sounds_that_makes_no_sense_is_refused(trained_lab, run, count):
    with pytest.raises(RunError, match="Between 1 and 10,000 sounds can be made at once"):
        trained_lab.generate(run, count)


def test_a_zip_calls_each_of_its_sounds_back_byte_for_byte(trained_lab, run):
    sounds = trained_lab.generate(run, 3, seed=8)
    with zipfile.ZipFile(io.BytesIO(trained_lab.pack(run, sounds))) as archive:
        assert archive.namelist() == ["noise-seed8.wav", "tone-seed9.wav", "noise-seed10.wav", "sounds.json"]
        book = archive.read("sounds.json").decode()
        packed = {name: archive.read(name) for name in archive.namelist()[:3]}
    again = trained_lab.recall(run, book)
    assert {sound.name: sound.wav for sound in again} == packed
    assert again == sounds
    assert json.loads(book)["rate"] == RATE


def test_a_cleaned_sound_comes_back_cleaned(trained_lab, run):
    as_made, cleaned = (trained_lab.generate(run, 1, seed=8, clean=clean)[0] for clean in (False, True))
    assert (as_made.name, cleaned.name) == ("noise-seed8.wav", "noise-seed8-clean.wav")
    assert as_made.wav != cleaned.wav
    book = trained_lab.addresses(run, [as_made, cleaned])
    assert [row["clean"] for row in json.loads(book)["sounds"]] == [False, True]
    assert trained_lab.recall(run, book) == [as_made, cleaned]
    assert [sound.wav for sound in trained_lab.recall(run, book, clean=True)] == [cleaned.wav] * 2
    # a book of the time before there was cleaning
    old = json.loads(book)
    for row in old["sounds"]:
        del row["clean"]
    assert [sound.wav for sound in trained_lab.recall(run, json.dumps(old))] == [as_made.wav] * 2
    assert trained_lab.audition("first", None, 8, clean=True)[0] == cleaned.wav


def test_a_sound_comes_back_from_the_snapshot_it_was_made_with(trained_lab, run):
    early = trained_lab.generate(run, 2, step=0)
    book = trained_lab.addresses(run, early, step=0)
    assert json.loads(book)["snapshot"] == 0
    assert trained_lab.recall(run, book) == early
    assert [sound.wav for sound in trained_lab.recall(run, book, step=20)] != [sound.wav for sound in early]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"sounds": [{"latent": "x", "label": null, "seed": 1}], "snapshot": 0}', '{"sounds": 3}'],
)
def test_what_is_no_address_book_is_refused(trained_lab, run, text):
    with pytest.raises(RunError, match=r"That is not a sounds\.json"):
        trained_lab.recall(run, text)


def test_an_address_book_cannot_name_a_path(trained_lab, run):
    book = json.loads(trained_lab.addresses(run, trained_lab.generate(run, 1)))
    book["sounds"][0]["seed"] = "/../../outside"
    with pytest.raises(RunError, match=r"That is not a sounds\.json"):
        trained_lab.recall(run, json.dumps(book))


def test_a_label_that_was_any_folder_s_name_gives_a_file_name_for_every_system(lab, clips):
    run = lab.create_run(tiny_config(labels=("Kick / 808: é", "..\\..")), "first")
    train_here(run, clips, steps=1)
    assert [sound.name for sound in lab.generate(run, 2)] == ["Kick-808-é-seed0.wav", "seed1.wav"]


def test_a_model_stays_in_memory_until_there_is_a_newer_one(lab, clips):
    run = lab.create_run(tiny_config(), "first")
    train_here(run, clips, steps=1)
    first = lab.instrument(run)
    assert lab.instrument(Run(run.folder)) is first
    train_here(run, clips, steps=2)
    assert lab.instrument(run) is not first
    assert lab.instrument(run).step == 2
    assert lab.instrument(run, 1) is first


def test_a_belief_is_named_by_the_loss_that_gives_it(lab):
    runs = {loss: lab.create_run(tiny_config(f"loss={loss}"), loss) for loss in ("bce", "relativistic")}
    assert lab.belief_name(runs["bce"]) == "probability of being real"
    assert lab.belief_name(runs["relativistic"]).startswith("p(real beats generated)")


def test_a_training_here_ends_with_its_status(run):
    assert (run.status.state, run.status.step, run.status.limit["steps"]) == ("finished", 20, 20)


def test_a_listening_test_draws_held_out_clips_where_there_are_enough(trained_lab):
    dataset = trained_lab.dataset("tiny")
    kept_back = held_out(dataset.clip_files(), dataset.clip_labels(), 0.5)
    by_label = _numbers_by_label(dataset, dataset.labels, 0.5)
    assert by_label.keys() == {"noise", "tone"}
    for place, numbers in enumerate(by_label.values()):
        assert len(numbers) == 6
        assert kept_back[numbers].all() and (dataset.clip_labels()[numbers] == place).all()
    # a tenth are one or two of a label: all twelve are drawn from
    assert [len(numbers) for numbers in _numbers_by_label(dataset, dataset.labels, 0.1).values()] == [12, 12]
    assert _numbers_by_label(dataset, (), 0.5)[None] == kept_back.nonzero()[0].tolist()
    assert _numbers_by_label(None, ("a",), 0.5) == {"a": []}
