"""Groups stand in for labels: found where clips are alike, kept, and asked for as often as the data set has them."""

from pathlib import PurePath

import numpy as np
import pytest
import torch

from audiogan import audio, clustering, training, worker
from audiogan.examples import Clips
from audiogan.game import Game
from audiogan.instrument import Instrument
from audiogan.presets import PRESETS, number_of_parts, suited
from audiogan.progress import Schedule
from audiogan.runs import RunError
from audiogan.transforms import make_transform
from tests.conftest import CLIP_SAMPLES, RATE, TINY, sine, tiny_config, train_here

THREE_PITCHES = [200, 200, 200, 200, 200, 1000, 1000, 1000, 3000, 3000]


def tones(pitches_hz: list[int]) -> np.ndarray:
    """int16 (N, T), clips of one pitch a little different in level."""
    levels = np.linspace(0.6, 1, len(pitches_hz))
    return np.stack([audio.to_int16(level * sine(hz)) for hz, level in zip(pitches_hz, levels, strict=True)])


def parts(found: clustering.Division) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(found.of_clip == part).tolist()) for part in np.unique(found.of_clip)}


def test_clips_that_are_alike_are_of_one_group():
    found = clustering.divide(tones(THREE_PITCHES), np.arange(10), RATE, 3)
    assert parts(found) == {frozenset(range(5)), frozenset(range(5, 8)), frozenset((8, 9))}
    # each group's example is one of its own
    assert [found.of_clip[example] for example in found.examples] == [0, 1, 2]


def test_groups_are_found_among_training_clips_and_given_to_the_others():
    is_seen = np.array([True, False, True, True, True, True, False, True, True, True])
    found = clustering.divide(tones(THREE_PITCHES), np.flatnonzero(is_seen), RATE, 3)
    assert parts(found) == {frozenset(range(5)), frozenset(range(5, 8)), frozenset((8, 9))}
    assert is_seen[list(found.examples)].all()


def test_more_groups_than_clips_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="4 groups cannot be found among 3 clips: ask for fewer"):
        clustering.divide(tones([200, 1000, 3000]), np.arange(3), RATE, 4)


def test_k_means_by_hand():
    points = np.array([[0.0, 0], [2, 0], [10, 0], [10, 1], [10, 5]])
    centres = clustering.k_means(points, 2, np.random.default_rng(0))
    assert sorted(map(tuple, centres)) == [(1, 0), (10, 2)]


def test_all_points_alike_have_centres_all_the_same():
    assert clustering.k_means(np.ones((5, 2)), 3, np.random.default_rng(0)) == pytest.approx(np.ones((3, 2)))


@pytest.fixture
def prepare(lab):
    """A data set of two pitches, with labels or without."""

    def make(name: str, *folders: str):
        for number, wave in enumerate(tones([300, 320, 340, 2000, 2100, 2200] * 6)):
            path = lab.home / name / folders[number % len(folders)] / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(audio.encode_wav(audio.from_int16(wave), RATE))
        return lab.prepare(lab.survey([lab.home / name]), name, RATE, CLIP_SAMPLES / RATE)

    return make


@pytest.mark.parametrize(("n_clips", "count"), [(0, 1), (31, 1), (32, 2), (80, 5), (100_000, 16)])
def test_how_many_groups_follows_from_the_number_of_clips(n_clips, count):
    assert number_of_parts(n_clips, most=16) == count


def test_groups_are_kept_beside_the_clips_for_those_that_are_trained_on(tmp_path, monkeypatch):
    clips = Clips(tones(THREE_PITCHES), np.zeros(10, int))
    first = clustering.open_groups(tmp_path, clips, RATE, 3)
    monkeypatch.setattr(clustering, "divide", None)
    again = clustering.open_groups(tmp_path, clips, RATE, 3)
    assert np.array_equal(again.of_clip, first.of_clip)
    assert again.examples == first.examples
    with pytest.raises(TypeError):  # others are found anew
        clustering.open_groups(tmp_path, Clips(clips.waves, clips.classes, np.arange(10) < 1), RATE, 3)


def test_a_data_set_without_labels_is_trained_by_groups(lab, prepare):
    unlabelled = prepare("plain", ".")
    config = lab.configure(unlabelled, "framegan", [*TINY, "groups=3", "kinds=1", "hold_out=0"])
    assert config.label_names == ("group 1", "group 2", "group 3")
    assert config.shared_labels == ()
    clips = worker.load_clips(unlabelled.folder, config)
    assert set(clips.classes) == {0, 1, 2}
    assert "3 groups of alike clips stand in for labels" in lab.describe_construction(config)


