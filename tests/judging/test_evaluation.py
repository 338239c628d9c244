"""Which sounds are judged, what they are held against, and what is kept of it."""

import json
import shutil
import threading
import time
from concurrent.futures import CancelledError
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from audiogan import audio, worker
from audiogan.judging import evaluation
from audiogan.judging.evaluation import FIRST_SEED, Evaluation, asked_labels, asked_points, beside, differences, render
from audiogan.judging.judge import CannotJudge
from audiogan.judging.report_card import Line
from audiogan.judging.stages import Stages
from audiogan.lab import Lab, RunError
from tests.conftest import CLIP_SAMPLES, RATE, tiny_config

COUNT = 24

pytestmark = pytest.mark.usefixtures("short_fitting")


@pytest.fixture(scope="module")
def judging_lab(tmp_path_factory, trained_lab, short_fitting) -> Lab:
    """A copy of the trained laboratory in which evaluations may be kept."""
    home = tmp_path_factory.mktemp("judging") / "home"
    shutil.copytree(trained_lab.home, home)
    return Lab(home)


@pytest.fixture(scope="module")
def evaluated(judging_lab) -> Evaluation:
    return judging_lab.evaluate(judging_lab.run("first"), count=COUNT)


@pytest.fixture
def instrument(trained_lab):
    return trained_lab.instrument(trained_lab.run("first"))


# which sounds


def a_dataset(**counts: int) -> SimpleNamespace:
    return SimpleNamespace(labels=tuple(counts), counts=counts)


def a_model(*labels: str) -> SimpleNamespace:
    return SimpleNamespace(labels=labels, config=SimpleNamespace(has_groups=False))


def test_labels_are_asked_for_in_the_data_set_s_own_proportions_and_numbers():
    model = a_model("c", "unknown", "a", "empty")
    dataset = a_dataset(a=30, b=5, empty=0, c=10)
    labels = asked_labels(model, dataset, 400)
    assert np.bincount(labels).tolist() == pytest.approx([300, 0, 0, 100], abs=1)
    # a label does not depend on how many follow, and every beginning is in proportion
    assert (asked_labels(model, dataset, 40) == labels[:40]).all()
    assert np.bincount(labels[:40], minlength=4)[3] in (9, 10, 11)


def test_no_label_is_asked_for_where_model_and_data_set_share_none():
    assert asked_labels(a_model(), a_dataset(a=3, b=4), 10) is None
    assert asked_labels(a_model("a", "b"), a_dataset(c=3, d=4), 10) is None
    assert asked_labels(a_model("a", "b"), None, 10) is None


def test_seeds_follow_each_other_and_labels_are_the_model_s_numbers(instrument):
    # the model calls noise 0 and tone 1, this data set the other way round
    points = asked_points(instrument, a_dataset(tone=10, noise=30), [5, 6, 7, 8])
    assert [point.seed for point in points] == [FIRST_SEED + number for number in (5, 6, 7, 8)]
    asked = asked_labels(instrument, a_dataset(tone=10, noise=30), 9)[5:]
    assert [point.label for point in points] == [1 - number for number in asked]
    assert set(asked) == {0, 1}
    assert [points[2]] == asked_points(instrument, a_dataset(tone=10, noise=30), [7])


def test_sounds_are_judged_as_they_are_heard_also_across_batches(instrument, monkeypatch):
    monkeypatch.setattr(evaluation, "BATCH", 3)
    points, told = [instrument.point(seed) for seed in range(4)], []
    waves = render(instrument, points, RATE, lambda done, total: told.append((done, total)))
    assert (waves.shape, waves.dtype, told) == ((4, CLIP_SAMPLES), np.float32, [(3, 4), (4, 4)])
    for wave, point in zip(waves, points, strict=True):
        np.testing.assert_allclose(wave, instrument.heard(point), atol=1e-3)


def test_sounds_of_another_rate_are_resampled_to_the_data_set_s(instrument):
    (wave,) = render(instrument, [instrument.point(1)], 2 * RATE)
    assert len(wave) == 2 * CLIP_SAMPLES
    np.testing.assert_allclose(wave[::2], instrument.heard(instrument.point(1)), atol=0.02)


# beside each other


def tell_for_long(tell) -> None:
    for _ in range(2000):
        tell(0, 1)
        time.sleep(0.01)
    pytest.fail("it was not ended")


