"""Labels divided into kinds of alike clips: what networks learn, what a seed asks for, what an address remembers."""

import json

import numpy as np
import pytest
import torch

from audiogan import audio, encoder, kinds, worker
from audiogan.game import Game
from audiogan.instrument import Instrument, Point
from audiogan.runs import RunError
from audiogan.transforms import make_transform
from tests.conftest import CLIP_SAMPLES, RATE, TINY, sine, tiny_config

PITCHES_HZ = {"high": [2_000, 3_000], "low": [200, 400]}
"""Of each label: as often the first pitch as the second, or thrice as often."""


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
    write(lab.home / "pitches", {"high": (12, 12), "low": (18, 6)})
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
    assert not config.has_kinds


@pytest.mark.parametrize(
    ("assignments", "labels", "per_label", "n_classes"),
    [
        (["kinds=5"], ("a", "b", "c"), 5, 15),
        (["kinds=0"], ("a", "b"), 1, 2),
        # kinds in place of labels are not divided again
        (["kinds=5"], (), 1, 5),
        (["kinds=5", "conditional=false"], ("a", "b"), 1, 0),
    ],
)
def test_classes_are_labels_times_kinds(assignments, labels, per_label, n_classes):
    config = tiny_config(*assignments, labels=labels)
    assert (config.kinds_per_label, config.n_classes) == (per_label, n_classes)


def test_each_label_is_divided_by_how_its_own_clips_sound(dataset, config, monkeypatch):
    classes = worker.load_clips(dataset.folder, config).labels
    names = [dataset.files[file].path for file in dataset.clip_files()]
    of_class = {n: {name.rsplit("-")[0] for name, c in zip(names, classes, strict=True) if c == n} for n in range(4)}
    assert [len(pitches) for pitches in of_class.values()] == [1, 1, 1, 1]
    assert of_class[0] | of_class[1] == {"high/2000", "high/3000"}
    assert of_class[2] | of_class[3] == {"low/200", "low/400"}
    # found once
    monkeypatch.setattr(kinds, "find_kinds", lambda *_: pytest.fail("found again"))
    assert np.array_equal(worker.load_clips(dataset.folder, config).labels, classes)


def test_a_label_of_fewer_clips_than_kinds_says_so(lab, dataset):
    config = lab.configure(dataset, "framegan", [*TINY, "kinds=25"])
    with pytest.raises(RunError, match=r"25 kinds cannot be found among 2. clips: ask for fewer kinds"):
        worker.load_clips(dataset.folder, config)


def test_it_is_said_before_the_training(lab, config):
    assert "Each label is learned as 2 kinds of alike clips." in lab.describe_construction(config)


def test_previews_take_labels_in_turn_and_then_their_next_kinds(monkeypatch):
    config = tiny_config("kinds=3")
    game = Game(config, make_transform(config), torch.device("cpu"))
    asked, make = [], game.averaged.forward
    monkeypatch.setattr(game.averaged, "forward", lambda z, classes: asked.append(classes.tolist()) or make(z, classes))
    game.sounds(range(7))
    assert asked == [[0, 3, 1, 4, 2, 5, 0]]


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
    with pytest.raises(RunError, match="divides a label into 2 kinds: these sounds come from another model"):
        instrument.render([instrument.point(5, 0, kind=2)])


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
