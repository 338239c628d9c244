"""The measures: closed forms on Gaussians, tiny sets worked out by hand, and what independent implementations say."""

import math

import numpy as np
import pytest
import torch

from audiogan import metrics
from audiogan.metrics import TooFew


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def column(*numbers: float) -> np.ndarray:
    """One-dimensional embeddings (n, 1)."""
    return np.array(numbers, float)[:, None]


def three_errors(values: list[float]) -> float:
    """Three standard errors of their mean."""
    return 3 * np.std(values, ddof=1) / math.sqrt(len(values))


# the kernel distance


def test_the_bandwidth_is_the_median_distance_of_different_clips():
    # distances 1, 4, 6, 3, 5, 2
    assert metrics.median_distance(column(0, 1, 4, 6)) == pytest.approx(3.5)
    # a twin adds a distance of 0, which does not count, and its own to the others: 1, 1, 4, 4, 3
    assert metrics.median_distance(column(0, 0, 1, 4)) == pytest.approx(3)
    with pytest.raises(ValueError, match="alike"):
        metrics.median_distance(column(2, 2, 2))


def test_kernel_distance_by_hand_on_unequal_counts():
    e = math.exp
    within_real = e(-1 / 8)  # 0 and 1, at a bandwidth of 2
    within_fake = (e(-4 / 8) + e(-25 / 8) + e(-9 / 8)) / 3  # 0, 2 and 5
    across = (1 + e(-4 / 8) + e(-25 / 8) + e(-1 / 8) + e(-1 / 8) + e(-16 / 8)) / 6
    expected = 100 * (within_real + within_fake - 2 * across)
    assert metrics.kernel_distance(column(0, 1), column(0, 2, 5), 2) == pytest.approx(expected)


def kernel_distance_of_gaussians(dimensions: int, shift: float, scale: float, bandwidth: float) -> float:
    """100 MMD^2 of N(0, I) and N(shift, scale^2 I): E exp(-|z|^2 / 2 s^2), z ~ N(m, v I), is
    (s^2 / (s^2 + v))^(d/2) exp(-|m|^2 / 2 (s^2 + v))."""
    s2 = bandwidth**2

    def mean_kernel(variance: float, squared_mean: float = 0) -> float:
        return (s2 / (s2 + variance)) ** (dimensions / 2) * math.exp(-squared_mean / (2 * (s2 + variance)))

    across = mean_kernel(1 + scale**2, dimensions * shift**2)
    return 100 * (mean_kernel(2) + mean_kernel(2 * scale**2) - 2 * across)


@pytest.mark.parametrize(("shift", "scale"), [(0.5, 1), (0, 2), (0.3, 0.5), (3, 1)])
def test_kernel_distance_of_gaussians_is_its_closed_form_on_average_at_every_count(shift, scale):
    expected = kernel_distance_of_gaussians(4, shift, scale, bandwidth=2)
    for real_count, fake_count in ((5, 12), (60, 60)):
        found = [
            metrics.kernel_distance(
                normal(seed, real_count, 4), normal(1000 + seed, fake_count, 4) * scale + shift, bandwidth=2
            )
            for seed in range(200)
        ]
        assert np.mean(found) == pytest.approx(expected, abs=three_errors(found))


@pytest.mark.parametrize("count", [10, 80])
def test_kernel_distance_of_equal_distributions_is_zero_on_average_and_often_below(count):
    found = [
        metrics.kernel_distance(normal(seed, count, 6), normal(1000 + seed, count, 6), bandwidth=3)
        for seed in range(100)
    ]
    assert np.mean(found) == pytest.approx(0, abs=three_errors(found))
    assert 30 < sum(distance < 0 for distance in found) < 80