def test_a_judge_and_the_sounds_are_made_at_the_same_time():
    # each waits for the other: one after the other they would never meet
    meeting, told = threading.Barrier(2, timeout=20), []

    def judge(tell):
        meeting.wait()
        return "judge"

    def sounds(tell):
        meeting.wait()
        tell(3, 4)
        return np.ones(2)

    found, waves = beside(judge, sounds, Stages(lambda *done: told.append(done), (1, 1)))
    assert (found, waves.tolist(), told) == ("judge", [1, 1], [(38, 100)])


def test_where_no_judge_can_be_made_the_sounds_are_not_waited_for():
    def judge(tell):
        raise CannotJudge("add more sounds")

    with pytest.raises(CannotJudge, match="add more sounds"):
        beside(judge, tell_for_long, Stages(None, (1, 1)))


def test_where_no_sounds_can_be_made_the_judge_is_not_waited_for():
    ended = []

    def judge(tell):
        try:
            tell_for_long(tell)
        except CancelledError:
            ended.append("judge")
            raise

    def sounds(tell):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        beside(judge, sounds, Stages(None, (1, 1)))
    assert ended == ["judge"]


# what comes of it


def run_held_out(lab) -> np.ndarray:
    return worker.load_clips(lab.dataset("tiny").folder, lab.run("first").config).held_out


def test_an_evaluation_answers_four_questions_about_the_sounds_it_names(evaluated, judging_lab):
    run = judging_lab.run("first")
    assert (evaluated.run, evaluated.step, evaluated.dataset) == ("first", run.snapshot().step, "tiny")
    assert (evaluated.count, evaluated.seed, evaluated.card.clips) == (COUNT, FIRST_SEED, COUNT)
    assert [answer.question for answer in evaluated.card.answers] == ["real", "varied", "new", "clean"]
    # 20 steps make no sounds that could be taken for real
    assert evaluated.card.answers[0].verdict == "bad"
    held_out = run_held_out(judging_lab).sum()
    assert 0 < held_out == evaluated.card.held_out_clips
    assert evaluated.card.train_clips == 24 - held_out
    assert evaluated.card.expected_label_shares == (0.5, 0.5)


def test_an_evaluation_survives_its_file(evaluated, judging_lab):
    assert Evaluation.from_json(evaluated.to_json()) == evaluated
    assert judging_lab.evaluations(judging_lab.run("first")) == [evaluated]
    assert json.loads(evaluated.to_json())["card"]["answers"][0]["question"] == "real"


def test_the_newest_of_a_snapshot_data_set_and_embedder_is_kept_the_oldest_snapshot_first(new_run):
    run = new_run("kept")
    assert run.evaluations() == []
    for step, dataset, embedder, text in (
        (200, "a", "", "first"),
        (30, "a", "", "earlier snapshot"),
        (200, "b", "", "other data set"),
        (200, "a", "own.pt", "other embedder"),
        (200, "a", "", "newest"),
        (200, "../../a/\0", "", "a name is no path"),
    ):
        run.save_evaluation(step, dataset, embedder, text)
    kept = run.evaluations()
    assert kept[0] == "earlier snapshot"
    assert set(kept[1:]) == {"newest", "other data set", "other embedder", "a name is no path"}
    assert len(kept) == 5


def test_what_cannot_be_read_is_passed_over(evaluated, judging_lab, tmp_path):
    shutil.copytree(judging_lab.home, tmp_path / "home")
    lab = Lab(tmp_path / "home")
    run = lab.run("first")
    for number, text in enumerate(("{", "[]", "{}", '{"card": {}}', evaluated.to_json()[:-20])):
        run.save_evaluation(number, "x", "", text)
    assert lab.evaluations(run) == [evaluated]


def test_the_closest_pairs_are_made_again_from_their_seeds(evaluated, judging_lab):
    pairs = judging_lab.closest_pairs(evaluated)
    dataset, instrument = judging_lab.dataset("tiny"), judging_lab.instrument(judging_lab.run("first"))
    assert len(pairs) == len(evaluated.card.closest_pairs) == 5
    assert [pair.distance for pair in pairs] == sorted(pair.distance for pair in pairs)
    for pair, (number, clip, _) in zip(pairs, evaluated.card.closest_pairs, strict=True):
        assert pair.seed == FIRST_SEED + number
        assert pair.generated == instrument.wav(instrument.point(pair.seed, instrument.label_number(pair.label)))
        assert pair.training == audio.encode_wav(dataset.clip(clip), RATE)
        assert pair.file == dataset.files[dataset.clip_files()[clip]].path
        assert not run_held_out(judging_lab)[clip]