def test_runs_with_other_groups_have_other_kinds(lab, prepare):
    unlabelled, labelled = prepare("plain", "."), prepare("sorted", "low", "high")

    def classes(dataset, *settings):
        return worker.load_clips(dataset.folder, lab.configure(dataset, "framegan", [*TINY, *settings])).classes

    for count in (2, 3, 2):
        groups = classes(unlabelled, f"groups={count}", "kinds=1")
        assert np.array_equal(classes(unlabelled, f"groups={count}", "kinds=4") // 4, groups)
    assert len(set(classes(labelled, "kinds=1"))) == 2


def test_old_addresses_of_groups_are_understood(new_run, clips):
    run = new_run("run", "groups=2", labels=())
    train_here(run, clips, 1)
    assert Instrument(run, run.snapshot()).label_number("kind 2") == 1
    with pytest.raises(RunError, match=r"knows no label 'group 3'\. Its labels are group 1, group 2"):
        Instrument(run, run.snapshot()).label_number("kind 3")


def test_a_run_with_more_groups_than_clips_says_so(lab, prepare):
    unlabelled = prepare("plain", ".")
    config = lab.configure(unlabelled, "framegan", [*TINY, "groups=200"])
    with pytest.raises(RunError, match=r"200 groups cannot be found among 3. clips: ask for fewer groups"):
        worker.load_clips(unlabelled.folder, config)


@pytest.mark.parametrize(
    ("assignment", "labels", "names"),
    [
        ("groups=1", (), ()),
        ("conditional=false", (), ()),
        ("groups=2", ("only",), ("group 1", "group 2")),
        ("groups=2", ("noise", "tone"), ("noise", "tone")),
    ],
)
def test_groups_come_only_in_place_of_labels(assignment, labels, names):
    config = tiny_config("groups=5", assignment, labels=labels)
    assert (config.label_names, config.n_labels) == (names, len(names))


def test_groups_and_kinds_are_chosen_where_nobody_names_their_number(lab, prepare):
    unlabelled, labelled = prepare("plain", "."), prepare("sorted", "low", "high")
    # 36 clips, of which a tenth are kept back
    chosen = lab.configure(unlabelled, "framegan").settings
    assert (chosen.groups, chosen.kinds) == (2, 1)
    assert lab.configure(labelled, "framegan").settings.kinds == 1
    assert lab.configure(unlabelled, "wavegan").n_labels == 0


@pytest.mark.parametrize(
    ("preset", "assignments", "commonest", "kinds"),
    [
        ("framegan", [], 31, 1),
        ("framegan", [], 48, 3),
        ("studio", [], 1_000, 4),
        ("framegan", ["kinds=7"], 31, 7),
        ("framegan", ["conditional=false"], 48, 0),
        # published systems learn labels whole
        ("wavegan", ["conditional=true"], 48, 0),
    ],
)
def test_labels_are_divided_by_the_clips_of_the_commonest(preset, assignments, commonest, kinds):
    settings = PRESETS[preset].settings.with_text(assignments)
    found = suited(settings, (), 1_000, commonest)
    assert (found.kinds, found.groups) == (kinds, 0)


@pytest.mark.parametrize(
    ("preset", "assignments", "n_clips", "groups", "kinds"),
    [
        ("framegan", [], 31, 1, 1),
        ("framegan", [], 300, 16, 1),
        ("framegan", [], 600, 16, 2),
        ("framegan", [], 1_125, 16, 4),
        ("studio", [], 100_000, 16, 4),
        ("framegan", ["groups=3"], 96, 3, 2),
        ("framegan", ["groups=5", "kinds=7"], 96, 5, 7),
        ("framegan", ["conditional=false"], 1_000, 0, 0),
        ("wavegan", ["conditional=true"], 1_000, 16, 0),
    ],
)
def test_groups_are_divided_by_their_average_clips(preset, assignments, n_clips, groups, kinds):
    found = suited(PRESETS[preset].settings.with_text(assignments), (), n_clips, commonest=0)
    assert (found.groups, found.kinds) == (groups, kinds)


def test_seeds_ask_for_groups_as_often_as_there_are_clips_of_them(new_run):
    run = new_run("run", "groups=2", labels=())
    clips = Clips(tones([200] * 9 + [1000] * 3), np.array([0] * 9 + [1] * 3))
    train_here(run, clips, 1)
    assert run.class_shares == [0.75, 0.25]
    instrument = Instrument(run, run.snapshot())
    asked = [instrument.point(seed).label for seed in range(200)]
    assert asked.count(0) == pytest.approx(150, abs=2)
    assert torch.isfinite(instrument.render([instrument.point(0)])).all()


def test_shares_are_kept_of_groups_and_of_no_labels(new_run):
    by_groups, labelled = new_run("groups", "groups=3", labels=()), new_run("labels", labels=("low", "middle", "high"))
    for run in (by_groups, labelled):
        run.save_class_shares([0.5, 0.375, 0.125])
    assert {path.name for path in by_groups.folder.iterdir()} - {path.name for path in labelled.folder.iterdir()} == {
        "label_shares.json"
    }


@pytest.mark.parametrize(
    ("preset", "n_clips", "named", "patience", "augment", "penalty"),
    [
        ("framegan", 200, (), 10, 0.5, 10),
        ("studio", 50, (), 10, 0.5, 10),
        ("framegan", 201, (), 0, 0, 3),
        ("framegan", 50, ("patience",), 0, 0.5, 10),
        ("framegan", 50, ("augment",), 10, 0, 10),
        ("framegan", 50, ("penalty",), 10, 0.5, 3),
        ("mlp", 50, (), 0, 0, 0),
    ],
)
def test_a_small_data_set_is_not_trained_until_it_is_known_by_heart(preset, n_clips, named, patience, augment, penalty):
    settings = suited(PRESETS[preset].settings, named, n_clips, commonest=10)
    assert (settings.patience, settings.augment, settings.penalty) == (patience, augment, penalty)


def test_another_loss_keeps_its_own_penalty_on_a_small_data_set():
    settings = PRESETS["framegan"].settings.with_text(["loss=wgan_gp", "penalty=4"])
    assert suited(settings, ("loss",), 50, commonest=10).penalty == 4


def test_shares_of_labels_are_those_of_the_clips_that_are_trained_on():
    clips = Clips(tones([200] * 4), np.array([0, 0, 0, 2]), held_out=np.array([True, False, False, False]))
    assert clips.class_shares(3) == pytest.approx([2 / 3, 0, 1 / 3])
    assert clips.class_shares(0) == []


def test_a_snapshot_is_judged_by_labels_as_often_as_they_are_trained_on(new_run, monkeypatch):
    judged = []

    class Watched(Game):
        def sounds(self, seeds, asked=None):
            judged.append(asked)
            return super().sounds(seeds, asked)

    monkeypatch.setattr(training, "Game", Watched)
    monkeypatch.setattr(Schedule, "score_is_due", lambda schedule, leaving: True)
    clips = Clips(tones([200] * 9 + [1000] * 3), np.array([0] * 9 + [1] * 3))
    train_here(new_run("run"), clips, 1, score=lambda waves: None)
    (asked,) = [labels for labels in judged if len(labels) == len(training.SCORED_SEEDS)]
    assert np.bincount(asked).tolist() == pytest.approx([96, 32], abs=1)


def test_sounds_are_of_the_labels_that_are_asked_for():
    game = Game(tiny_config(), make_transform(tiny_config()), torch.device("cpu"))
    in_turn = game.sounds([7, 8])
    assert torch.allclose(game.sounds([8], np.array([1])), in_turn[1:], atol=1e-5)
    assert not torch.allclose(game.sounds([8], np.array([0])), in_turn[1:], atol=1e-3)


def test_a_group_is_shown_by_the_file_that_is_most_like_it_while_the_data_set_is_there(lab, prepare):
    unlabelled = prepare("plain", ".")
    run = lab.create_run(lab.configure(unlabelled, "framegan", [*TINY, "groups=2"]), "run")
    classes = worker.load_clips(unlabelled.folder, run.config).classes
    names = [PurePath(unlabelled.files[file].path).stem for file in unlabelled.clip_files()]
    of_file = dict(zip(names, classes, strict=True))
    first, second = lab.group_examples(run)
    assert (of_file[first], of_file[second]) == (0, 1)
    low, high = sorted(int(file) % 6 for file in (first, second))
    assert low < 3 <= high  # of each six sounds three are low
    # another run of its name has its own
    lab.delete_run(run)
    run = lab.create_run(lab.configure(unlabelled, "framegan", [*TINY, "groups=3"]), "run")
    assert len(lab.group_examples(run)) == 3
    lab.delete_dataset(unlabelled)
    assert lab.group_examples(run) == []
    labelled = prepare("sorted", "low", "high")
    assert lab.group_examples(lab.create_run(lab.configure(labelled, "framegan", TINY), "labels")) == []