def test_kernel_distance_interval_holds_the_truth():
    truth = kernel_distance_of_gaussians(4, 0.5, 1, bandwidth=2)
    held, widths = [], {30: [], 120: []}
    for count in widths:
        for seed in range(60):
            real, fake = normal(seed, count, 4), normal(1000 + seed, count, 4) + 0.5
            low, high = metrics.kernel_distance_interval(real, fake, 2)
            assert low < metrics.kernel_distance(real, fake, 2) < high
            held.append(low <= truth <= high)
            widths[count].append(high - low)
    # 120 trials at 95 %: 114, with a standard deviation of 2.4
    assert 107 <= sum(held) < 120
    # four times the clips: half the width, and a quarter of what pairs of clips add to it
    assert 2 < np.mean(widths[30]) / np.mean(widths[120]) < 2.6


def test_kernel_distance_interval_of_equal_distributions_is_not_pushed_up_by_twins():
    for seed in range(30):
        low, high = metrics.kernel_distance_interval(normal(seed, 20, 4), normal(1000 + seed, 20, 4), 2)
        assert low < 0 < high


# the Fréchet distance


def with_moments(seed: int, count: int, mean: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Clips (count, d) whose sample mean is exactly `mean` and whose unbiased covariance is root^T root."""
    clips = normal(seed, count, len(mean))
    clips -= clips.mean(0)
    whitened = clips @ np.linalg.inv(np.linalg.cholesky(np.cov(clips.T))).T
    return whitened @ root + mean


def test_frechet_distance_of_parallel_gaussians_by_hand():
    real = with_moments(0, 9, np.array([1.0, 0, 2]), np.diag([1.0, 2, 3]))
    fake = with_moments(1, 14, np.array([0.0, 0, 4]), np.diag([4.0, 2, 1]))
    # |(1, 0, -2)|^2 + (1 - 4)^2 + (2 - 2)^2 + (3 - 1)^2
    assert metrics.frechet_distance(real, fake) == pytest.approx(5 + 9 + 4)


def test_frechet_distance_of_crossed_gaussians_by_hand():
    real = with_moments(0, 20, np.zeros(2), np.diag([3.0, 1]))
    turn = np.array([[1.0, 1], [-1, 1]]) / math.sqrt(2)
    fake = with_moments(1, 20, np.zeros(2), np.diag([4.0, 2]) @ turn)
    # C1 = diag(9, 1), C2 = [[10, 6], [6, 10]]: tr C1 C2 = 100, det C1 C2 = 9 * 64 = 24^2; the eigenvalues a and b of a
    # 2 x 2 product have sqrt(a) + sqrt(b) = sqrt(a + b + 2 sqrt(a b))
    assert metrics.frechet_distance(real, fake) == pytest.approx(10 + 20 - 2 * math.sqrt(100 + 2 * 24))


def test_frechet_distance_with_fewer_clips_than_dimensions():
    east, north = np.eye(30)[:2]
    # covariances of two clips at +a and -a: 2 a^2 along their axis
    assert metrics.frechet_distance(np.stack([3 * east, -3 * east]), np.stack([2 * north, -2 * north])) == (
        pytest.approx(2 * 9 + 2 * 4)
    )
    assert metrics.frechet_distance(np.stack([3 * east, -3 * east]), np.stack([2 * east, -2 * east])) == (
        pytest.approx(2 * (3 - 2) ** 2)
    )
    clips = normal(0, 7, 30)
    assert metrics.frechet_distance(clips, clips + 2 * east) == pytest.approx(4)
    assert 0 <= metrics.frechet_distance(clips, clips) < 1e-9


def test_frechet_distance_at_infinity_undoes_the_count():
    d, shift, scale = 8, 0.5, 1.5
    truth = d * shift**2 + d * (scale - 1) ** 2
    plain, values, errors = [], [], []
    for seed in range(40):
        # the larger set counts as much as the smaller one
        real, fake = normal(seed, 110, d), normal(1000 + seed, 80, d) * scale + shift
        value, error = metrics.frechet_distance_at_infinity(real, fake)
        plain.append(metrics.frechet_distance(real[:80], fake))
        values.append(value)
        errors.append(error)
    assert np.mean(plain) > truth + 0.3
    assert np.mean(values) == pytest.approx(truth, abs=three_errors(values))
    assert 0.7 < np.mean(errors) / np.std(values) < 1.6


def test_frechet_distance_at_infinity_of_equal_distributions_is_about_zero():
    found = [
        metrics.frechet_distance_at_infinity(normal(seed, 100, 10), normal(1000 + seed, 100, 10)) for seed in range(100)
    ]
    values = [value for value, _ in found]
    assert np.mean(values) == pytest.approx(0, abs=three_errors(values))
    assert min(values) < 0
    assert all(abs(value) < 3 * error for value, error in found)


# precision and coverage

REAL = column(0, 1, 3, 7)  # to the nearest other: 1, 1, 2, 4; to the second: 3, 2, 3, 6
FAKE = column(2, 3.5, 12, 20)


@pytest.mark.parametrize(
    ("k", "precision", "coverage"),
    [
        # 2 is in the balls of 1 and 3, 3.5 in that of 3, 12 is 5 from 7; and 0 has nothing within 1
        (1, 2 / 4, 3 / 4),
        # 12 is within 6 of 7 now, and 2 within 3 of 0
        (2, 3 / 4, 4 / 4),
    ],
)
def test_precision_and_coverage_by_hand(k, precision, coverage):
    assert metrics.precision(REAL, FAKE, k) == precision
    assert metrics.coverage(REAL, FAKE, k) == coverage


def test_copies_of_twins_are_precise_and_cover_them():
    # the nearest other clip is at 0: the ball is a point, and the point belongs to it
    twins = column(0, 0, 5, 5)
    assert metrics.precision(twins, column(0, 5, 5, 6), k=1) == 3 / 4
    assert metrics.coverage(twins, column(0, 1, 2, 3), k=1) == 2 / 4


def expected_coverage(count: int, k: int) -> float:
    """Of equal distributions and counts: 1 - P(all k nearest of the 2n - 1 other clips are real) (Naeem et al. 2020,
    lemma 1)."""
    return 1 - math.prod((count - j) / (2 * count - j) for j in range(1, k + 1))


@pytest.mark.parametrize(("count", "dimensions"), [(20, 2), (100, 30)])
def test_coverage_of_equal_distributions_is_its_closed_form_on_average(count, dimensions):
    found = [
        metrics.coverage(normal(seed, count, dimensions), normal(1000 + seed, count, dimensions), 3)
        for seed in range(60)
    ]
    assert np.mean(found) == pytest.approx(expected_coverage(count, 3), abs=three_errors(found))


@pytest.mark.parametrize("measure", [metrics.precision, metrics.coverage])
def test_the_larger_set_is_thinned_to_the_smaller_one(measure):
    # all 200 on the fake side would cover everything; all 200 on the real side would make balls too small
    def mean(real_count: int, fake_count: int) -> float:
        return np.mean(
            [measure(normal(seed, real_count, 12), normal(1000 + seed, fake_count, 12)) for seed in range(1, 31)]
        )

    equal = mean(40, 40)
    assert mean(40, 200) == pytest.approx(equal, abs=0.03)
    assert mean(200, 40) == pytest.approx(equal, abs=0.03)


@pytest.mark.parametrize("order", [np.arange(480) // 60, np.arange(480) % 8])
def test_thinning_keeps_every_label_whether_they_lie_in_turn_or_one_after_the_other(order):
    places = 100.0 * np.eye(8)
    many, few = places[order] + normal(0, 480, 8), places[np.arange(240) // 30] + normal(1, 240, 8)
    for measure in (metrics.precision, metrics.coverage):
        assert measure(few, many) > 0.85
        assert measure(many, few) > 0.85


def test_a_repeated_clip_is_precise_and_covers_little():
    real = normal(0, 200, 4)
    looped = np.repeat(real[:4], 50, axis=0)
    assert metrics.precision(real, looped) == 1
    assert metrics.coverage(real, looped) < 0.25


# labels


def test_inception_score_of_certain_labels_is_the_number_that_come_up():
    assert metrics.inception_score(np.eye(7)) == pytest.approx(7)
    assert metrics.inception_score(np.eye(7)[[0, 0, 1, 1, 3, 3]]) == pytest.approx(3)
    assert metrics.inception_score(np.eye(7)[[4, 4, 4]]) == pytest.approx(1)
    # three times one label and once another: exp of the entropy of (3/4, 1/4)
    assert metrics.inception_score(np.eye(2)[[0, 0, 0, 1]]) == pytest.approx(4 / 3**0.75)


def test_inception_score_of_unrecognisable_clips_is_one():
    assert metrics.inception_score(np.full((5, 4), 0.25)) == pytest.approx(1)
    assert metrics.inception_score(np.tile([0.7, 0.2, 0.1], (5, 1))) == pytest.approx(1)


def test_inception_score_of_two_half_certain_clips_by_hand():
    probabilities = np.array([[0.75, 0.25], [0.25, 0.75]])
    # 3/4 ln(3/4 / 1/2) + 1/4 ln(1/4 / 1/2) = 3/4 ln 3 - ln 2
    assert metrics.inception_score(probabilities) == pytest.approx(3**0.75 / 2)


def test_label_histogram_counts_the_most_probable_label():
    probabilities = np.array([[0.5, 0.3, 0.2, 0], [0.4, 0.6, 0, 0], [0.45, 0.55, 0, 0], [0, 0.9, 0.1, 0]])
    np.testing.assert_array_equal(metrics.label_histogram(probabilities), [0.25, 0.75, 0, 0])


def test_label_surprise_by_hand():
    # 60 of 100 where 50 +- 5 are certain
    np.testing.assert_allclose(metrics.label_surprise([0.6, 0.4], [0.5, 0.5], 100), [2, -2])
    # 60 of 100 after 100 of 200: together 160 of 300
    z = 0.1 / math.sqrt(160 / 300 * 140 / 300 * (1 / 100 + 1 / 200))
    np.testing.assert_allclose(metrics.label_surprise([0.6, 0.4], [0.5, 0.5], 100, 200), [z, -z])
    # a label that never comes up says nothing; one that could not come up says everything
    np.testing.assert_allclose(metrics.label_surprise([0.9, 0.1, 0], [1, 0, 0], 50), [-np.inf, np.inf, 0])


def test_label_surprise_of_equal_mixtures_is_standard_normal():
    rng = np.random.default_rng(0)
    expected = np.array([0.1, 0.2, 0.3, 0.4])
    known = np.concatenate(
        [metrics.label_surprise(rng.multinomial(300, expected) / 300, expected, 300) for _ in range(400)]
    )
    counted = np.concatenate(
        [
            metrics.label_surprise(rng.multinomial(300, expected) / 300, rng.multinomial(100, expected) / 100, 300, 100)
            for _ in range(400)
        ]
    )
    for surprise in (known, counted):
        assert surprise.std() == pytest.approx(1, abs=0.08)
        assert surprise.mean() == pytest.approx(0, abs=0.08)


# new or copied, varied or not


def test_nearest_distances_by_hand_and_of_copies_exactly_zero():
    np.testing.assert_allclose(metrics.nearest_distances(column(2, 9), column(0, 3, 7)), [1, 2])
    # far from the origin, where squares cancel
    train = 1e4 + normal(0, 60, 40)
    copies = train[[5, 5, 17]].astype(np.float32).astype(float)
    assert metrics.nearest_distances(copies, train.astype(np.float32)).max() == 0
    assert metrics.nearest_distances(train, train).max() == 0
    # and a near copy is none
    assert metrics.nearest_distances(column(5.0001), column(-5, 5)) == pytest.approx(1e-4, rel=1e-4)


def test_nearest_distances_within_leave_the_clip_itself_out():
    np.testing.assert_allclose(metrics.nearest_distances_within(column(0, 3, 7, 7)), [3, 3, 0, 0])


def test_distances_are_those_of_a_slow_loop():
    clips, train = normal(0, 30, 5), normal(1, 20, 5) + 3
    slow = [min(math.dist(clip, other) for other in train) for clip in clips]
    np.testing.assert_allclose(metrics.nearest_distances(clips, train), slow, rtol=1e-12)


def test_nearest_distances_over_several_blocks_are_those_of_one(monkeypatch):
    clips, train = normal(0, 25, 3), normal(1, 31, 3)
    whole = metrics.nearest_distances(clips, train), metrics.nearest_distances_within(train)
    assert whole[1].min() > 0
    monkeypatch.setattr(metrics, "BLOCK", 7)
    np.testing.assert_allclose(metrics.nearest_distances(clips, train), whole[0], rtol=1e-12)
    np.testing.assert_allclose(metrics.nearest_distances_within(train), whole[1], rtol=1e-12)


def test_a_large_set_is_asked_by_sample(monkeypatch):
    clips = np.concatenate([normal(0, 300, 3), 5 * normal(1, 300, 3)])
    whole = metrics.median_distance(clips)
    monkeypatch.setattr(metrics, "LARGEST_SAMPLE", 200)
    assert metrics.median_distance(clips) != whole
    assert metrics.median_distance(clips) == pytest.approx(whole, rel=0.1)
    assert metrics.diversity(clips, 2 * clips) == pytest.approx(2)


def test_nearest_neighbour_ratio_by_hand():
    train, held_out = column(0, 10, 20), column(*[1] * 6, *[12] * 5)  # medians: 1 of held out
    assert metrics.nearest_neighbour_ratio(column(3, 14, 25), train, held_out) == pytest.approx(4)
    assert metrics.nearest_neighbour_ratio(train[[0, 2]], train, held_out) == 0
    assert metrics.nearest_neighbour_ratio(held_out, train, held_out) == 1


def test_nearest_neighbour_ratio_does_not_ask_for_new_recordings():
    # ten recordings of two clips each, 20 apart; ten more recordings, each 40 from the nearest
    train, held_out = column(*range(0, 1000, 100), *range(20, 1000, 100)), column(*range(60, 1000, 100))
    same_recordings = column(*range(40, 1000, 100))
    assert metrics.nearest_neighbour_ratio(same_recordings, train, held_out) == pytest.approx(1)
    assert metrics.nearest_neighbour_ratio(train, train, held_out) == 0


def test_twins_in_training_leave_held_out_clips_to_compare_with():
    # exact ones and near ones
    for apart in (0, 0.01):
        train, held_out = column(0, apart, 5, 5 + apart), column(*[7 + apart] * 10)
        assert metrics.nearest_neighbour_ratio(column(6 + apart), train, held_out) == pytest.approx(1 / 2)
    # clips of one recording: 1.5 apart where new ones are 2
    train, held_out = column(0, 1.5, 6, 7.5), column(*[9.5] * 10)
    assert metrics.nearest_neighbour_ratio(column(7), train, held_out) == pytest.approx(0.5 / 1.5)


def test_held_out_clips_that_are_all_trained_on_are_not_divided_by():
    train = column(0, 2, 6, 12)
    assert metrics.nearest_neighbour_ratio(column(1), train, column(*[2] * 10)) == pytest.approx(1 / 3)


def test_nearest_neighbour_ratio_without_enough_held_out_clips_compares_the_training_clips():
    train = column(0, 2, 6, 12)  # to the nearest other: 2, 2, 4, 6
    for held_out in (None, column(*[100] * 9)):
        assert metrics.nearest_neighbour_ratio(column(1, 20), train, held_out) == pytest.approx((1 + 8) / 2 / 3)


def test_nearest_neighbour_ratio_alone_tells_copies():
    train, held_out = normal(0, 300, 6), normal(1, 100, 6)
    copies, fresh = train[:100], normal(2, 100, 6)
    bandwidth = metrics.median_distance(train)
    assert metrics.precision(train[:100], copies) == metrics.coverage(train[:100], copies) == 1
    assert metrics.frechet_distance(train[:100], copies) == pytest.approx(0, abs=1e-9)
    assert metrics.kernel_distance(train, copies, bandwidth) < metrics.kernel_distance(train, fresh, bandwidth) + 0.2
    assert metrics.nearest_neighbour_ratio(copies, train, held_out) == 0
    assert metrics.nearest_neighbour_ratio(fresh, train, held_out) == pytest.approx(1, abs=0.15)


def test_twins_in_training_are_said_and_not_divided_by():
    with pytest.raises(ValueError, match="twin"):
        metrics.nearest_neighbour_ratio(column(1), column(0, 0, 5, 5))


def test_closest_pairs_by_hand():
    # distances  fake 0: 1, 11, 19; fake 1: 2, 8, 16; fake 2: 19, 9, 1.5
    pairs = metrics.closest_pairs(column(-1, 2, 18.5), column(0, 10, 20), count=5)
    assert pairs == [(0, 0, 1), (2, 2, 1.5), (1, 1, 8)]
    assert [(pair.fake, pair.train) for pair in metrics.closest_pairs(column(-1, 2, 18.5), column(0, 10, 20), 1)] == [
        (0, 0)
    ]


def test_no_clip_is_in_two_of_the_closest_pairs():
    # distances  fake 0: 1, 2, 40; fake 1: 29, 32, 10: fake 0 is nearest to two training clips
    assert metrics.closest_pairs(column(0, 30), column(1, -2, 40)) == [(0, 0, 1), (1, 2, 10)]
    assert metrics.closest_pairs(column(1, -2, 40), column(0, 30)) == [(0, 0, 1), (2, 1, 10)]


def test_diversity_by_hand():
    # mean of 1, 4, 3 over that of 2, 6, 4
    assert metrics.diversity(column(0, 2, 6), column(5, 6, 9)) == pytest.approx((8 / 3) / 4)
    assert metrics.diversity(column(0, 2, 6), column(5, 5)) == 0
    with pytest.raises(ValueError, match="alike"):
        metrics.diversity(column(1, 1), column(0, 1))


@pytest.mark.parametrize("count", [5, 50])
def test_diversity_of_equal_distributions_is_one_at_every_count(count):
    found = [metrics.diversity(normal(seed, 50, 8), normal(1000 + seed, count, 8)) for seed in range(60)]
    assert np.mean(found) == pytest.approx(1, abs=three_errors(found))


# mean squared error


def test_mean_square_error_is_the_mean_over_every_pairing():
    real, fake = normal(0, 5, 40) + 0.3, normal(1, 3, 40) * 2 + 0.1
    slow = np.mean([np.mean((one - other) ** 2) for one in real for other in fake])
    found = metrics.mean_square_error(real.astype(np.float32), fake.astype(np.float32))
    assert found == pytest.approx(slow, rel=1e-5)


def test_mean_square_error_prefers_silence_to_a_perfect_generator():
    real, other = 0.1 * normal(0, 100, 500), 0.1 * normal(1, 100, 500)
    quiet = 0.5 * other
    assert metrics.mean_square_error(real, np.zeros((1, 500))) == pytest.approx(np.mean(real**2))
    assert metrics.mean_square_error(real, quiet) == pytest.approx(0.01 + 0.0025, rel=0.02)
    assert metrics.mean_square_error(real, other) == pytest.approx(2 * 0.01, rel=0.02)


# intervals


@pytest.mark.parametrize(("interval", "resamples"), [("bootstrap_interval", 400), ("subsample_interval", 400)])
def test_intervals_of_a_mean_are_those_of_the_textbook(interval, resamples):
    sample = normal(0, 100, 1) * 2 + 5
    low, high = getattr(metrics, interval)(np.mean, sample, resamples=resamples)
    assert (low + high) / 2 == pytest.approx(sample.mean(), abs=0.05)
    assert high - low == pytest.approx(2 * 1.96 * sample.std() / 10, rel=0.12)


def test_every_sample_is_drawn_anew():
    fake, real = normal(0, 100, 1), 3 * normal(1, 100, 1)
    for interval in (metrics.bootstrap_interval, metrics.subsample_interval):
        low, high = interval(lambda a, b: a.mean() - b.mean(), fake, real, resamples=400)
        assert high - low == pytest.approx(2 * 1.96 * math.hypot(fake.std(), real.std()) / 10, rel=0.12)


@pytest.mark.parametrize("measure", [metrics.coverage, metrics.diversity, metrics.frechet_distance])
def test_subsample_interval_is_as_wide_as_new_sets_differ_and_at_the_level_of_the_whole(measure):
    def sets(seed: int) -> tuple[np.ndarray, np.ndarray]:
        return normal(seed, 80, 4), normal(1000 + seed, 80, 4) * 0.6

    values = [measure(*sets(seed)) for seed in range(60)]
    intervals = [metrics.subsample_interval(measure, *sets(seed)) for seed in range(60)]
    assert 0.6 < np.mean([high - low for low, high in intervals]) / (2 * 1.96 * np.std(values)) < 1.4
    # half of the clips would give a Fréchet distance that is a sixth larger
    assert np.mean(intervals) == pytest.approx(np.mean(values), rel=0.05)


def test_intervals_are_the_same_every_time():
    real, fake = normal(0, 40, 3), normal(1, 40, 3)
    for find in (
        lambda: metrics.kernel_distance_interval(real, fake, 2),
        lambda: metrics.bootstrap_interval(metrics.mean_square_error, real, fake),
        lambda: metrics.subsample_interval(metrics.coverage, real, fake),
        lambda: metrics.frechet_distance_at_infinity(real, fake),
    ):
        assert find() == find()


# bad input

NEEDS = {
    # what each is given n clips of, and how many it needs
    "median_distance": (lambda n: metrics.median_distance(normal(0, n, 3)), 2),
    "kernel_distance": (lambda n: metrics.kernel_distance(normal(0, 9, 3), normal(1, n, 3), 2), 2),
    "kernel_distance_interval": (lambda n: metrics.kernel_distance_interval(normal(0, n, 3), normal(1, 9, 3), 2), 8),
    "frechet_distance": (lambda n: metrics.frechet_distance(normal(0, n, 3), normal(1, 9, 3)), 2),
    "frechet_at_infinity": (lambda n: metrics.frechet_distance_at_infinity(normal(0, n, 3), normal(1, 50, 3)), 40),
    "frechet_in_20": (lambda n: metrics.frechet_distance_at_infinity(normal(0, 90, 20), normal(1, n, 20)), 80),
    "precision": (lambda n: metrics.precision(normal(0, n, 3), normal(1, 9, 3)), 6),
    "coverage": (lambda n: metrics.coverage(normal(0, 9, 3), normal(1, n, 3), k=3), 4),
    "inception_score": (lambda n: metrics.inception_score(np.eye(4)[:n]), 2),
    "label_histogram": (lambda n: metrics.label_histogram(np.eye(4)[:n]), 1),
    "label_surprise": (lambda n: metrics.label_surprise([0.5, 0.5], [0.5, 0.5], n), 1),
    "nearest_distances": (lambda n: metrics.nearest_distances(normal(0, n, 3), normal(1, 9, 3)), 1),
    "nearest_distances_within": (lambda n: metrics.nearest_distances_within(normal(0, n, 3)), 2),
    "nearest_neighbour_ratio": (lambda n: metrics.nearest_neighbour_ratio(normal(0, 3, 3), normal(1, n, 3)), 2),
    "closest_pairs": (lambda n: metrics.closest_pairs(normal(0, n, 3), normal(1, 9, 3)), 1),
    "diversity": (lambda n: metrics.diversity(normal(0, n, 3), normal(1, 9, 3)), 2),
    "mean_square_error": (lambda n: metrics.mean_square_error(normal(0, n, 3), normal(1, 9, 3)), 1),
    "bootstrap_interval": (lambda n: metrics.bootstrap_interval(np.mean, normal(0, n, 1)), 8),
    "subsample_interval": (lambda n: metrics.subsample_interval(np.mean, normal(0, n, 1)), 16),
}


@pytest.mark.parametrize("name", NEEDS)
def test_each_measure_says_how_many_clips_it_needs(name):
    measure, needed = NEEDS[name]
    with pytest.raises(TooFew, match=f"at least {needed} clip.*there are {needed - 1}"):
        measure(needed - 1)
    measure(needed)


def test_clips_that_are_no_numbers_are_refused_and_not_taken_for_copies():
    broken = normal(0, 10, 3)
    broken[4, 1] = np.nan
    for measure in (metrics.nearest_distances, metrics.precision, metrics.frechet_distance, metrics.diversity):
        with pytest.raises(ValueError, match="broken"):
            measure(normal(1, 10, 3), broken)


# independent implementations


@pytest.mark.parametrize(("k", "scale"), [(1, 1), (5, 0.5), (3, 1.6)])
def test_precision_and_coverage_agree_with_prdc(k, scale):
    prdc = pytest.importorskip("prdc")
    real, fake = normal(0, 120, 6), normal(1, 120, 6) * scale + 0.3
    expected = prdc.compute_prdc(real, fake, k)
    assert 0.2 < expected["coverage"] < 1
    assert metrics.precision(real, fake, k) == pytest.approx(expected["precision"])
    assert metrics.coverage(real, fake, k) == pytest.approx(expected["coverage"])


def test_kernel_distance_agrees_with_the_discrepancy_of_torchmetrics():
    # KernelInceptionDistance has a polynomial kernel and equal counts: its discrepancy is compared, on our kernel
    kid = pytest.importorskip("torchmetrics.image.kid")
    real, fake = (torch.from_numpy(normal(seed, 50, 6) + seed / 4) for seed in (0, 1))
    grams = [(-torch.cdist(a, b).square() / (2 * 2.5**2)).exp() for a, b in ((real, real), (real, fake), (fake, fake))]
    expected = 100 * float(kid.maximum_mean_discrepancy(*grams))
    assert metrics.kernel_distance(real.numpy(), fake.numpy(), 2.5) == pytest.approx(expected)


def test_frechet_distance_agrees_with_torchmetrics():
    fid = pytest.importorskip("torchmetrics.image.fid")
    real, fake = (torch.from_numpy(normal(seed, 80, 12) @ normal(seed + 2, 12, 12) + seed) for seed in (0, 1))
    moments = [moment for side in (real, fake) for moment in (side.mean(0), side.T.cov())]
    assert metrics.frechet_distance(real.numpy(), fake.numpy()) == pytest.approx(float(fid._compute_fid(*moments)))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_inception_score_agrees_with_torchmetrics():
    inception = pytest.importorskip("torchmetrics.image.inception")
    logits = 3 * torch.from_numpy(normal(0, 200, 5)).float()
    theirs = inception.InceptionScore(feature=torch.nn.Identity(), splits=1)
    theirs.update(logits)
    expected = float(theirs.compute()[0])
    assert 2 < expected < 5
    assert metrics.inception_score(logits.softmax(1).numpy()) == pytest.approx(expected, rel=1e-5)
