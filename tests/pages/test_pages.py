"""The pages as scripts: what a visitor reads on each, and what its buttons do. The story is told in tests/browser."""

import json
import shutil
import struct
import time
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from audiogan import audio, downloads, encoder, probe, queue, worker
from audiogan.lab import Lab, Limit, RunError, Status
from audiogan.synthesis import built_in_sounds
from audiogan.ui.gallery import spread
from tests.conftest import sine

NAVIGATION = Path(__file__).resolve().parents[2] / "audiogan" / "ui" / "navigation.py"


def open_page(name: str, **query: str) -> AppTest:
    """A page as a visitor with that address gets it."""
    app = AppTest.from_file(str(NAVIGATION), default_timeout=60)
    app.run()
    app.switch_page(str(NAVIGATION.parents[2] / "pages" / f"{name}.py"))
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def words(app: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = (app.title, app.markdown, app.caption, app.error, app.warning, app.info, app.subheader)
    return "\n".join(element.value for kind in kinds for element in kind)


def cards(app: AppTest) -> list[tuple[dict, bytes]]:
    """(header, WAV) of the sound cards on the page."""
    packed = [card.proto.bytes for card in app.get("bidi_component")]
    ends = [4 + struct.unpack_from("<I", data)[0] for data in packed]
    return [(json.loads(data[4:end]), data[end:]) for data, end in zip(packed, ends, strict=True)]


def player_of(app: AppTest) -> dict:
    """What the player on the page was told to play."""
    (player,) = [part.proto for part in app.get("bidi_component") if "player" in part.proto.component_name]
    return json.loads(player.json)["model"]


def press(app: AppTest, label: str) -> AppTest:
    """Press the button with that label."""
    (button,) = [button for button in app.button if button.label == label]
    button.click().run()
    assert not app.exception, app.exception[0].value
    return app


def test_home_offers_three_ways_on_and_names_the_device(lab):
    app = open_page("home")
    assert {"Play the starter model", "Train on built-in sounds", "Add your sounds"} <= {b.label for b in app.button}
    assert "Training will use: " in words(app)
    assert "Your models" not in words(app)


def test_a_folder_on_this_computer_is_surveyed_and_prepared(lab, drums):
    app = open_page("sounds")
    assert "None yet." in words(app)
    app.segmented_control[0].set_value("Folder on this computer").run()
    app.text_input[0].set_value(str(drums)).run()
    assert "**16 sounds accepted** with 2 labels: hat, kick. 1 refused, 0 passed over." in words(app)
    (remarks,) = app.dataframe
    assert remarks.value.iloc[0].tolist()[:2] == ["notes.wav", "refused"]
    assert app.text_input[1].value == "drums"
    app.text_input[1].set_value("two drums").run()
    press(app, "Prepare the clips")
    assert "16 clips of" in words(app)
    (dataset,) = lab.datasets()
    assert (dataset.name, dataset.counts) == ("two drums", {"hat": 8, "kick": 8})


def test_the_page_and_the_command_line_agree_on_every_file(lab, drums):
    app = open_page("sounds")
    app.segmented_control[0].set_value("Folder on this computer").run()
    app.text_input[0].set_value(str(drums)).run()
    seen = app.session_state.survey
    alone = Lab(lab.home).survey([drums])
    assert [(f.path, f.status, f.reason) for f in seen.files] == [(f.path, f.status, f.reason) for f in alone.files]


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()], ids=["missing", "empty"])
def test_a_folder_without_sounds_is_one_sentence(lab, tmp_path, make):
    folder = tmp_path / "nothing here"
    make(folder)
    app = open_page("sounds")
    app.segmented_control[0].set_value("Folder on this computer").run()
    app.text_input[0].set_value(str(folder)).run()
    (error,) = app.error
    assert str(folder) in error.value
    assert not lab.datasets_folder.exists()


def test_public_data_sets_are_offered_with_size_and_licence(lab):
    app = open_page("sounds")
    app.segmented_control[0].set_value("Public data sets").run()
    assert [button.label for button in app.button][:3] == ["Download 2.4 GB", "Download 2.4 GB", "Download 5.0 GB"]
    assert "SC09, spoken digits" in words(app)
    assert "CC BY 4.0" in words(app)
    assert "needs an account at Kaggle" in words(app)
    assert app.text_input[0].value == str(lab.home / "downloads")


