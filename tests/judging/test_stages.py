"""Progress that is made of several."""

from audiogan.judging.stages import Stages


def test_stages_count_by_their_shares_in_whatever_order_they_tell():
    told = []
    stages = Stages(lambda done, total: told.append((done, total)), (3, 5, 2))
    first, second, third = (stages.stage(number) for number in range(3))
    second(1, 5)
    first(1, 3)
    second(5, 5)
    first(3, 3)
    third(1, 4)
    third(4, 4)
    assert told == [(10, 100), (20, 100), (60, 100), (80, 100), (85, 100), (100, 100)]


def test_a_stage_without_a_share_moves_nothing():
    told = []
    stages = Stages(lambda done, total: told.append(done), (0, 3, 1))
    stages.stage(0)(1, 1)
    stages.stage(1)(2, 3)
    assert told == [0, 50]


def test_nobody_has_to_listen():
    Stages(None, (1, 1)).stage(1)(1, 2)
