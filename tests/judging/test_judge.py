"""The judge before sounds whose faults are known: the frauds of `benchmarks/frauds.py`, made from built-in sounds."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audiogan import audio, metrics, synthesis
from audiogan.judging.hearing import Prepared
from audiogan.judging.judge import CannotJudge, Judge, RealClips, judge_path, open_judge
from audiogan.judging.report_card import BAD, GOOD

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import frauds

RATE, SAMPLES = 8_000, 2_400
LABELS = ("kick", "snare", "hat", "chirp")


@pytest.fixture(scope="module")
def real() -> RealClips:
    """320 built-in sounds of four labels, of which nothing is held out yet."""
    sounds = [sound for sound in synthesis.built_in_sounds(RATE, 80) if sound.label in LABELS]
    clips = audio.to_int16(audio.pad([sound.samples[:SAMPLES] for sound in sounds], SAMPLES))
    labels = np.array([LABELS.index(sound.label) for sound in sounds])
    return RealClips("built-in", "f00d", RATE, LABELS, clips, labels, np.arange(320), np.zeros(320, bool))


@pytest.fixture(scope="module")
def parts(real) -> np.ndarray:
    return frauds.shares_of_files(real.clip_files, real.clip_labels, np.random.default_rng(0))


@pytest.fixture(scope="module")
def fitted(real, parts) -> Judge:
    return Judge.fit(frauds.without_suspects(real, parts))


@pytest.fixture(scope="module")
def case(real, parts) -> frauds.Case:
    return frauds.case_of(real, parts, np.random.default_rng(0))


@pytest.mark.parametrize("name", frauds.FRAUDS)
def test_the_first_fault_is_the_right_one_and_real_clips_have_none(name, fitted, case):
    fraud = frauds.FRAUDS[name]
    found = [line.measure for line in fitted.measure(fraud.alter(case)).faults]
    assert found[0] in fraud.faults if fraud.faults else found == []


def test_a_card_says_what_was_compared_with_what(fitted, case):
    card = fitted.measure(case.suspects, trained_on="other sounds")
    assert (card.dataset, card.clips, card.train_clips, card.held_out_clips) == ("built-in", 80, 160, 80)
    assert list(card.embedders) == ["mel statistics", "sound classifier"]
    assert card.notes == ("The run was trained on 'other sounds' and is compared with 'built-in'.",)
    assert card.classifier_accuracy > 0.9
    assert [answer.verdict for answer in card.answers] == [GOOD] * 4
    assert sum(card.label_shares) == pytest.approx(1)
    assert len(card.bands_hz) == len(card.spectrum_difference_db) == 64
    assert fitted.measure(case.suspects, trained_on="built-in").notes == ()


def test_silence_has_the_smaller_squared_error(fitted, case):
    card = fitted.measure(case.suspects)
    real = fitted.real.prepared(fitted.train_indices)[:]
    assert card.silence_mean_square_error == pytest.approx(np.mean(real**2), rel=1e-4)
    # of unrelated clips: the power of both
    suspects = Prepared(case.suspects, SAMPLES)[:]
    assert card.mean_square_error == pytest.approx(np.mean(real**2) + np.mean(suspects**2), rel=0.05)
    assert card.mean_square_error > card.silence_mean_square_error


def test_the_closest_pairs_are_a_copy_and_its_clip(fitted, case, real):
    waves = case.suspects.copy()
    clip = int(fitted.train_indices[5])
    waves[17] = fitted.real.prepared(np.array([clip]))[:][0]
    fake, found, distance = fitted.measure(waves).closest_pairs[0]
    assert (fake, found) == (17, clip)
    assert distance < 1e-3


def test_asked_labels_are_heard(fitted, case):
    heard = {line.measure: line for line in fitted.measure(case.suspects, case.labels).lines}
    assert heard["label_accuracy"].value > 0.9
    assert heard["label_accuracy"].verdict == GOOD
    swapped = {line.measure: line for line in fitted.measure(case.suspects, (case.labels + 1) % 4).lines}
    assert swapped["label_accuracy"].value < 0.1
    assert swapped["label_accuracy"].verdict == BAD


def test_labels_that_were_not_asked_for_are_not_missed(fitted, case):
    kicks = case.labels == 0
    faults = [line.measure for line in fitted.measure(case.suspects[kicks], case.labels[kicks]).faults]
    assert "labels" not in faults
    assert "labels" in [line.measure for line in fitted.measure(case.suspects[kicks]).faults]


def test_broken_clips_are_counted_and_left_out(fitted, case):
    waves = case.suspects.copy()
    waves[3, 100], waves[9, 5] = np.nan, np.inf
    card = fitted.measure(waves)
    assert [line.measure for line in card.faults] == ["broken"]
    assert card.faults[0].value == pytest.approx(2 / 80)
    assert all(np.isfinite(line.value) for line in card.lines)
    only = fitted.measure(np.full((3, SAMPLES), np.nan))
    assert [line.measure for line in only.lines] == ["broken"]
    assert only.left_out == ("Every clip is broken: nothing else can be measured.",)


@pytest.mark.parametrize("count", [1, 5, 10])
def test_few_clips_leave_measures_out_and_say_why(fitted, case, count):
    card = fitted.measure(case.suspects[:count])
    measured = {line.measure for line in card.lines}
    assert "coverage" not in measured
    assert any("needs at least" in sentence for sentence in card.left_out)
    assert card.faults == ()
    assert ("mel_kernel_distance" in measured) == (count >= 8)


def test_no_clips_are_refused(fitted):
    with pytest.raises(CannotJudge, match="generate some first"):
        fitted.measure(np.zeros((0, SAMPLES)))


def test_level_and_length_of_a_clip_do_not_matter(fitted, case):
    longer = np.pad(0.1 * case.suspects, ((0, 0), (0, 500)))
    first, second = fitted.measure(case.suspects), fitted.measure(longer)
    for one, other in zip(first.lines, second.lines, strict=True):
        # 16 bits are coarser for the quiet ones
        assert other.value == pytest.approx(one.value, rel=0.1, abs=0.5)


def test_a_judge_is_kept_beside_the_clips_and_found_again(real, parts, fitted, case, tmp_path, monkeypatch):
    known = frauds.without_suspects(real, parts)
    fitted.save(judge_path(tmp_path, known))
    monkeypatch.setattr(Judge, "fit", lambda *_: pytest.fail("it was fitted again"))
    again = open_judge(tmp_path, known).measure(case.suspects)
    for one, other in zip(fitted.measure(case.suspects).lines, again.lines, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-3, abs=1e-3)


def test_another_hold_out_or_a_damaged_file_is_fitted_anew(real, parts, fitted, tmp_path, monkeypatch):
    known = frauds.without_suspects(real, parts)
    fits = []
    monkeypatch.setattr(Judge, "fit", lambda real, *_: fits.append(real) or fitted)
    open_judge(tmp_path, known)
    open_judge(tmp_path, known)
    assert len(fits) == 1
    open_judge(tmp_path, replace(known, held_out=~known.held_out))
    open_judge(tmp_path, replace(known, fingerprint="beef"))
    assert len(fits) == 3
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:5000])
    open_judge(tmp_path, known)
    assert len(fits) == 4
    open_judge(tmp_path / "missing", known)
    assert len(fits) == 5


def test_without_labels_or_held_out_clips_halves_and_files_stand_in(real, monkeypatch):
    # few steps: only what the card says is of interest
    monkeypatch.setattr("audiogan.judging.classifier_training.FEWEST_STEPS", 5)
    monkeypatch.setattr("audiogan.judging.classifier_training.MOST_STEPS", 5)
    few = np.arange(0, 320, 4)
    bare = replace(
        real,
        labels=(),
        clips=real.clips[few],
        clip_labels=np.zeros(80, int),
        clip_files=few,
        held_out=np.zeros(80, bool),
    )
    seen = []
    card = Judge.fit(bare, progress=lambda done, total: seen.append((done, total))).measure(real.clips[1::4])
    assert seen == sorted(seen)
    assert seen[-1] == (100, 100)
    assert [note.split()[0] for note in card.notes] == ["Only", "The"]
    assert card.classifier_accuracy is None
    assert not {"labels", "inception_score"} & {line.measure for line in card.lines}
    floors = {line.measure: line.floor_clips for line in card.lines}
    assert floors["mel_kernel_distance"] == 40
    assert card.answers[0].verdict == GOOD


def test_fewer_than_two_training_clips_are_no_data_set(real):
    with pytest.raises(CannotJudge, match="at least 2 training clips"):
        Judge.fit(replace(real, held_out=np.arange(320) > 0))


class Loudness:
    """An embedder of one's own that hears the energy of a clip's both halves."""

    name, version = "halves", "123"

    def __call__(self, waves: np.ndarray, rate: int) -> np.ndarray:
        return np.stack([np.square(half).mean(1) for half in np.array_split(waves, 2, axis=1)], 1)


def test_an_own_embedder_has_a_line_and_is_named(real, parts, case, monkeypatch):
    monkeypatch.setattr("audiogan.judging.classifier_training.FEWEST_STEPS", 5)
    monkeypatch.setattr("audiogan.judging.classifier_training.MOST_STEPS", 5)
    own = Judge.fit(frauds.without_suspects(real, parts), Loudness())
    card = own.measure(case.suspects[:, ::-1])
    assert card.embedders["halves"] == "123"
    assert card.notes == ("Your own embedder is halves (123).",)
    line = next(line for line in card.lines if line.measure == "own_kernel_distance")
    points = Loudness()(Prepared(case.suspects[:, ::-1], SAMPLES)[:], RATE)
    train = Loudness()(own.real.prepared(own.train_indices)[:], RATE)
    expected = metrics.kernel_distance(train, points, metrics.median_distance(train))
    assert line.value == pytest.approx(expected, rel=1e-3)
    assert line.verdict == BAD


class Logarithm(Loudness):
    """An embedder that makes NaN of every clip whose first half is quieter than its second: 0 / 0."""

    def __call__(self, waves: np.ndarray, rate: int) -> np.ndarray:
        first, second = super().__call__(waves, rate).T
        with np.errstate(invalid="ignore"):
            return np.sqrt(first - second)[:, None]


@pytest.mark.parametrize("turned", ["generated", "real"])
def test_an_own_embedder_that_returns_nan_is_left_out_with_the_reason(real, parts, case, turned, monkeypatch):
    monkeypatch.setattr("audiogan.judging.classifier_training.FEWEST_STEPS", 2)
    monkeypatch.setattr("audiogan.judging.classifier_training.MOST_STEPS", 2)
    known = frauds.without_suspects(real, parts)
    if turned == "real":
        known = replace(known, clips=known.clips[:, ::-1])
    fitted = Judge.fit(known, Logarithm())
    waves = case.suspects[:, ::-1] if turned == "generated" else case.suspects
    card = fitted.measure(waves)
    broken = sum(int(np.isnan(side.own).any(1).sum()) for side in (fitted.train, fitted.held_out))
    broken += int(np.isnan(Logarithm()(Prepared(waves, SAMPLES)[:], RATE)).sum())
    assert broken > 40
    assert [sentence for sentence in card.left_out if "NaN" in sentence] == [
        f"Your own embedder halves returned numbers that are not finite (NaN or infinite) for {broken} of 320 clips: "
        "its kernel distance was left out."
    ]
    measured = {line.measure for line in card.lines}
    assert "own_kernel_distance" not in measured
    assert {"mel_kernel_distance", "silence", "precision"} <= measured


def test_clips_pass_16_bits_and_one_peak_and_silence_stays_silence():
    clips = np.array([[0.1, -0.05, 0.0, 0.9], [1.5, -0.75, 0.0, 0.0], [4e-4, 0.0, 0.0, 0.0]], np.float32)
    first, second, third = Prepared(clips, 3)[:]
    peak = audio.amplitude(-1)
    assert first == pytest.approx([peak, -peak * 1638 / 3277, 0], abs=1e-6)  # 0.1 and 0.05 in steps of 1 / 32767
    assert second == pytest.approx([peak, -0.75 * peak, 0], abs=1e-4)  # clipped at full scale
    assert third[0] == pytest.approx(13 / 32767)  # under -60 dB: not brought up
    assert Prepared(audio.to_int16(clips), 6, np.array([1]))[:].shape == (1, 6)