def test_a_public_data_set_that_is_there_is_surveyed_like_a_folder(lab, drums):
    shutil.copytree(drums, lab.home / "downloads" / "sc09")
    app = open_page("sounds")
    app.segmented_control[0].set_value("Public data sets").run()
    press(app, "Use it: it is here")
    app.session_state.download.wait(30)
    app.run()
    assert "**16 sounds accepted** with 2 labels: hat, kick." in words(app)
    assert app.text_input[1].value == "sc09"
    app.multiselect[0].set_value(["kick"]).run()
    assert "**8 sounds accepted** with 1 label: kick." in words(app)


def test_a_download_that_fails_says_why(lab, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9, 8, 1))
    app = open_page("sounds")
    app.segmented_control[0].set_value("Public data sets").run()
    app.button(key="download sc09").click().run()
    app.session_state.download.wait(30)
    app.run()
    (error,) = app.error
    assert "SC09, spoken digits needs 3.9 GB of free space" in error.value


def test_a_download_can_be_cancelled_and_says_that_what_came_is_kept(lab, monkeypatch):
    def forever(name, to, progress):
        while True:
            progress(1_000_000, 2_428_923_189)
            time.sleep(0.01)

    monkeypatch.setattr(downloads, "download", forever)
    app = open_page("sounds")
    app.segmented_control[0].set_value("Public data sets").run()
    app.button(key="download sc09").click().run()
    assert "what came is kept" in words(app)
    press(app, "Cancel")
    app.session_state.download.wait(30)
    app.run()
    (said,) = app.info
    assert said.value.startswith("Cancelled after 1 MB of 2.4 GB. What came is kept in '")
    assert str(lab.downloads_folder / "archives") in said.value
    assert not app.error
    assert "Cancel" not in {button.label for button in app.button}


def test_the_archive_of_one_data_set_is_kept_for_another_and_told(lab, drums):
    shutil.copytree(drums, lab.home / "downloads" / "sc09")
    archive = lab.home / "downloads" / "archives" / "speech_commands_v0.02.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(bytes(1_000_000))
    app = open_page("sounds")
    app.segmented_control[0].set_value("Public data sets").run()
    press(app, "Use it: it is here")
    app.session_state.download.wait(30)
    app.run()
    assert f"The archive (1 MB) is kept for speech_commands: delete '{archive}'" in words(app)


def test_uploaded_folders_keep_their_labels_and_never_become_paths(lab, tmp_path):
    kick, hat = (next(s for s in built_in_sounds(8_000, 2) if s.label == label) for label in ("kick", "hat"))
    app = open_page("sounds")
    app.file_uploader[0].set_value(
        [
            ("../../evil/kick/one.wav", audio.encode_wav(kick.samples, 8_000), "audio/wav"),
            ("../../evil/hat/two.wav", audio.encode_wav(hat.samples, 8_000), "audio/wav"),
        ]
    ).run()
    assert "**2 sounds accepted** with 2 labels: hat, kick." in words(app)
    press(app, "Prepare the clips")
    assert not (tmp_path / "evil").exists()
    assert [folder.name for folder in lab.datasets_folder.iterdir()] == ["my sounds"]


def test_without_a_data_set_the_train_page_leads_to_sounds(lab):
    app = open_page("train")
    assert "There is nothing to learn from yet" in words(app)
    assert [button.label for button in app.button] == ["Add sounds"]


def test_a_run_with_an_unfit_name_is_not_started(lab, drums):
    lab.prepare(lab.survey([drums]), "drums")
    app = open_page("train", data="drums")
    (name,) = [box for box in app.text_input if box.label == "Name of the run"]
    name.set_value("../escape").run()
    press(app, "Start training")
    assert "cannot be a name" in words(app)
    assert not lab.runs_folder.exists()


