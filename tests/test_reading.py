"""What a run says of itself: one sentence for each thing that goes wrong, and none where nothing does."""

import time
from dataclasses import replace

import pytest

from audiogan.reading import WINDOW, read
from audiogan.runs import METRICS, Score, Status

GOOD = Score(distance=4.0, floor=0.5, nearest_ratio=1.1, diversity=0.9, silent=0.0)
EVEN = {"loss_d": 0.69, "loss_g": 0.7, "belief_real": 0.52, "belief_fake": 0.48}


@pytest.fixture
def run_with(new_run):
    """Makes a run of that loss with these metrics throughout and one score a minute."""

    def make(loss: str = "bce", scores=(), rows: int = WINDOW, name: str = "read", **metrics):
        run = new_run(name, f"loss={loss}")
        row = {"seconds": 0.0} | EVEN | metrics
        run.append_metrics([(step, *(row[name] for name in METRICS[1:])) for step in range(1, rows + 1)])
        for minute, score in enumerate(scores, 1):
            run.append_score(100 * minute, 60.0 * minute, score)
        return run

    return make


def kinds(run) -> list[tuple[str, str]]:
    """(kind, beginning of the sentence) of all findings."""
    return [(finding.kind, " ".join(finding.sentence.split()[:3])) for finding in read(run)]


def at_distances(*distances: float, **changes) -> list[Score]:
    return [replace(GOOD, distance=distance, **changes) for distance in distances]


WON = ("bad", "The discriminator has")


def test_a_young_run_says_nothing(run_with):
    assert read(run_with(rows=WINDOW - 1, loss_d=0.0049, loss_g=4.6, belief_real=1.0, belief_fake=0.0)) == []


@pytest.mark.parametrize(
    ("loss", "metrics", "has_won"),
    [
        # as in the wavegan_bce source, at epoch 8,001
        ("bce", {"loss_d": 0.0049, "loss_g": 4.604, "belief_real": 0.995, "belief_fake": 0.01}, True),
        ("bce", {"loss_d": 0.3, "loss_g": 4.604, "belief_real": 0.995, "belief_fake": 0.3}, False),
        ("bce", {"loss_d": 0.3, "loss_g": 4.604, "belief_real": 0.7, "belief_fake": 0.01}, False),
        ("relativistic", {"belief_real": 0.985, "belief_fake": 0.015}, True),
        ("relativistic", {"belief_real": 0.9, "belief_fake": 0.1}, False),
        ("hinge", {"loss_d": 0.03}, True),
        ("hinge", {"loss_d": 0.5}, False),
        ("lsgan", {"loss_d": 0.015}, True),
        # a critic's loss is an estimate of a distance, below 0 as a rule
        ("wgan_gp", {"loss_d": -30.0, "belief_real": 40.0, "belief_fake": 10.0}, False),
    ],
)
def test_a_discriminator_that_has_won_is_told(run_with, loss, metrics, has_won):
    assert kinds(run_with(loss, **metrics)) == ([WON] if has_won else [])


def test_the_last_rows_alone_decide(run_with):
    run = run_with(belief_real=1.0, belief_fake=0.0)
    assert kinds(run) == [WON]
    run.append_metrics([(step, 0.0, *EVEN.values()) for step in range(100, 100 + WINDOW)])
    assert kinds(run) == []


def test_the_numbers_behind_a_sentence_are_shown(run_with):
    (finding,) = read(run_with(loss_d=0.0049, loss_g=4.604, belief_real=0.995, belief_fake=0.01))
    assert finding.rule == (
        "probability of being real: 0.995 of real and 0.010 of generated sounds; bounds 0.98 and 0.02 "
        "(losses 0.0049 and 4.6)"
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"diversity": 0.49}, ("bad", "The sounds are")),
        ({"nearest_ratio": 0.69}, ("bad", "The sounds come")),
        ({"silent": 0.51}, ("bad", "The sounds are")),
    ],
)
def test_collapse_copies_and_silence_are_told(run_with, changes, told):
    assert kinds(run_with(scores=at_distances(5.0, 4.0, **changes)))[:1] == [told]


def test_collapse_and_copies_are_told_when_they_last(run_with):
    once = replace(GOOD, diversity=0.1, nearest_ratio=0.1)
    assert kinds(run_with(scores=[once])) == []
    assert kinds(run_with(name="mended", scores=[once, once, GOOD])) == [("good", "It is still")]


def test_what_is_within_its_bounds_is_not_told(run_with):
    assert kinds(run_with(scores=at_distances(4.0, diversity=0.5, nearest_ratio=0.7, silent=0.5))) == []


def test_silence_is_not_also_called_a_collapse(run_with):
    findings = read(run_with(scores=at_distances(4.0, silent=1.0, diversity=0.0, nearest_ratio=float("nan"))))
    assert [finding.sentence.split(".")[0] for finding in findings] == ["The sounds are silent or broken"]


@pytest.mark.parametrize(
    ("distances", "told"),
    [
        ((9.0, 8.0, 7.0), [("good", "It is still")]),
        # the best at minute 1, the last at minute 7
        ((4.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0), [("warning", "It stopped improving")]),
        ((4.0, 5.0, 5.0, 5.0, 5.0), [("good", "It is still")]),
        ((4.0, 5.0, 5.0, 5.0, 5.0, 5.0, 6.1), [("warning", "The sounds get")]),
        # at minute 18 a best of minute 12 is not old
        ((9.0,) * 11 + (4.0,) + (5.0,) * 6, [("good", "It is still")]),
        ((9.0, 0.4), [("good", "The sounds of")]),
    ],
)
def test_a_run_says_whether_it_still_improves(run_with, distances, told):
    assert kinds(run_with(scores=at_distances(*distances))) == told


@pytest.mark.parametrize(("state", "is_asked_to_stop"), [("running", True), ("finished", False), ("settled", False)])
def test_only_who_still_trains_is_told_to_stop(run_with, state, is_asked_to_stop):
    stories = {
        "copies": at_distances(9.0, 8.0, nearest_ratio=0.6),
        "stale": at_distances(4.0, *[5.0] * 6),
        "worse": at_distances(4.0, *[5.0] * 5, 6.1),
    }
    for name, scores in stories.items():
        run = run_with(name=name, scores=scores)
        run.write_status(Status(state=state, heartbeat=time.time()))
        (told,) = [finding.sentence for finding in read(run) if finding.kind != "good"]
        assert ("top here" in told) == is_asked_to_stop
        assert is_asked_to_stop or "ago" not in told


def test_the_worst_comes_first(run_with):
    run = run_with(scores=at_distances(9.0, 8.0, diversity=0.1), belief_real=1.0, belief_fake=0.0)
    assert [kind for kind, _ in kinds(run)] == ["bad", "bad", "good"]
