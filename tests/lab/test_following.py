"""The runs there are, and what is to be read of them."""

import pytest

from audiogan.lab import STARTER, Run, RunError, following
from tests.conftest import tiny_config


def test_what_is_not_there_is_answered_with_what_is(trained_lab, lab, no_starter):
    with pytest.raises(RunError, match=r"There is no data set 'drums'\. There is tiny"):
        trained_lab.dataset("drums")
    with pytest.raises(RunError, match=r"There is no data set 'drums'\. There is none yet: prepare one first"):
        lab.dataset("drums")
    with pytest.raises(RunError, match=r"There is no run 'second'\. There is first"):
        trained_lab.run("second")
    with pytest.raises(RunError, match=r"There is no run 'second'\. There is none yet: train one first"):
        lab.run("second")


def test_runs_come_newest_first_and_the_starter_model_last(lab, no_starter):
    for name, day in (("old", 1), (STARTER, 2), ("new", 3)):
        lab.create_run(tiny_config(created=f"2026-01-0{day}T00:00:00+00:00"), name)
    assert [run.name for run in lab.runs()] == ["new", "old", STARTER]


def test_the_starter_model_is_found_where_the_program_lies(lab, monkeypatch, tmp_path):
    monkeypatch.setattr(following, "site", lambda: tmp_path / "program")
    Run.create(tmp_path / "program" / "checkpoints", tiny_config(), STARTER)
    assert [run.name for run in lab.runs()] == [STARTER]
    assert lab.run(STARTER).folder == tmp_path / "program" / "checkpoints" / STARTER


def test_a_belief_is_named_by_the_loss_that_gives_it(lab):
    runs = {loss: lab.create_run(tiny_config(f"loss={loss}"), loss) for loss in ("bce", "relativistic")}
    assert lab.belief_name(runs["bce"]) == "probability of being real"
    assert lab.belief_name(runs["relativistic"]).startswith("p(real beats generated)")
