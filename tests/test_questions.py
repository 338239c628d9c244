"""Plans of blind tests: balanced, random by their seed, and telling nothing."""

import itertools
from collections import Counter

import pytest

from audiogan import questions
from audiogan.questions import ListeningError, Participant

REAL_CLIPS = Participant(8_000, 0.25, dataset="drums")
OLD, NEW = Participant(8_000, 0.25, "run", 100), Participant(8_000, 0.25, "run", 2_000)
LABELS = {"hat": range(10), "kick": range(10, 20)}


def plan(kind, participants, count, seed=0, clips=LABELS):
    return questions.plan(kind, participants, count, seed, clips)


def test_half_are_real_and_models_share_the_other_half():
    heard = Counter(sound.participant for (sound,) in plan("real", [OLD, REAL_CLIPS, NEW], 40))
    assert heard == {1: 20, 0: 10, 2: 10}


def test_each_two_meet_equally_often_and_on_both_sides():
    asked = plan("pairs", [OLD, NEW, REAL_CLIPS], 60)
    sides = Counter((first.participant, second.participant) for first, second in asked)
    assert sides == {(a, b): 10 for a in range(3) for b in range(3) if a != b}


def test_ratings_are_shared_and_labels_take_turns_with_each_participant():
    for seed in range(5):
        asked = plan("ratings", [NEW, REAL_CLIPS], 24, seed)
        assert Counter((sound.participant, sound.label) for (sound,) in asked) == {
            (participant, label): 6 for participant in (0, 1) for label in LABELS
        }


def test_a_plan_is_a_function_of_its_seed():
    assert plan("pairs", [OLD, NEW], 20, seed=5) == plan("pairs", [OLD, NEW], 20, seed=5)
    assert plan("pairs", [OLD, NEW], 20, seed=5) != plan("pairs", [OLD, NEW], 20, seed=6)


@pytest.mark.parametrize("kind", questions.KINDS)
def test_the_order_tells_nothing(kind):
    # of 200 questions in random order, the first half holds about as many of each as the second
    first = [question[0].participant for question in plan(kind, [REAL_CLIPS, NEW], 200)]
    assert 30 < sum(first[:100]) < 70
    assert sum(first) == 100
    # and one follows on itself as often as on the other
    assert 60 < sum(a == b for a, b in itertools.pairwise(first)) < 140


def test_both_sides_have_one_label_and_two_models_one_seed():
    for first, second in plan("pairs", [OLD, NEW], 20):
        assert (first.seed, first.label) == (second.seed, second.label)
    for first, second in plan("pairs", [REAL_CLIPS, NEW], 20):
        real, made = (first, second) if first.clip is not None else (second, first)
        assert real.clip in LABELS[made.label]
        assert made.seed is not None


def test_no_clip_comes_again_before_all_have_come():
    clips = [
        sound.clip for (sound,) in plan("real", [REAL_CLIPS, NEW], 30, clips={None: range(10)}) if sound.seed is None
    ]
    assert sorted(clips[:10]) == list(range(10))
    assert len(clips) == 15


@pytest.mark.parametrize(
    ("kind", "participants", "count", "words"),
    [
        ("guess", [OLD, NEW], 10, "choose one of real, pairs, ratings"),
        ("pairs", [NEW], 10, "two different participants"),
        ("pairs", [NEW, NEW], 10, "two different participants"),
        ("real", [OLD, NEW], 10, "real clips and a model"),
        ("ratings", [NEW], 0, "from 1 to 200 questions, not 0"),
        ("ratings", [NEW], 201, "from 1 to 200 questions, not 201"),
    ],
)
def test_what_makes_no_test_is_one_sentence(kind, participants, count, words):
    with pytest.raises(ListeningError, match=words):
        plan(kind, participants, count)
