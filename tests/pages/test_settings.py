"""The settings on the Train page: what a control shows is what the training gets."""

import pytest

from audiogan import audio, probe, worker
from audiogan.lab import PRESETS, STARTER
from audiogan.synthesis import built_in_sounds
from audiogan.ui import settings
from tests.pages.test_pages import open_page, press


@pytest.fixture
def hits(tmp_path):
    """A folder of forty kicks and hats that nobody has sorted."""
    folder = tmp_path / "hits"
    folder.mkdir()
    for sound in built_in_sounds(rate=8_000, per_label=20):
        if sound.label in ("kick", "hat"):
            (folder / f"{sound.name}.wav").write_bytes(audio.encode_wav(sound.samples, sound.rate))
    return folder


@pytest.fixture
def page(lab, hits, monkeypatch):
    """The Train page for a small data set without labels, that measures and starts nothing."""
    monkeypatch.setattr(probe, "probe", lambda *arguments: {})
    monkeypatch.setattr(worker, "start", lambda *arguments: None)
    dataset = lab.prepare(lab.survey([hits]), "hits")
    assert (dataset.n_clips, dataset.labels) == (40, ())
    return open_page("train", data="hits")


def control(app, name: str):
    """The number that shows a setting."""
    (shown,) = [part for part in app.number_input if part.key and part.key.startswith(f"setting-{name}-")]
    return shown


def started(app, lab):
    """The settings of the run that the page starts."""
    press(app, "Start training")
    (run,) = [run for run in lab.runs() if run.name != STARTER]
    return run.config.settings


def test_a_control_shows_what_is_chosen_for_the_data_set(page, lab):
    page.multiselect[0].set_value(["patience", "groups"]).run()
    # at most 200 clips; and 40, of which a tenth is held out, are enough for 2 groups of 16 and more
    assert (control(page, "patience").value, control(page, "groups").value) == (10, 2)
    settings = started(page, lab)
    assert (settings.patience, settings.groups) == (10, 2)


def test_a_number_moves_by_what_suits_its_size(page):
    steps = {"rate_g": 1e-5, "patience": 1, "ema": 1e-6, "penalty": 1, "dropout": 0.01, "floor_db": 1}
    page.multiselect[0].set_value(list(steps)).run()
    assert {name: control(page, name).step for name in steps} == pytest.approx(steps)
    control(page, "rate_g").increment().run()
    assert control(page, "rate_g").value == pytest.approx(5.1e-4)


def test_a_number_at_its_end_has_a_step():
    assert settings._step(0.9, 0.9) == 0.01


def test_a_small_set_is_trained_to_the_limit_when_somebody_says_so(page, lab):
    page.multiselect[0].set_value(["patience"]).run()
    control(page, "patience").set_value(0).run()
    assert started(page, lab).patience == 0


def test_a_value_that_is_shown_is_used_although_another_loss_would_bring_its_own(page, lab):
    page.multiselect[0].set_value(["loss", "rate_g"]).run()
    (loss,) = [part for part in page.selectbox if part.key and part.key.startswith("setting-loss-")]
    loss.set_value("wgan_gp").run()
    shown = control(page, "rate_g").value
    assert shown == PRESETS["framegan"].settings.rate_g
    settings = started(page, lab)
    assert (settings.loss, settings.rate_g, settings.rate_d) == ("wgan_gp", shown, 1e-4)
