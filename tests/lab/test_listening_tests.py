"""Blind tests in which people judge; those themselves are in tests/test_listening.py."""

from audiogan.lab.listening_tests import _numbers_by_label
from audiogan.splits import held_out


def test_a_listening_test_draws_held_out_clips_where_there_are_enough(trained_lab):
    dataset = trained_lab.dataset("tiny")
    kept_back = held_out(dataset.clip_files(), dataset.clip_labels(), 0.5)
    by_label = _numbers_by_label(dataset, dataset.labels, 0.5)
    assert by_label.keys() == {"noise", "tone"}
    for place, numbers in enumerate(by_label.values()):
        assert len(numbers) == 6
        assert kept_back[numbers].all() and (dataset.clip_labels()[numbers] == place).all()
    # a tenth are one or two of a label: all twelve are drawn from
    assert [len(numbers) for numbers in _numbers_by_label(dataset, dataset.labels, 0.1).values()] == [12, 12]
    assert _numbers_by_label(dataset, (), 0.5)[None] == kept_back.nonzero()[0].tolist()
    assert _numbers_by_label(None, ("a",), 0.5) == {"a": []}