def test_a_training_that_cannot_fit_the_memory_says_so_instead_of_a_probe(lab, drums, monkeypatch):
    lab.prepare(lab.survey([drums]), "too many drums")
    monkeypatch.setattr(probe, "device_memory_bytes", lambda device: 1_000_000)
    monkeypatch.setattr(probe, "probe", lambda *arguments: pytest.fail("a probe was started"))
    app = open_page("train", data="too many drums")
    deadline = time.monotonic() + 60
    while not app.error and time.monotonic() < deadline:
        time.sleep(0.2)
        app.run()
    (error,) = app.error
    assert "MB of memory and this machine has 1 MB in all: lower width" in error.value
    press(app, "Start training")
    assert {shown.value for shown in app.error} == {error.value}
    assert not lab.runs_folder.exists()


MEASURED = {
    "steps_per_second": 10.0,
    "first_sound_seconds": 7.5,
    "memory_bytes": 3e8,
    "device": "abacus",
    "generator_parameters": 1_000,
    "discriminator_parameters": 234,
}


def rerun_until(app, is_shown) -> None:
    deadline = time.monotonic() + 60
    while not is_shown() and time.monotonic() < deadline:
        time.sleep(0.2)
        app.run()


def test_the_cost_comes_with_what_the_model_makes_of_the_clips(lab, drums, monkeypatch):
    dataset = lab.prepare(lab.survey([drums]), "all drums")
    monkeypatch.setattr(probe, "probe", lambda *arguments: MEASURED)
    app = open_page("train", data="all drums")
    rerun_until(app, lambda: "Measured on: abacus" in words(app))
    assert lab.describe_construction(lab.configure(dataset, "framegan")) in words(app)

    def steps_and_disk() -> tuple[str, str]:
        (steps,) = (metric.value for metric in app.metric if metric.label == "Steps in all")
        return steps, words(app).partition("on disk the run takes ")[2].partition(" at most")[0]

    (length,) = (slider for slider in app.slider if slider.label == "How long")
    steps, disk = steps_and_disk()
    assert steps == "6,000"
    length.set_value(60).run()
    assert steps_and_disk()[0] == "36,000"
    assert steps_and_disk()[1] != disk


def test_a_cost_that_could_not_be_measured_is_measured_again_when_asked(lab, drums, monkeypatch):
    lab.prepare(lab.survey([drums]), "some drums")
    answers = iter([RunError("The probe tripped."), MEASURED])

    def answer(*arguments) -> dict:
        measured = next(answers)
        if isinstance(measured, RunError):
            raise measured
        return measured

    monkeypatch.setattr(probe, "probe", answer)
    app = open_page("train", data="some drums")
    rerun_until(app, lambda: len(app.error))
    assert "The probe tripped." in words(app)
    press(app, "Measure again")
    rerun_until(app, lambda: "Measured on: abacus" in words(app))
    assert "Measured on: abacus" in words(app) and not app.error


def test_a_finished_run_shows_numbers_charts_and_sounds_and_can_go_on(lab, drums):
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "short")
    lab.train(run, Limit(steps=20))
    app = open_page("train", run="short")
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Steps"] == "20"
    assert "p(real beats generated)" in words(app)
    assert lab.describe_construction(run.config) in words(app)
    assert {"10 minutes more", "Explore"} <= {button.label for button in app.button}


def stand_in_the_queue(lab, dataset, name: str, state: str, **told):
    """A run that stands in the queue of the processor."""
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), name)
    queue.join(run, "cpu")
    run.write_status(Status(state=state, **told))
    return run


def test_the_queue_is_seen_and_changed_on_the_train_page(lab, drums, monkeypatch):
    dataset = lab.prepare(lab.survey([drums]), "drums")
    stand_in_the_queue(lab, dataset, "first", "running", seconds_left=360.0)
    assert "Queue" not in words(open_page("train", run="first"))
    for name in ("second", "third"):
        stand_in_the_queue(lab, dataset, name, "waiting")
    stand_in_the_queue(lab, dataset, "fourth", "interrupted")
    app = open_page("train", data="drums")
    assert app.selectbox[0].options[1:] == ["fourth", "third (waiting)", "second (waiting)", "first (training)"]
    assert "1\\. **second**  \nwaits for 'first', which has 6 min left" in words(app)
    assert "2\\. **third**  \nwaits for 'first', which has 6 min left, and 1 more" in words(app)
    assert "This device trains 'first', which has 6 min left, and 2 more. A new training waits for its turn." in words(
        app
    )
    assert "Add to the queue" in {button.label for button in app.button}
    assert app.button(key="Sooner-second").disabled
    assert app.button(key="Later-third").disabled
    app.button(key="Sooner-third").click().run()
    assert "1\\. **third**" in words(app)
    app.button(key="Leave the queue-fourth").click().run()
    assert "fourth" not in words(app)
    app.button(key="Leave the queue-second").click().run()
    assert lab.run("second").requested() == "stop"


