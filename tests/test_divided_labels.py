"""Labels divided into kinds of alike clips: what networks learn, what a seed asks for, what an address remembers."""

import json

import numpy as np
import pytest
import torch

from audiogan import audio, clustering, encoder, worker
from audiogan.examples import Clips
from audiogan.game import Game
from audiogan.instrument import Instrument, Point
from audiogan.runs import RunError
from tests.conftest import CLIP_SAMPLES, RATE, TINY, sine, tiny_config, train_here

PITCHES_HZ = {"high": [2_000, 3_000], "low": [200, 400]}


def write(folder, counts: dict[str, tuple[int, int]]) -> None:
    """Clips of two pitches a label, so many of the first and of the second, each a little different in level."""
    for label, pitches in PITCHES_HZ.items():
        for pitch, count in zip(pitches, counts[label], strict=True):
            for number in range(count):
                path = folder / label / f"{pitch}-{number:02d}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(audio.encode_wav((1 - number / 50) * sine(pitch), RATE))


@pytest.fixture
def dataset(lab):
    write(lab.home / "pitches", {"high": (16, 16), "low": (24, 8)})
    return lab.prepare(lab.survey([lab.home / "pitches"]), "pitches", RATE, CLIP_SAMPLES / RATE)


@pytest.fixture
def config(lab, dataset):
    return lab.configure(dataset, "framegan", [*TINY, "kinds=2", "hold_out=0"])


@pytest.fixture
def run(lab, config):
    run = lab.create_run(config, "divided")
    lab.train(run, worker.Limit(steps=2), "cpu")
    return run


@pytest.fixture
def instrument(run):
    return Instrument(run, run.snapshot())


def spy(instrument, monkeypatch) -> list[list[int]]:
    """The classes that the generator is asked for from now on."""
    asked, make = [], instrument.generator.forward
    monkeypatch.setattr(
        instrument.generator, "forward", lambda z, classes: asked.append(classes.tolist()) or make(z, classes)
    )
    return asked


def test_the_networks_know_kinds_of_labels_and_people_ask_for_labels(config):
    assert (config.labels, config.label_names, config.shared_labels) == (("high", "low"),) * 3
    assert (config.n_labels, config.kinds_per_label, config.n_classes) == (2, 2, 4)
    assert not config.has_groups


@pytest.mark.parametrize(
    ("assignments", "labels", "per_label", "n_classes"),
    [
        (["kinds=5"], ("a", "b", "c"), 5, 15),
        (["kinds=0"], ("a", "b"), 1, 2),
        # without labels there is nothing to divide but groups in their place
        (["kinds=5"], (), 1, 0),
        (["groups=3"], (), 1, 3),
        (["groups=3", "kinds=5"], (), 5, 15),
        (["kinds=5", "conditional=false"], ("a", "b"), 1, 0),
    ],
)
def test_classes_are_labels_times_kinds(assignments, labels, per_label, n_classes):
    config = tiny_config(*assignments, labels=labels)
    assert (config.kinds_per_label, config.n_classes) == (per_label, n_classes)


def test_each_label_is_divided_by_how_its_own_clips_sound(dataset, config, monkeypatch):
    classes = worker.load_clips(dataset.folder, config).classes
    names = [dataset.files[file].path for file in dataset.clip_files()]
    of_class = {n: {name.rsplit("-")[0] for name, c in zip(names, classes, strict=True) if c == n} for n in range(4)}
    assert [len(pitches) for pitches in of_class.values()] == [1, 1, 1, 1]
    assert of_class[0] | of_class[1] == {"high/2000", "high/3000"}
    assert of_class[2] | of_class[3] == {"low/200", "low/400"}
    # found once
    monkeypatch.setattr(clustering, "divide", lambda *_: pytest.fail("found again"))
    assert np.array_equal(worker.load_clips(dataset.folder, config).classes, classes)


