"""What the two embeddings of a data set hear, on sounds made for it."""

import numpy as np
import pytest
import torch

from audiogan import metrics
from audiogan.judging import classifier_training
from audiogan.judging.classifier_training import augmented, stand_in_labels, train_classifier
from audiogan.judging.embedders import MelStatistics, SoundClassifier
from audiogan.judging.flaws import reversed_in_place

RATE, SAMPLES = 8_000, 2_000


def hits(count: int, hz: float, seed: int) -> np.ndarray:
    """Decaying tones around a pitch, each with an onset and a decay of its own: float32 (count, 2000)."""
    rng = np.random.default_rng(seed)
    t = np.arange(SAMPLES) / RATE - rng.uniform(0, 0.03, (count, 1))
    sounds = np.sin(2 * np.pi * hz * rng.uniform(0.8, 1.25, (count, 1)) * t)
    return (0.8 * sounds * np.exp(-t / rng.uniform(0.03, 0.06, (count, 1))) * (t > 0)).astype(np.float32)


@pytest.fixture(scope="module")
def train() -> np.ndarray:
    return np.concatenate([hits(60, 300, 1), hits(60, 1200, 2)])


@pytest.fixture(scope="module")
def embedder(train) -> MelStatistics:
    return MelStatistics.fit(train, RATE)


@pytest.fixture(scope="module")
def classifier(train) -> SoundClassifier:
    torch.set_num_threads(1)
    return train_classifier(train, np.repeat([0, 1], 60), 2, RATE)


@pytest.fixture(scope="module")
def others() -> np.ndarray:
    return np.concatenate([hits(40, 300, 3), hits(40, 1200, 4)])


@pytest.mark.parametrize(
    "change",
    [
        lambda clips: clips + 0.02 * np.random.default_rng(0).standard_normal(clips.shape).astype(np.float32),
        lambda clips: clips[:, ::-1],
        reversed_in_place,
        lambda clips: np.concatenate([clips[:, ::2], 0 * clips[:, ::2]], 1),
    ],
    ids=["noise", "backwards", "backwards in place", "an octave up"],
)
def test_mel_statistics_hear(embedder, train, others, change):
    real = embedder(train, RATE)
    bandwidth = metrics.median_distance(real)
    unchanged = metrics.kernel_distance(real, embedder(others, RATE), bandwidth)
    assert abs(unchanged) < 1
    assert metrics.kernel_distance(real, embedder(change(others), RATE), bandwidth) > 5 * max(1, unchanged)


def test_what_lies_where_no_real_clip_ever_was_is_far_from_all_of_them(embedder, train):
    # the reals have nothing at 3.7 kHz, so no principal component points there; the last number does
    t = np.arange(SAMPLES) / RATE
    strange = train[:20] + 0.05 * np.sin(2 * np.pi * 3700 * t).astype(np.float32)
    usual, found = (embedder(clips, RATE)[:, -1] for clips in (train[:20], strange))
    assert found.min() > 3 * usual.max()


def test_components_are_a_quarter_of_the_clips_and_64_at_most(train):
    assert MelStatistics.fit(train[:40], RATE)(train, RATE).shape == (120, 11)
    assert MelStatistics.fit(train[:3], RATE)(train[:5], RATE).shape == (5, 2)
    many = np.concatenate([train, train, train])
    assert MelStatistics.fit(many, RATE)(train, RATE).shape == (120, 65)


def test_distances_between_components_are_those_of_the_statistics(embedder, train):
    statistics = embedder.statistics(torch.from_numpy(train[:2]))
    standardised = (statistics - embedder.mean) / embedder.deviation
    rotation = embedder.components.T @ embedder.components
    torch.testing.assert_close(rotation, torch.eye(30), atol=1e-4, rtol=0)
    # Pythagoras: what lies inside and outside of the components is all there is
    points = torch.from_numpy(embedder(train[:2], RATE)).float()
    torch.testing.assert_close(points.norm(dim=1), standardised.norm(dim=1), rtol=1e-3, atol=1e-3)


def test_a_classifier_learns_labels_and_hears_them_in_new_clips(classifier, others):
    features, probabilities = classifier.features_and_probabilities(others, RATE)
    assert features.shape == (80, 96)
    assert probabilities.sum(1) == pytest.approx(1)
    assert (probabilities.argmax(1) == np.repeat([0, 1], 40)).mean() > 0.95


def test_the_same_clips_make_the_same_classifier_whatever_else_draws_random_numbers(train, monkeypatch):
    monkeypatch.setattr(classifier_training, "FEWEST_STEPS", 3)
    monkeypatch.setattr(classifier_training, "MOST_STEPS", 3)
    versions = set()
    for seed in (1, 2):
        torch.manual_seed(seed)
        versions.add(train_classifier(train, np.repeat([0, 1], 60), 2, RATE, lambda *_: torch.rand(1)).version)
    assert len(versions) == 1


def test_the_learning_rate_rises_over_a_quarter_and_falls_along_a_cosine_to_nothing():
    highest = classifier_training.RATE
    rates = [classifier_training.rate_at(place) for place in (0, 0.125, 0.25, 0.5, 0.625, 1)]
    assert rates == pytest.approx([0, highest / 2, highest, 0.75 * highest, highest / 2, 0], abs=1e-12)


def test_long_clips_are_averaged_in_time_for_the_classifier(classifier):
    mel = classifier.mel(torch.randn(1, 20 * RATE))
    assert mel.shape[:2] == (1, 64)
    assert 64 < mel.shape[2] <= classifier.MOST_FRAMES


@pytest.mark.parametrize("name", ["embedder", "classifier"])
def test_embedders_come_back_from_their_tensors(name, request, others):
    original = request.getfixturevalue(name)
    copy = type(original).from_tensors(original.state_dict(), RATE)
    assert copy.version == original.version
    assert np.array_equal(copy(others, RATE), original(others, RATE))


def test_the_version_changes_with_any_weight(train):
    first, second = MelStatistics.fit(train, RATE), MelStatistics.fit(train, RATE)
    assert first.version == second.version
    second.mean[5] += 1e-3
    assert first.version != second.version


def test_another_rate_is_refused(embedder, others):
    with pytest.raises(ValueError, match="resample the clips from 16,000 Hz"):
        embedder(others, 16_000)


def test_augmentation_moves_turns_down_and_adds_noise():
    mel = torch.zeros(200, 64, 50)
    mel[:, 10, 25] = 1
    made = augmented(mel, torch.Generator().manual_seed(0))
    places = made[:, 10].argmax(1)
    assert (places.min(), places.max()) == (22, 28)  # 6 % of 50 frames to either side
    peaks = made.amax(dim=(1, 2))
    assert 10 ** (-12 / 20) <= peaks.min() < 0.4
    assert 0.9 < peaks.max() <= 1 + 10 ** (-30 / 20)
    noisy = (made[:, 50] > 0).any(1).float().mean()
    assert 0.35 < noisy < 0.65


def test_a_few_long_files_stand_in_for_labels():
    files = np.array([7, 7, 3, 3, 9])
    assert stand_in_labels(files, np.zeros((5, 2))).tolist() == [1, 1, 0, 0, 2]


def test_many_files_are_grouped_by_what_they_sound_like():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(30, 3)), rng.normal(size=(30, 3)) + 40])
    labels = stand_in_labels(np.arange(60), points)
    assert len(set(labels[:30]) & set(labels[30:])) == 0
    assert labels.max() + 1 == 60 // classifier_training.GROUP_CLIPS