def test_a_queue_that_was_interrupted_goes_on(lab, drums, monkeypatch):
    started = []
    monkeypatch.setattr(worker, "start", lambda run, *rest: started.append(run.name))
    dataset = lab.prepare(lab.survey([drums]), "drums")
    for name in ("first", "second"):
        stand_in_the_queue(lab, dataset, name, "interrupted")
    app = open_page("train", data="drums")
    assert "Add to the queue" not in {button.label for button in app.button}
    press(app, "Go on with the queue")
    assert started == ["first", "second"]


def test_a_waiting_run_says_for_whom_and_may_begin_beside(lab, drums):
    dataset = lab.prepare(lab.survey([drums]), "drums")
    stand_in_the_queue(lab, dataset, "first", "running", seconds_left=360.0)
    run = stand_in_the_queue(lab, dataset, "second", "waiting")
    app = open_page("train", run="second")
    (bar,) = app.get("progress")
    assert bar.proto.text.endswith("waiting for 'first', which has 6 min left")
    press(app, "Start now")
    assert run.requested() == "hurry"


def test_a_run_that_diverged_goes_on_at_half_the_rate_as_another(lab, drums, monkeypatch):
    started = []
    monkeypatch.setattr(worker, "start", lambda run, folder, limit, *rest: started.append((run, limit)))
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "wild")
    lab.train(run, Limit(steps=3))
    run.write_status(Status(state="failed", step=5, message="It diverged.", diverged=True, limit={"steps": 9}))
    app = open_page("train", run="wild")
    assert "It diverged." in words(app)
    press(app, "Go on with half the learning rate")
    ((other, limit),) = started
    assert (other.name, limit) == ("wild-from-3", Limit(steps=9))
    assert other.config.settings.rate_g == run.config.settings.rate_g / 2


def test_a_run_says_which_snapshots_stay_and_is_deleted_after_a_question(lab, drums):
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "short")
    lab.train(run, Limit(steps=3))
    app = open_page("train", run="short")
    assert "Kept are the 4 newest snapshots" in words(app)
    assert "Delete the run 'short' with all its sounds and weights? This cannot be undone." in words(app)
    press(app, "Delete")
    assert not run.folder.exists()
    assert "Models take 0 B on disk, " in words(app)


def test_a_data_set_is_deleted_after_a_question(lab, drums):
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "short")
    run.write_status(Status(state="running"))
    app = open_page("sounds")
    assert "1 run made with it can be played, but not trained any further." in words(app)
    press(app, "Delete")
    assert "The data set 'drums' is in use by the run 'short': stop that one first." in words(app)
    run.write_status(Status(state="paused"))
    press(app, "Delete")
    assert "None yet." in words(app)
    assert lab.datasets() == []


@pytest.fixture
def run_with_history(lab, drums):
    """A run of nine kept moments with different sounds, whose losses climb from 0 to 100."""
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "long")
    for moment in range(9):
        wavs = [audio.encode_wav(sine(220 + 20 * moment + sound), 8_000) for sound in range(6)]
        run.save_snapshot(100 * moment, {"generator.x": torch.zeros(1)}, wavs)
    run.append_metrics([(step, float(step), float(step), float(step), 0.5, 0.5) for step in range(101)])
    run.write_status(Status(state="finished", step=800, epoch=200.0, fraction=1.0))
    return run


def test_the_loss_chart_can_leave_its_peaks_out(run_with_history):
    app = open_page("train", run="long")

    def charts() -> list[dict]:
        return [json.loads(chart.proto.spec) for chart in app.get("echarts_chart")]

    scale = app.segmented_control(key="scale-loss-long")
    assert (scale.value, list(scale.options)) == ("all values", ["all values", "without peaks"])
    loss, belief = charts()
    assert (loss["yAxis"]["min"], loss["yAxis"]["max"]) == (None, None)
    assert "percentile" not in words(app)
    scale.set_value("without peaks").run()
    cut, same = charts()
    assert (cut["yAxis"]["min"], cut["yAxis"]["max"]) == (1, 99)
    assert (cut["series"], same) == (loss["series"], belief)
    assert "The scale spans the 1st to the 99th percentile" in words(app)