def test_a_rare_label_is_left_whole(lab):
    write(lab.home / "uneven", {"high": (16, 16), "low": (24, 7)})
    dataset = lab.prepare(lab.survey([lab.home / "uneven"]), "uneven", RATE, CLIP_SAMPLES / RATE)
    config = lab.configure(dataset, "framegan", [*TINY, "kinds=3", "hold_out=0"])
    clips = worker.load_clips(dataset.folder, config)
    # two kinds of sixteen clips, and three would be allowed
    assert sorted(clips.class_shares(config.n_classes)) == pytest.approx([0, 0, 0, 16 / 63, 16 / 63, 31 / 63])
    assert clips.class_shares(config.n_classes)[3] == pytest.approx(31 / 63)
    run = lab.create_run(config, "uneven")
    lab.train(run, worker.Limit(steps=1), "cpu")
    instrument = Instrument(run, run.snapshot())
    assert instrument.classes.tolist() == [0, 1, 3]
    assert {instrument.point(seed, 1).kind for seed in range(50)} == {0}
    assert {instrument.point(seed, 0).kind for seed in range(50)} == {0, 1}
    with pytest.raises(RunError, match="of kinds that this model has not learned"):
        instrument.render([instrument.point(0, 1, kind=2)])


def test_groups_in_place_of_labels_are_divided_as_labels_are(lab):
    write(lab.home / "pitches", {"high": (20, 32), "low": (24, 16)})
    heap = lab.home / "heap"
    heap.mkdir()
    for number, path in enumerate(sorted((lab.home / "pitches").rglob("*.wav"))):
        path.rename(heap / f"{path.stem}-{number}.wav")
    dataset = lab.prepare(lab.survey([heap]), "heap", RATE, CLIP_SAMPLES / RATE)
    config = lab.configure(dataset, "framegan", [*TINY, "groups=2", "kinds=2", "hold_out=0"])
    construction = lab.describe_construction(config)
    assert construction.endswith(
        "2 groups of alike clips stand in for labels. Each group is learned as up to 2 kinds of alike clips."
    )
    classes = worker.load_clips(dataset.folder, config).classes
    pitches = [int(dataset.files[file].path.split("-")[0]) for file in dataset.clip_files()]
    of_class = {number: {p for p, c in zip(pitches, classes, strict=True) if c == number} for number in range(4)}
    assert [len(found) for found in of_class.values()] == [1, 1, 1, 1]
    assert {frozenset(of_class[0] | of_class[1]), frozenset(of_class[2] | of_class[3])} == {
        frozenset({200, 400}),
        frozenset({2_000, 3_000}),
    }
    run = lab.create_run(config, "heap")
    lab.train(run, worker.Limit(steps=1), "cpu")
    instrument = Instrument(run, run.snapshot())
    points = [instrument.point(seed) for seed in range(920)]
    drawn = np.bincount([2 * point.label + point.kind for point in points])
    assert drawn / 10 == pytest.approx(np.bincount(classes), abs=1)


def test_previews_take_labels_in_turn_and_then_the_next_kinds_that_there_are():
    classes = np.repeat([0, 1, 3, 4, 5], [1, 3, 4, 2, 2])
    clips = Clips(np.zeros((len(classes), 8), np.int16), classes)
    # of the first label kind 1 is the commonest and kind 2 was never found
    assert clips.classes_in_turn(7, kinds_per_label=3, n_classes=6).tolist() == [1, 3, 0, 4, 1, 5, 0]


def test_it_is_said_before_the_training(lab, config):
    assert "Each label is learned as up to 2 kinds of alike clips." in lab.describe_construction(config)


def test_what_is_previewed_is_what_the_trainer_asks_for(lab, config, monkeypatch):
    asked, make = [], Game.sounds
    monkeypatch.setattr(
        Game, "sounds", lambda game, seeds, classes=None: asked.append(classes) or make(game, seeds, classes)
    )
    run = lab.create_run(config, "watched")
    lab.train(run, worker.Limit(steps=1), "cpu")
    assert {tuple(classes) for classes in asked if len(classes) == 6} == {(0, 2, 1, 3, 0, 2)}


def test_a_seed_has_a_kind_of_its_label_as_often_as_the_data_set(instrument):
    low, high = ([instrument.point(seed, label) for seed in range(400)] for label in (1, 0))
    shares = np.array(instrument.shares).reshape(2, 2) * 2
    assert sorted(shares[1]) == pytest.approx([0.25, 0.75], abs=1e-3)
    assert np.bincount([point.kind for point in low]) / 400 == pytest.approx(shares[1], abs=0.02)
    assert np.bincount([point.kind for point in high]) / 400 == pytest.approx(shares[0], abs=0.02)
    # labels in turn do not take their kinds in turn with them
    in_turn = [instrument.point(seed) for seed in range(400)]
    assert [point.label for point in in_turn[:3]] == [0, 1, 0]
    assert np.bincount([point.kind for point in in_turn if point.label]) / 200 == pytest.approx(shares[1], abs=0.03)


