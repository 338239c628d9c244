"""The Compare page as a script: whom it compares, what it says of them, and that it waits well."""

import itertools
import json
import time
from dataclasses import replace

import pytest
import torch

from audiogan.judging import classifier_training, report_card
from audiogan.judging.evaluation import Evaluation
from audiogan.judging.report_card import ReportCard
from audiogan.lab import Lab, Limit, Run
from audiogan.runs import Score
from audiogan.ui import evaluating
from audiogan.ui.contenders import Contender
from audiogan.ui.look import plain
from audiogan.ui.measures import MEASURES
from audiogan.ui.report_cards import table
from tests.pages.test_pages import open_page, press, words

SMALL = ["width=4", "batch=4", "griffin_lim_iterations=1"]


@pytest.fixture
def runs(lab, sounds, monkeypatch) -> tuple[Run, Run]:
    """Two runs on twelve noises and twelve tones: 'older', finished, with two moments, and 'newer', stopped."""
    monkeypatch.setattr(classifier_training, "MOST_STEPS", 3)
    monkeypatch.setattr(evaluating, "COUNTS", (32, 1000))
    evaluating._jobs().clear()
    dataset = lab.prepare(lab.survey([sounds]), "noises and tones")
    config = lab.configure(dataset, "framegan", [*SMALL, "hold_out=0.25"])
    older = lab.create_run(config, "older")
    lab.train(older, Limit(steps=5), "cpu")
    newer = lab.create_run(replace(config, created="2099-01-01T00:00:00+00:00"), "newer")
    lab.train(newer, Limit(steps=3), "cpu")
    newer.write_status(replace(newer.status, state="stopped"))
    return older, newer