def test_one_sound_is_heard_at_six_moments_side_by_side(run_with_history):
    app = open_page("train", run="long")
    (through,) = app.toggle
    assert through.label == "One sound through time"
    before = cards(app)
    assert [head["title"] for head, _ in before] == ["hat", "kick"] * 3
    assert {head["note"] for head, _ in before} == {"step 800"}
    through.set_value(True).run()
    sound = app.segmented_control(key="moments-long-sound")
    assert sound.options == ["1 hat", "2 kick", "3 hat", "4 kick", "5 hat", "6 kick"]
    sound.set_value(2).run()
    shown = cards(app)
    # the first of each doubling (64, 128, 256, 512) and the newest, but none of the others at the end
    steps = (0, 100, 200, 300, 600, 800)
    assert [head["title"] for head, _ in shown] == [f"step {step}" for step in steps]
    # 800 steps were 200 epochs
    assert [head["note"] for head, _ in shown] == ["before training", *(f"epoch {n}.0" for n in (25, 50, 75, 150, 200))]
    kept = {snapshot.step: snapshot.previews[2].read_bytes() for snapshot in run_with_history.snapshots()}
    assert [wav for _, wav in shown] == [kept[step] for step in steps]
    app.toggle[0].set_value(False).run()
    assert cards(app) == before


def test_moments_are_chosen_evenly_with_the_first_and_the_last():
    # 8 gaps in 5 steps: the 0th, 1.6th, 3.2nd, 4.8th, 6.4th and 8th
    assert spread(list(range(9)), 6) == [0, 2, 3, 5, 6, 8]
    assert spread([1, 2, 3], 6) == [1, 2, 3]


def test_a_failed_run_says_what_happened(lab, drums):
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4", "rate_g=0.1", "rate_d=0.1"]), "wild")
    (dataset.folder / "clips.npy").unlink()
    assert lab.train(run, Limit(steps=5)).state == "failed"
    app = open_page("train", run="wild")
    assert "damaged" in words(app)


def test_explore_plays_the_run_of_its_address(lab, drums):
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "short")
    lab.train(run, Limit(steps=5))
    newer = lab.create_run(run.config, "newer")
    lab.train(newer, Limit(steps=1))
    app = open_page("explore", run="short")
    model, moment, label = app.selectbox[:3]
    assert (model.value, moment.value) == ("short", 5)
    assert label.options == ["the one that fits best", "hat", "kick"]
    assert app.selectbox[3].options == ["each in turn", "hat", "kick"]


def test_explore_asks_for_groups_of_sounds_that_came_without_labels(lab, drums):
    dataset = lab.prepare(lab.survey([drums / "kick"]), "kicks")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4", "groups=2"]), "short")
    lab.train(run, Limit(steps=1))
    app = open_page("explore", run="short")
    player = player_of(app)
    assert player["labels"] == ["group 1", "group 2"]
    assert all(name.startswith("kick-00") for name in player["groups"])
    assert [box.label for box in app.selectbox[2:]] == ["Its group", "Of which group"]
    first, second = player["groups"]
    named = [f"group 1 · {first}", f"group 2 · {second}"]
    assert app.selectbox[2].options[1:] == named
    assert app.selectbox[3].options == ["as in your sounds", *named]


def test_cleaning_is_for_what_is_heard_and_what_is_taken_away(lab, drums):
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "short")
    lab.train(run, Limit(steps=5))
    app = open_page("explore", run="short")
    (switch,) = app.toggle
    assert (switch.label, player_of(app)["clean"]) == ("Clean the sounds", False)
    switch.set_value(True).run()
    assert player_of(app)["clean"] is True


def upload_to(app: AppTest, name: str, data: bytes) -> AppTest:
    """The Explore page once it has finished with an uploaded sound."""
    app.file_uploader[0].set_value((name, data, "audio/wav")).run()
    deadline = time.monotonic() + 60
    while not app.session_state["own-job"].future.done():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return app.run()


