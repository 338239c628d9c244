"""Which clips are kept back from training."""

import numpy as np
import pytest

from audiogan.splits import held_out


def test_whole_files_are_kept_back():
    files = np.repeat(np.arange(40), 3)
    kept = held_out(files, np.zeros(120, int), 0.25)
    assert len(set(files[kept])) == 10
    assert not set(files[kept]) & set(files[~kept])


def test_every_label_gives_its_share_within_a_file():
    labels = np.repeat([0, 1, 2], [100, 30, 10])
    kept = held_out(np.arange(140), labels, 0.2)
    for label, expected in enumerate([20, 6, 2]):
        assert abs(kept[labels == label].sum() - expected) <= 1


def test_a_label_that_comes_up_every_34th_file_gives_its_share_too():
    # 34 is a Fibonacci number: every 34th member of the sequence lies at nearly the same place
    labels = (np.arange(680) % 34 == 0).astype(int)
    assert abs(held_out(np.arange(680), labels, 0.2)[labels == 1].sum() - 4) <= 1


def test_many_small_labels_together_give_their_share():
    # 0.1 of 4 files is no file; of 50 such labels it is 20
    labels = np.repeat(np.arange(50), 4)
    assert abs(held_out(np.arange(200), labels, 0.1).sum() - 20) <= 1


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_label_always_keeps_a_file_to_train_on(share):
    labels = np.array([0] * 27 + [1] * 2 + [2])
    kept = held_out(np.arange(30), labels, share)
    assert set(labels[~kept]) == {0, 1, 2}
    assert kept.any()


def test_a_larger_share_keeps_the_same_clips_and_more():
    labels = np.array([0] * 50 + [1] * 2 + [2])
    before = np.zeros(53, bool)
    for share in np.linspace(0, 0.99, 40):
        kept = held_out(np.arange(53), labels, share)
        assert (kept >= before).all()
        before = kept


def test_files_are_kept_back_from_all_over_their_order():
    # five speakers of twenty takes each, as names sort them
    kept = held_out(np.arange(100), np.zeros(100, int), 0.15)
    assert (kept.reshape(5, 20).sum(1) >= 2).all()


def test_of_few_long_files_stretches_are_kept_back():
    files = np.repeat([7, 3], [100, 60])
    kept = held_out(files, np.zeros(160, int), 0.2)
    assert 16 <= kept.sum() <= 48
    starts = np.flatnonzero(np.diff(kept.astype(int)) == 1) + 1
    stops = np.flatnonzero(np.diff(kept.astype(int)) == -1) + 1
    assert all((stop - start) % 8 in (0, 4) for start, stop in zip(starts, stops, strict=False))
    assert set(files[~kept]) == {7, 3}


def test_clips_of_a_file_need_not_lie_together():
    files = np.tile([0, 1], 100)
    kept = held_out(files, np.zeros(200, int), 0.3)
    for file in (0, 1):
        own = kept[files == file]
        assert all(len(set(own[at : at + 8])) == 1 for at in range(0, 100, 8))


@pytest.mark.parametrize(
    "files", [np.arange(19), np.zeros(8 * 19, int), np.array([], int)], ids=["19 files", "19 stretches", "none"]
)
def test_too_few_to_spare_any(files):
    assert not held_out(files, np.zeros(len(files), int), 0.5).any()


def test_twenty_are_enough():
    assert held_out(np.arange(20), np.zeros(20, int), 0.1).sum() == 2
    assert held_out(np.zeros(160, int), np.zeros(160, int), 0.1).sum() == 16


def test_no_share_keeps_nothing_back():
    assert not held_out(np.arange(100), np.zeros(100, int), 0).any()


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="at least 0 and less than 1"):
        held_out(np.arange(100), np.zeros(100, int), share)


def test_it_is_a_function_of_its_arguments():
    files, labels = np.arange(60), np.arange(60) % 3
    assert np.array_equal(held_out(files, labels, 0.15), held_out(files, labels, 0.15))