def rows(app) -> list[list[str]]:
    """Titles of the rows of each comparison on the page."""
    packed = [component.proto.bytes for component in app.get("bidi_component")]
    heads = [json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")]) for data in packed]
    return [head["titles"] for head in heads]


def tables(app) -> list[str]:
    return [block.proto.body for block in app.get("html") if "measures" in block.proto.body]


def finish(app, monkeypatch=None):
    """The page once everything that was asked for is done."""
    deadline = time.monotonic() + 120
    while not all(job.future.done() for job in evaluating._jobs().values()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def test_without_a_model_it_leads_to_training(lab, monkeypatch):
    monkeypatch.setattr(Lab, "_starter", lambda lab: None)
    app = open_page("compare")
    assert "There is no model to compare yet" in words(app)
    assert [button.label for button in app.button] == ["Train a model"]


def test_the_newest_finished_run_is_compared_unless_the_address_says_otherwise(runs):
    assert open_page("compare").multiselect[0].value == [("older", 5)]
    assert open_page("compare", run="newer").multiselect[0].value == [("newer", 3)]
    both = open_page("compare", run=["newer", "older@0", "older@7", "gone"])
    assert both.multiselect[0].value == [("newer", 3), ("older", 0)]
    assert both.query_params["run"] == ["newer", "older@0"]
    assert "**A** newer · step 3  \n**B** older · step 0" in words(both)


def test_the_choice_moves_into_the_address_and_may_be_empty(runs):
    app = open_page("compare")
    app.multiselect[0].set_value([("older", 5), ("newer", 3)]).run()
    assert app.query_params["run"] == ["older", "newer"]
    app.run()
    assert app.multiselect[0].value == [("older", 5), ("newer", 3)]
    app.multiselect[0].set_value([]).run()
    assert "Choose a model above." in words(app)
    app.run()
    assert app.multiselect[0].value == []


def test_a_real_clip_and_the_same_seed_through_each_model_stand_above_each_other(runs):
    app = open_page("compare", run=["newer", "older"])
    ((real, first, second),) = rows(app)
    assert real.startswith("Real · noise · kept back from training · noise/")
    assert (first, second) == ("A  newer · step 3 · noise", "B  older · step 5 · noise")
    press(app, "Next sounds")
    assert app.number_input(key="compare-seed").value == 1
    ((real, first, _),) = rows(app)
    assert (real.split(" · ")[1], first) == ("tone", "A  newer · step 3 · tone")
    (label,) = [box for box in app.selectbox if box.label == "Label"]
    assert label.options == ["each in turn", "noise", "tone"]
    label.set_value("noise").run()
    assert rows(app)[0][2] == "B  older · step 5 · noise"


def test_two_models_are_judged_beside_the_page_and_their_numbers_stand_in_one_table(lab, runs):
    app = open_page("compare", run=["newer", "older"])
    assert tables(app) == []
    (count,) = [box for box in app.selectbox if box.label == "Generated sounds"]
    count.set_value(32).run()
    press(app, "Evaluate A, B")
    finish(app)
    said = words(app)
    assert [f"**{question}?**" in said for question in ("Real", "Varied", "New", "Clean")] == [True] * 4
    (html,) = tables(app)
    head = html[html.index("<thead>") : html.index("</thead>")]
    places = [head.index(name) for name in ("Measure", "A  newer · step 3", "B  older · step 5", "Real sounds")]
    assert places == sorted(places)
    kept = {run.name: lab.evaluations(run)[0] for run in runs}
    twins = html[html.index(">Clips with a twin<") :]
    shown = [next(row for row in kept[name].rows() if row.measure == "repetition") for name in ("newer", "older")]
    cells = [f">{row.value}</span><small>{row.interval}</small></td>" for row in shown]
    assert twins.index(cells[0]) < twins.rindex(cells[1], 0, twins.index("</tr>"))
    assert f"<td>{shown[0].floor}</td></tr>" in twins[: twins.index("</tr>") + 5]
    card = kept["newer"].card
    error = f"{card.mean_square_error:.4f}; silence would get {card.silence_mean_square_error:.4f}"
    assert f"**A** Mean squared error, as the published systems define it: {error}" in said
    # the five closest pairs, each with its training clip
    pairs, sides = rows(app)
    assert pairs[0].startswith("A  newer · step 3 · seed ")
    assert pairs[1].startswith("Training clip from ")
    assert len(sides) == 3
    # what was kept is there at once for the next visitor, and can be made again
    assert tables(open_page("compare", run="older@0")) == []
    again = open_page("compare", run="older")
    assert "**Real?**" in words(again)
    assert "Evaluate again" in [button.label for button in again.button]


def test_an_evaluation_that_cannot_be_made_is_one_sentence(lab, runs):
    lab.dataset("noises and tones").folder.rename(lab.home / "elsewhere")
    app = open_page("compare", run="older")
    assert "There is no real clip beside these" in words(app)
    press(app, "Evaluate")
    finish(app)
    (error,) = app.error
    assert "is gone: prepare it again" in error.value


def until(is_so) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def buttons(app) -> list[str]:
    return [button.label for button in app.button]


def test_evaluations_can_be_cancelled_while_they_run_and_while_they_wait(lab, runs, monkeypatch):
    def forever(lab, run, step, dataset, count, embedder, rate, progress):
        for number in itertools.count():
            progress(number % 100, 100)
            time.sleep(0.01)

    monkeypatch.setattr(Lab, "evaluate", forever)
    app = open_page("compare", run=["newer", "older"])
    press(app, "Evaluate A, B")
    running, waiting = evaluating._jobs().values()
    until(lambda: running.done > 3)
    assert buttons(app).count("Cancel") == 2
    app.button(key="cancel older · step 5").click().run()
    assert waiting.future.done()
    assert running.future.running()
    app.button(key="cancel newer · step 3").click().run()
    finish(app)
    said = [info.value for info in app.info]
    cancelled = "the evaluation was cancelled, and nothing of it was kept."
    assert said == [f"**A** newer · step 3: {cancelled}", f"**B** older · step 5: {cancelled}"]
    assert not app.error
    assert "Cancel" not in buttons(app)
    # and it can be asked for again
    assert "Evaluate A, B" in buttons(app)


def test_of_a_cancelled_evaluation_nothing_is_kept_in_run_or_data_set(lab, runs, monkeypatch):
    monkeypatch.setattr(classifier_training, "MOST_STEPS", 1_000_000)
    monkeypatch.setattr(classifier_training, "FEWEST_STEPS", 1_000_000)
    before = {path for path in lab.home.rglob("*") if path.is_file()}
    app = open_page("compare", run="older")
    press(app, "Evaluate")
    (job,) = evaluating._jobs().values()
    until(lambda: job.done or job.future.done())
    app.button(key="cancel older · step 5").click().run()
    finish(app)
    assert "the evaluation was cancelled" in app.info[0].value
    assert {path for path in lab.home.rglob("*") if path.is_file()} == before


class Halves(torch.nn.Module):
    """(B, T) -> (B, 2): the energies of both halves."""

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        half = waves.shape[1] // 2
        return torch.stack([waves[:, :half].square().sum(1), waves[:, half:].square().sum(1)], 1)


def test_an_embedder_of_one_s_own_is_named_by_its_path_and_has_its_line(lab, runs, tmp_path):
    torch.jit.script(Halves()).save(str(tmp_path / "halves.pt"))
    app = open_page("compare", run="older")
    (count,) = [box for box in app.selectbox if box.label == "Generated sounds"]
    (path,), (rate,) = app.text_input, [box for box in app.number_input if box.label.startswith("Samples per second")]
    assert rate.disabled
    count.set_value(32)
    path.set_value(str(tmp_path / "nowhere.pt")).run()
    press(app, "Evaluate")
    finish(app)
    assert "There is no file" in app.error[0].value
    assert lab.evaluations(runs[0]) == []
    path.set_value(f" {tmp_path / 'halves.pt'} ").run()
    assert not app.error
    (rate,) = [box for box in app.number_input if box.label.startswith("Samples per second")]
    rate.set_value(4_000).run()
    press(app, "Evaluate")
    finish(app)
    assert "Kernel distance of your embedder" in tables(app)[0]
    (kept,) = lab.evaluations(runs[0])
    assert kept.card.embedders["halves.pt"].endswith(" at 4,000 Hz")
    # of another embedder's evaluation this one is none
    app.text_input[0].set_value(str(tmp_path / "other.pt")).run()
    assert tables(app) == []


def test_curves_of_several_runs_lie_on_one_axis_of_steps_or_minutes(runs):
    for run, distances in zip(runs, ((9.0, 4.0), (8.0, 6.0)), strict=True):
        for moment, distance in enumerate(distances):
            run.append_score(60 * (moment + 1), 90.0 * (moment + 1), Score(distance, 0.5, 1.0, 1.0, -3.0))
    app = open_page("compare", run=["newer", "older"])

    def distances() -> dict:
        chart = json.loads(app.get("echarts_chart")[0].proto.spec)
        return {line["name"]: line["data"] for line in chart["series"]}

    real = "as many real ones (95 %)"
    assert distances() == {
        "newer": [[60, 8], [120, 6]],
        "older": [[60, 9], [120, 4]],
        real: [[60, 0.5], [120, 0.5]],
    }
    app.segmented_control(key="curves-along").set_value("minutes").run()
    assert distances()["older"] == [[1.5, 9], [3, 4]]


def test_names_of_labels_and_runs_are_never_markup(tmp_path):
    run = Run(tmp_path / "<img src=x>")
    line = report_card.Line("copies", "Copies", "new", 0.5, 0.4, 0.6, 0.0, 0.0, 0.1, 9, 9, "bad", '"><b>copies</b>')
    card = ReportCard("d", "f", 9, 9, 9, {}, lines=(line,))
    html = table([(Contender(run, 5, "#000"), Evaluation("r", 5, "d", 9, 0, "", 1.0, card))])
    assert "&lt;img src=x&gt; · step 5" in html
    assert "<b>" not in html
    assert ">50%</span><small>40% to 60%</small></td><td>0%</td></tr>" in html
    assert plain("![x](http://y) :red[z]") == r"!\[x\](http://y) :red\[z\]"


def test_every_measure_of_a_report_card_is_explained():
    assert set(MEASURES) == {*report_card.ORDER, "mean_square_error"}