def test_a_sound_of_one_s_own_is_compared_and_played_on_from(lab, drums, monkeypatch):
    monkeypatch.setattr(encoder, "STEPS", 3)
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "short")
    lab.train(run, Limit(steps=5))
    app = upload_to(open_page("explore", run="short"), "my kick.wav", (drums / "kick" / "kick-001.wav").read_bytes())
    assert "Spectral distance " in words(app)
    assert "Waveform error " in words(app)
    assert landing_of(app) is None
    press(app, "Play from here")
    assert (len(landing_of(app)["latent"]), landing_of(app)["turn"]) == (64, 1)
    press(app, "Play from here")
    assert landing_of(app)["turn"] == 2


def test_an_upload_that_is_no_sound_is_one_sentence(lab, drums):
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "short")
    lab.train(run, Limit(steps=5))
    app = upload_to(open_page("explore", run="short"), "notes.wav", b"not a sound")
    (error,) = app.error
    assert error.value.startswith("None of the 1 sounds in 'notes.wav' can be used")


def landing_of(app: AppTest) -> dict | None:
    """Where the player of the run 'short' was sent."""
    return app.session_state["landing-short"] if "landing-short" in app.session_state else None  # noqa: SIM401


def test_without_a_model_the_listen_page_leads_to_training(lab, monkeypatch):
    monkeypatch.setattr(Lab, "_starter", lambda self: None)
    app = open_page("listen")
    assert "There is no model to listen to yet" in words(app)
    assert [button.label for button in app.button] == ["Train a model"]


@pytest.fixture
def short_run(lab, drums):
    """A run 'short' on eight kicks and eight hats, with snapshots of the steps 0 and 5."""
    dataset = lab.prepare(lab.survey([drums]), "drums")
    run = lab.create_run(lab.configure(dataset, "framegan", ["width=4", "batch=4"]), "short")
    lab.train(run, Limit(steps=5))
    return run


def test_a_listening_test_begins_with_its_first_question_and_names_nobody(lab, short_run):
    app = open_page("listen")
    assert app.multiselect[0].value == ["short, step 5"]
    app.number_input[0].set_value(6).run()
    press(app, "Begin")
    assert "A listener needs a name" in words(app)
    assert lab.listening_tests() == []
    app.text_input[0].set_value("Anna").run()
    press(app, "Begin")
    (test,) = lab.listening_tests()
    assert (test.kind, len(test.questions)) == ("real", 6)
    app = open_page("listen", test=test.name, listener="Anna")
    ((head, wav),) = cards(app)
    assert head == {
        "number": 0,
        "count": 6,
        "scales": ["Real or generated?"],
        "choices": ["Real", "Generated"],
        "sides": 1,
    }
    assert wav == test.wavs(0)[0]
    assert "short" not in words(app)


def test_results_are_words_for_all_and_for_each_listener(lab, short_run):
    test = lab.new_listening_test("pairs", [(short_run, None), (short_run, 0)], 4, has_real=False, name="old or new")
    for listener in ("Anna", "Ben"):
        for number, (first, _) in enumerate(test.questions):
            test.answer(listener, number, [1 if test.participants[first.participant].step == 5 else 2])
    app = open_page("listen", test="old or new", listener="Anna")
    assert "Listeners preferred step 5 to step 0 in 8 of 8 cases" in words(app)
    (table,) = app.table
    assert table.value["Listener"].tolist() == ["Anna", "Ben"]
    assert "Anna preferred step 5 to step 0 in 4 of 4 cases" in table.value["What they say"][0]
    app = open_page("listen", test="old or new", listener="Chris")
    ((head, _),) = cards(app)
    assert (head["number"], head["sides"]) == (0, 2)


def test_a_listening_test_that_is_gone_or_damaged_is_one_sentence(lab, short_run):
    app = open_page("listen", test="gone")
    assert "There is no listening test 'gone'" in words(app)
    test = lab.new_listening_test("ratings", [(short_run, None)], 2, name="broken")
    (test.folder / "sounds" / "001-1.wav").unlink()
    app = open_page("listen", test="broken", listener="Anna")
    assert "'broken' is damaged (001-1.wav cannot be read)" in words(app)
    (test.folder / "test.json").write_text("{")
    assert "has a damaged test.json" in words(open_page("listen", test="broken"))
    press(open_page("listen", test="broken"), "All listening tests")
