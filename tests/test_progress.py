"""What is told of a training: means, epochs, what is due and what is left."""

import pytest
import torch

from audiogan import progress
from audiogan.config import Limit
from audiogan.progress import Progress, Schedule

CPU = torch.device("cpu")


def test_rows_are_means_over_the_steps_since_the_last_row(new_run):
    run, progress = new_run("first"), Progress(steps_per_epoch=100)
    for step, value in enumerate((1.0, 2.0, 6.0, 10.0, 20.0), start=1):
        progress.step = step
        progress.add(torch.tensor([value, 2 * value, 0.5, 0.25]), seconds=0.5)
        if step in (3, 5):
            progress.log()
    progress.flush(run)
    assert list(zip(*run.metrics().values(), strict=True)) == [(3, 1.5, 3, 6, 0.5, 0.25), (5, 2.5, 15, 30, 0.5, 0.25)]


def test_an_epoch_s_row_is_the_mean_of_the_steps_that_ended_in_it(new_run):
    run, progress = new_run("first"), Progress(steps_per_epoch=2.5)
    for step, value in enumerate((1.0, 2.0, 6.0, 10.0, 20.0, 7.0), start=1):
        progress.step = step
        progress.add(torch.tensor([value, 0, 0, -value]), seconds=1)
    progress.log()
    progress.flush(run)
    # the first epoch ends within step 3, the second with step 5
    losses, beliefs = run.epochs()
    assert losses["D LOSS"] == [3, 15]
    assert beliefs["FAKE PROB"] == [-3, -15]


def test_epochs_shorter_than_a_step_repeat_its_values(new_run):
    run, progress = new_run("first"), Progress(steps_per_epoch=0.4)
    for step, value in enumerate((3.0, 5.0), start=1):
        progress.step = step
        progress.add(torch.tensor([value, 0, 0, 0]), seconds=1)
    progress.log()
    progress.flush(run)
    # 2.5 epochs after the first step, 5 after the second, in which the third ends
    assert run.epochs()[0]["D LOSS"] == [3, 3, 5, 5, 5]


def at_seconds(seconds: float, limit: Limit, step: int = 0, steps_per_epoch: float = 10) -> Schedule:
    progress = Progress(steps_per_epoch)
    progress.seconds, progress.step = seconds, step
    return Schedule(limit, progress)


def test_previews_come_after_5_seconds_then_ever_more_slowly_but_every_2_minutes():
    schedule = at_seconds(0, Limit(minutes=60))
    heard = []
    for second in range(1, 1_200):
        schedule.progress.seconds = second
        if schedule.preview_is_due():
            heard.append(second)
    # gaps of 5 s, then 0.3 of the time so far, then 120 s
    assert heard[:6] == [5, 10, 15, 20, 26, 34]
    assert heard[-1] - heard[-2] == 120


def test_saves_come_every_30_seconds_unless_saving_is_slow(monkeypatch):
    schedule = at_seconds(100, Limit(minutes=60))
    schedule.progress.seconds = 129
    assert not schedule.saving.is_due()
    schedule.progress.seconds = 130
    assert schedule.saving.is_due()
    schedule.saving.do(lambda: None)
    assert not schedule.saving.is_due()
    schedule.progress.seconds = 160
    assert schedule.saving.is_due()
    # a save of 10 s may take a twentieth of the time: the next one comes after 200 s
    clock = iter((0.0, 10.0))
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    schedule.saving.do(lambda: None)
    schedule.progress.seconds = 359
    assert not schedule.saving.is_due()
    schedule.progress.seconds = 361
    assert schedule.saving.is_due()


def test_scores_come_every_minute_and_at_the_end_unless_the_last_is_young():
    schedule = at_seconds(100, Limit(minutes=60))
    schedule.progress.seconds = 159
    assert not schedule.score_is_due(schedule.is_over())
    schedule.progress.seconds = 160
    assert schedule.score_is_due(schedule.is_over())
    schedule.scoring.do(lambda: None)
    assert not schedule.score_is_due(schedule.is_over())
    for end, due in ((161, False), (189, False), (190, True)):
        schedule.limit = Limit(minutes=end / 60)
        schedule.progress.seconds = end
        assert schedule.score_is_due(schedule.is_over()) == due


def test_a_training_is_over_by_steps_epochs_or_minutes():
    assert not at_seconds(0, Limit(steps=20), step=19).is_over()
    assert at_seconds(0, Limit(steps=20), step=20).is_over()
    # 2.5 epochs of 10.3 steps are over within the 26th
    assert not at_seconds(0, Limit(epochs=2.5), step=25, steps_per_epoch=10.3).is_over()
    assert at_seconds(0, Limit(epochs=2.5), step=26, steps_per_epoch=10.3).is_over()
    assert not at_seconds(89, Limit(minutes=1.5)).is_over()
    assert at_seconds(90, Limit(minutes=1.5)).is_over()


def test_what_is_left_follows_from_the_pace():
    schedule = at_seconds(10, Limit(steps=100), step=20)
    schedule.progress.step, schedule.progress.seconds = 24, 12
    tick = schedule.tick()
    # 4 steps in 2 seconds
    assert (tick.step, tick.epoch, tick.seconds, tick.fraction) == (24, 2.4, 12, 0.24)
    assert tick.steps_per_second == pytest.approx(2)
    assert tick.seconds_left == pytest.approx(76 / 2)
    schedule.progress.step, schedule.progress.seconds = 64, 17
    # 8 steps/s for 5 of the 10 seconds that the pace remembers
    assert schedule.tick().steps_per_second == pytest.approx((2 + 8) / 2)


def test_what_is_left_of_minutes_is_left_by_the_clock():
    schedule = at_seconds(0, Limit(minutes=2), step=0)
    schedule.progress.step, schedule.progress.seconds = 5, 30
    tick = schedule.tick()
    assert (tick.fraction, tick.seconds_left) == (0.25, 90)


def test_a_resumed_epoch_goes_on_where_the_losses_are():
    before, after = Progress(steps_per_epoch=10), Progress(steps_per_epoch=10)
    before.add(torch.ones(4), 1.0)
    before.log()
    after.load(before.dump())
    # stands for a graphics card: its tensors mix with the processor's as little
    after.add(torch.ones(4, device="meta"), 1.0)