def test_negative_zero_is_written_as_zero_and_shares_as_percent():
    numbers = (-0.04, -0.06, 0.02, 0.5, 0.4, 0.6, 1000, 96)
    assert evaluation._row(Line("mel_kernel_distance", "Title", "real", *numbers)).value == "0.0"
    assert evaluation._row(Line("mel_kernel_distance", "Title", "real", *numbers)).interval == "-0.1 to 0.0"
    row = evaluation._row(Line("precision", "Title", "real", *numbers, verdict="bad"))
    assert (row.floor, row.clips, row.verdict) == ("50%", "1,000 / 96", "bad")
    assert evaluation._row(Line("frechet_distance", "Title", "", *numbers)).verdict == ""


# what can be wrong


@pytest.mark.parametrize("count", [15, 2001, 0, -3])
def test_a_count_out_of_range_is_refused(judging_lab, count):
    with pytest.raises(RunError, match=r"Between 16 and 2,000 sounds can be judged"):
        judging_lab.evaluate(judging_lab.run("first"), count=count)


def test_without_a_snapshot_there_is_nothing_to_judge(judging_lab):
    run = judging_lab.create_run(tiny_config(), "empty")
    with pytest.raises(RunError, match="has no sound yet"):
        judging_lab.evaluate(run)


def test_a_data_set_that_is_gone_is_named(judging_lab, trained_lab, tmp_path):
    shutil.copytree(trained_lab.home / "checkpoints", tmp_path / "checkpoints")
    lab = Lab(tmp_path)
    with pytest.raises(RunError, match="The data set 'tiny' that 'first' was trained on is gone: prepare it again"):
        lab.evaluate(lab.run("first"))
    with pytest.raises(RunError, match="There is no data set 'nothing'"):
        judging_lab.evaluate(judging_lab.run("first"), dataset="nothing")


def test_what_differs_from_the_run_s_own_data_set_is_said(instrument):
    own = {"name": "tiny", "fingerprint": "other", "rate": RATE, "seconds": 0.25}
    labels = vars(a_dataset(noise=12, tone=12))
    assert differences(instrument, SimpleNamespace(**own | labels)) == [
        "The data set 'tiny' has changed since the run was trained on it."
    ]
    other = {"name": "other", "fingerprint": "other", "rate": 16_000, "seconds": 1.0}
    assert differences(instrument, SimpleNamespace(**other, **vars(a_dataset(tone=3, bird=4)))) == [
        "The run's sounds were resampled from 8,000 Hz to 16,000 Hz, the data set's own rate.",
        "The run's sounds last 0.25 s and were filled up with silence to 1 s.",
        "The run and the data set do not have the same labels: only tone were asked for.",
    ]


def test_another_data_set_is_judged_by_and_named(judging_lab, sounds):
    lab = judging_lab
    lab.prepare(lab.survey([sounds / "tone"]), "tones", 2 * RATE, 0.25)
    found = lab.evaluate(lab.run("first"), dataset="tones", count=16)
    assert found.dataset == found.card.dataset == "tones"
    assert "The run was trained on 'tiny' and is compared with 'tones'." in found.card.notes
    assert any("resampled" in note for note in found.card.notes)


def test_sounds_that_are_no_numbers_are_counted_as_broken(judging_lab, monkeypatch):
    run = judging_lab.run("first")
    instrument, made = judging_lab.instrument(run), judging_lab.instrument(run).render

    def render_two_broken(points):
        waves = made(points).clone()
        waves[4, 100] = torch.nan
        waves[5, 3] = torch.inf
        return waves

    monkeypatch.setattr(instrument, "render", render_two_broken)
    card = judging_lab.evaluate(run, count=16).card
    assert card.lines[0].measure == "broken"
    # two of each batch of eight
    assert card.lines[0].value == 4 / 16
    assert card.answers[3].verdict == "bad"