@pytest.mark.parametrize("count", [2, 3, 10, 12, 29, 35, 70])
def test_labels_in_turn_have_all_their_kinds_however_many_labels_there_are(new_run, clips, count):
    # twelve, 29 and 70 turns of sqrt 2 are nearly whole ones
    run = new_run("many", "kinds=4", labels=tuple(map(str, range(count))))
    train_here(run, clips, 1)
    instrument = Instrument(run, run.snapshot())
    instrument.shares = [0.25 / count] * 4 * count
    in_turn = [instrument.point(seed) for seed in range(20 * count)]
    for label in range(count):
        assert np.bincount([point.kind for point in in_turn if point.label == label]) == pytest.approx([5] * 4, abs=2)


@pytest.mark.parametrize("count", [2, 3, 8, 15, 16])
def test_groups_have_all_their_kinds_however_many_groups_there_are(new_run, clips, count):
    # of 8 and 15 groups many kinds never came, when these were drawn as those of labels in turn
    run = new_run("many", f"groups={count}", "kinds=4", labels=())
    train_here(run, clips, 1)
    instrument = Instrument(run, run.snapshot())
    instrument.shares = [0.25 / count] * 4 * count
    points = [instrument.point(seed) for seed in range(32 * count)]
    drawn = np.bincount([4 * point.label + point.kind for point in points], minlength=4 * count)
    assert drawn == pytest.approx([8] * 4 * count, abs=4)


def test_kinds_are_independent_of_labels_that_are_asked_for_in_proportion(instrument):
    from audiogan.splits import in_proportion

    labels = in_proportion([0.5, 0.5], range(400))
    kinds_of_low = [instrument.point(seed, int(label)).kind for seed, label in enumerate(labels) if label]
    assert sorted(np.bincount(kinds_of_low)) == pytest.approx([50, 150], abs=6)


def test_a_sound_is_of_the_kind_that_is_asked_for(instrument, monkeypatch):
    asked = spy(instrument, monkeypatch)
    points = [instrument.point(5, label, kind=kind) for label in (0, 1) for kind in (0, 1)]
    sounds = instrument.render(points)
    assert asked == [[0, 1, 2, 3]]
    assert len({point.latent for point in points}) == 1
    assert not any(torch.equal(sounds[0], other) for other in sounds[1:])
    for stranger in (instrument.point(5, 0, kind=2), Point(points[0].latent, None)):
        with pytest.raises(RunError, match="has labels of 2 kinds at most: these sounds come from another one"):
            instrument.render([stranger])


def test_an_address_remembers_the_kind(lab, run):
    sounds = lab.generate(run, 8, label="low")
    assert {sound.point.kind for sound in sounds} == {0, 1}
    addresses = lab.addresses(run, sounds)
    again = lab.recall(run, addresses)
    assert [sound.wav for sound in again] == [sound.wav for sound in sounds]
    # an address of the days before kinds
    book = json.loads(addresses)
    for row in book["sounds"]:
        del row["kind"]
    assert {sound.point.kind for sound in lab.recall(run, json.dumps(book))} == {0}


def test_a_kind_is_heard_while_sliders_move(lab, run):
    own = lab.instrument(run).point(3, 1, kind=1)
    heard, _ = lab.audition("divided", None, 0, 1, origin=own.latent, kind=1)
    other, _ = lab.audition("divided", None, 0, 1, origin=own.latent, kind=0)
    assert heard == lab.instrument(run).wav(own) != other


def test_a_real_sound_has_the_label_that_is_asked_for(lab, run):
    for draw in range(5):
        assert lab.real_sound(run, draw, "low").file.startswith("low/")
    assert {lab.real_sound(run, draw).label for draw in range(10)} == {"high", "low"}


def test_encoding_tries_every_kind_of_a_label(instrument, monkeypatch):
    tried = []

    def refine(instrument, starts, seen, classes, refinements):
        tried.append(classes.tolist())
        # the fourth class is nearest
        return starts, (classes != 3).float()

    monkeypatch.setattr(encoder, "refine", refine)
    untrained = lambda seen: torch.zeros(1, instrument.config.settings.latent_size)  # noqa: E731
    wave = sine(300)
    assert encoder.encode(untrained, instrument, wave) == Point((0.0,) * 8, 1, kind=1)
    assert encoder.encode(untrained, instrument, wave, label=0).label == 0
    assert [sorted(set(classes)) for classes in tried] == [[0, 1, 2, 3], [0, 1]]
