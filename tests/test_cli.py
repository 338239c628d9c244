"""The command line: exit codes, one sentence instead of a traceback, one JSON object on standard output."""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import wave
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

import audiogan
from audiogan import cli, queue, training, wording
from audiogan.config import Limit
from audiogan.game import Diverged
from audiogan.lab import Lab, RunError, Status
from audiogan.presets import PRESETS
from tests.conftest import RATE, TINY
from tests.onnx_files import energies_onnx

TINY_SETTINGS = [word for assignment in TINY for word in ("--set", assignment)]


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


def run_command(*words) -> Outcome:
    """What `python -m audiogan WORDS...` would do, in this process."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["audiogan", *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
            code = 0
    except SystemExit as leaving:
        code = leaving.code or 0
    finally:
        sys.argv = before
    return Outcome(code, out.getvalue(), err.getvalue())


def assert_one_sentence(outcome: Outcome, words: str) -> None:
    assert (outcome.code, outcome.out) == (1, "")
    last = outcome.err.strip().splitlines()[-1]
    assert words in last
    assert last.endswith((".", "?", ".)"))
    assert "Traceback" not in outcome.err


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def prepared(home, sounds) -> Outcome:
    return run_command(
        "prepare", sounds, "--name", "tiny", "--rate", RATE, "--seconds", "0.25", "--json", "--home", home
    )


@pytest.fixture(scope="module")
def trained(home, prepared) -> Outcome:
    return run_command(
        "--home", home, "train", "tiny", "--run", "first", "--steps", 12, *TINY_SETTINGS, "--seed", 3, "--json"
    )


# from a folder to a model


def test_prepare_tells_of_every_file_what_became_of_it(prepared, home):
    assert prepared.code == 0
    told = json.loads(prepared.out)
    assert (told["name"], told["rate"], told["seconds"], told["clips"]) == ("tiny", 8_000, 0.25, 24)
    assert told["labels"] == {"noise": 12, "tone": 12}
    assert Path(told["folder"]) == home / "datasets" / "tiny"
    assert len(told["files"]) == 24
    assert told["files"][0]["path"] == "noise/00.wav"
    assert {file["status"] for file in told["files"]} == {"accepted"}
    assert all("reason" in file for file in told["files"])
    assert "Data set 'tiny': 24 clips of 0.25 s at 8000 Hz (noise 12, tone 12); 0 files skipped." in prepared.err


def test_train_ends_with_a_model_and_says_what_comes_next(trained, home):
    assert trained.code == 0
    told = json.loads(trained.out)
    assert (told["name"], told["state"], told["step"], told["preset"]) == ("first", "finished", 12, "framegan")
    assert told["snapshots"] == [0, 12]
    # 24 clips, of which a tenth is held out: 21 are left
    assert told["epoch"] == pytest.approx(4 * 24 / 21, abs=1e-3)
    assert Path(told["folder"]) == home / "checkpoints" / "first"
    assert "finished after 12 steps. Next: audiogan generate first" in trained.err
    # what 0.25 s at 8 kHz make of the architecture, before anything is trained
    built = "Frames: 64 mel bins x 16 frames of 16.0 ms, all of them the clip's. framegan: 3 layers from 2 positions"
    assert trained.err.startswith(built)
    config = Lab(home).run("first").config
    assert (config.seed, config.settings.width, config.settings.batch) == (3, 4, 8)


def test_resume_goes_on_to_a_limit_that_counts_from_the_beginning(trained, home, tmp_path):
    run_command("train", "tiny", "--run", "second", "--steps", 3, *TINY_SETTINGS, "--home", home)
    assert_one_sentence(run_command("resume", "second", "--home", home), "has reached 3 steps")
    resumed = run_command("resume", "second", "--epochs", 2, "--json", "--home", home)
    assert resumed.code == 0
    # 24 clips, 8 a step
    assert json.loads(resumed.out)["step"] == 6


def test_stop_ends_a_training_in_another_process(trained, home):
    lab = Lab(home)
    config = lab.configure(lab.dataset("tiny"), "framegan", TINY)
    run = lab.create_run(config, "third")
    lab.start(run, Limit(steps=10**7), "cpu")
    stopped = run_command("stop", "third", "--wait", 300, "--home", home)
    assert stopped.code == 0
    assert stopped.err.startswith("stopped after ")
    assert run.load_resume()[1]["step"] == run.status.step
    assert_one_sentence(run_command("stop", "third", "--home", home), "The run 'third' is not being trained (stopped)")


def test_the_queue_is_listed_changed_and_left(home, trained, tmp_path):
    lab = Lab(tmp_path)
    assert "Nothing is being trained and nothing waits." in run_command("queue", "--home", tmp_path).err
    for number, state in enumerate(("running", "waiting", "waiting", "interrupted")):
        run = lab.create_run(Lab(home).run("first").config, f"r{number}")
        queue.join(run, "cpu")
        run.write_status(Status(state=state, seconds_left=120 if state == "running" else None))
    assert run_command("queue", "move", "r2", 1, "--home", tmp_path).code == 0
    told = json.loads(run_command("queue", "--json", "--home", tmp_path).out)["queue"]
    assert [(row["name"], row["state"], row["waits_for"]) for row in told] == [
        ("r0", "running", ""),
        ("r2", "waiting", "'r0', which has 2 min left"),
        ("r1", "waiting", "'r0', which has 2 min left, and 1 more"),
        ("r3", "interrupted", ""),
    ]
    for command, asked in (("cancel", "stop"), ("hurry", "hurry")):
        assert run_command("queue", command, "r1", "--home", tmp_path).code == 0
        assert lab.run("r1").requested() == asked
    assert run_command("queue", "cancel", "r3", "--home", tmp_path).code == 0
    assert "Nothing was interrupted." in run_command("queue", "go-on", "--home", tmp_path).err
    assert_one_sentence(run_command("queue", "move", "r0", 1, "--home", tmp_path), "'r0' does not wait in the queue")
    assert run_command("queue", "move", "r2", 0, "--home", tmp_path).code == 2


def test_a_lower_rate_is_another_run_that_begins_at_a_save(trained, home):
    resumed = run_command("resume", "first", "--rate-scale", 0.5, "--steps", 15, "--json", "--home", home)
    assert resumed.code == 0
    told = json.loads(resumed.out)
    assert (told["name"], told["step"]) == ("first-from-12", 15)
    assert told["origin"] == "first, step 12, learning rates times 0.5"
    named = run_command("resume", "first", "--from", "last", "--steps", 13, "--json", "--home", home)
    assert json.loads(named.out)["origin"] == "first, step 12, learning rates times 1"
    assert Lab(home).run("first").status.step == 12
    assert_one_sentence(run_command("resume", "first", "--from", "7", "--home", home), "has no save of step 7")
    assert_one_sentence(run_command("resume", "first", "--from", "then", "--home", home), "--from wants best, last, or")
    for name in ("first-from-12", "first-from-12-2"):
        deleted = run_command("delete", name, "--yes", "--home", home)
        assert (deleted.code, deleted.err.startswith(f"Deleted the run '{name}' (")) == (0, True)


def test_deleting_asks_first_and_says_what_goes(trained, home, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\nn\n"))
    refused = run_command("delete", "first", "--home", home)
    assert refused.code == 1
    assert "Delete the run 'first' (" in refused.err
    refused = run_command("delete", "tiny", "--dataset", "--home", home)
    assert re.search(
        r"Delete the data set 'tiny' \(24 clips; \d+ runs? cannot go on without it\)\? \[y/N\]", refused.err
    )
    assert Lab(home).run("first").snapshots()
    assert Lab(home).dataset("tiny")


def test_a_training_that_diverged_says_how_to_go_on(trained, home, monkeypatch):
    def fail(*arguments):
        raise Diverged("Training diverged.")

    monkeypatch.setattr(training, "train", fail)
    failed = run_command("train", "tiny", "--run", "wild", *TINY_SETTINGS, "--steps", 3, "--home", home)
    assert failed.code == 1
    assert "Go on from there with half the learning rate. Next: audiogan resume wild --rate-scale 0.5" in failed.err
    run_command("delete", "wild", "--yes", "--home", home)


def test_a_bar_says_whom_a_training_waits_for():
    assert cli.training.describe_status(Status(state="waiting"), "'a', which has 6 min left") == (
        "waiting for 'a', which has 6 min left"
    )
    assert cli.training.describe_status(Status(state="waiting")) == "waiting for its turn"


def test_stop_says_so_when_the_step_takes_longer_than_it_waits(trained, home):
    lab = Lab(home)
    run = lab.create_run(lab.run("first").config, "slow")
    run.write_status(Status(state="running"))
    waited = run_command("stop", "slow", "--wait", 0, "--home", home)
    assert_one_sentence(waited, "The run 'slow' was asked to stop and is still finishing its step")
    assert run.requested() == "stop"


# from a model to sounds


def test_generate_writes_wavs_and_their_addresses(trained, home, tmp_path):
    three = ["generate", "first", "--count", 3, "--seed", 4]
    made = run_command(*three, "--out", tmp_path / "a", "--json", "--home", home)
    assert made.code == 0
    names = ["noise-seed4.wav", "tone-seed5.wav", "noise-seed6.wav"]
    assert json.loads(made.out) == {"run": "first", "files": [str(tmp_path / "a" / name) for name in names]}
    assert {path.name for path in (tmp_path / "a").iterdir()} == {*names, "sounds.json"}
    for name in names:
        with wave.open(str(tmp_path / "a" / name)) as file:
            assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (8_000, 2_000, 1)
    only = run_command("generate", "first", "--count", 2, "--label", "tone", "--out", tmp_path / "b", "--home", home)
    assert only.code == 0
    assert {path.name for path in (tmp_path / "b").glob("*.wav")} == {"tone-seed0.wav", "tone-seed1.wav"}


def test_generate_writes_beside_the_caller_unless_told_otherwise(trained, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_command("generate", "first", "--count", 1, "--home", home).code == 0
    assert {path.name for path in (tmp_path / "first-sounds").iterdir()} == {"noise-seed0.wav", "sounds.json"}


@pytest.mark.parametrize("step", [None, 0])
def test_a_zip_and_its_address_book_call_every_sound_back_byte_for_byte(trained, home, tmp_path, step):
    of_step = ["--step", step] if step is not None else []
    packed = run_command("generate", "first", "--count", 3, *of_step, "--zip", tmp_path / "a.zip", "--home", home)
    assert packed.code == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "unpacked")
    wavs = {path.name: path.read_bytes() for path in (tmp_path / "unpacked").glob("*.wav")}
    assert len(wavs) == len(set(wavs.values())) == 3
    for number, book in enumerate((tmp_path / "a.zip", tmp_path / "unpacked" / "sounds.json")):
        folder = tmp_path / f"again-{number}"
        assert run_command("generate", "first", "--recall", book, "--out", folder, "--home", home).code == 0
        assert {path.name: path.read_bytes() for path in folder.glob("*.wav")} == wavs


def test_a_cleaned_sound_is_called_back_cleaned(trained, home, tmp_path):
    one = ["generate", "first", "--count", 1, "--home", home]
    assert run_command(*one, "--clean", "--zip", tmp_path / "a.zip").code == 0
    assert run_command(*one, "--recall", tmp_path / "a.zip", "--out", tmp_path / "again").code == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        cleaned = archive.read("noise-seed0-clean.wav")
    assert (tmp_path / "again" / "noise-seed0-clean.wav").read_bytes() == cleaned
    assert run_command(*one, "--out", tmp_path / "as made").code == 0
    assert (tmp_path / "as made" / "noise-seed0.wav").read_bytes() != cleaned


# what there is


def test_lists_are_one_object_each(trained, home):
    datasets = json.loads(run_command("datasets", "--json", "--home", home).out)
    counts = {"noise": 12, "tone": 12}
    assert datasets == {"datasets": [{"name": "tiny", "clips": 24, "seconds": 0.25, "rate": 8_000, "labels": counts}]}
    presets = json.loads(run_command("presets", "--json", "--home", home).out)["presets"]
    assert [item["name"] for item in presets] == list(PRESETS)
    assert next(item for item in presets if item["name"] == "mlp")["settings"]["latent_size"] == 500
    runs = {item["name"]: item for item in json.loads(run_command("runs", "--json", "--home", home).out)["runs"]}
    assert (runs["first"]["state"], runs["first"]["step"], runs["first"]["dataset"]) == ("finished", 12, "tiny")


def test_lists_for_people_go_to_standard_error(trained, home):
    for words, shown in (("datasets", "tiny"), ("presets", "WaveGAN"), ("runs", "finished")):
        listed = run_command(words, "--home", home)
        assert (listed.code, listed.out) == (0, "")
        assert shown in listed.err


def test_an_empty_home_says_what_to_do_next(tmp_path, no_starter):
    assert run_command("datasets", "--home", tmp_path).err.strip() == (
        "No data set yet: audiogan prepare FOLDER --name NAME"
    )
    assert run_command("runs", "--home", tmp_path).err.strip() == "No run yet: audiogan train NAME"
    assert json.loads(run_command("runs", "--home", tmp_path, "--json").out) == {"runs": []}


def test_home_may_stand_before_or_after_the_command_or_in_the_environment(trained, home, monkeypatch):
    ways = [
        run_command("--home", home, "datasets", "--json"),
        run_command("datasets", "--json", "--home", home),
        run_command("datasets", f"--home={home}", "--json"),
    ]
    monkeypatch.setenv("AUDIOGAN_HOME", str(home))
    ways.append(run_command("datasets", "--json"))
    assert {way.code for way in ways} == {0}
    assert len({way.out for way in ways}) == 1
    assert "tiny" in ways[0].out


# when it goes wrong


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "drums"], "There is no data set 'drums'. There is tiny."),
        (["train", "tiny", "--preset", "wavgan"], "There is no preset 'wavgan'; did you mean 'wavegan'?"),
        (["train", "tiny", "--set", "bacth=3"], "There is no setting 'bacth'; did you mean 'batch'?"),
        (["train", "tiny", "--set", "batch=1"], "batch must lie between 2 and 512"),
        (["train", "tiny", "--steps", 5, "--minutes", 1], "Give one limit, not steps and minutes together."),
        (["train", "tiny", "--seed", -1], "A seed is a whole number from 0 to"),
        (["train", "tiny", "--run", "../outside"], "'../outside' cannot be a name"),
        (["train", "tiny", "--run", "first"], "There is already a run named 'first'"),
        (["resume", "nowhere"], "There is no run 'nowhere'."),
        (["stop", "first"], "The run 'first' is not being trained (finished)."),
        (["generate", "nowhere"], "There is no run 'nowhere'."),
        (["generate", "first", "--count", 0], "Between 1 and 10,000 sounds"),
        (["generate", "first", "--label", "kick"], "This model knows no label 'kick'. Its labels are noise, tone."),
        (["generate", "first", "--step", 7], "The run 'first' kept no snapshot of step 7."),
        (["generate", "first", "--seed", 2**64], "A seed is a whole number from 0 to"),
        (["generate", "first", "--recall", "nowhere.json"], "No such file or directory: nowhere.json."),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing_behind(trained, home, words, sentence):
    before = set(home.rglob("*"))
    assert_one_sentence(run_command(*words, "--home", home), sentence)
    assert set(home.rglob("*")) == before


def test_sounds_that_cannot_be_used_are_one_sentence_and_leave_nothing_behind(tmp_path, prepared, home, sounds):
    (tmp_path / "empty").mkdir()
    outcome = run_command("prepare", tmp_path / "empty", "--name", "x", "--home", tmp_path / "home")
    assert_one_sentence(outcome, "There are no files in")
    for name, words in (("tiny", "already a data set named 'tiny'"), ("../x", "'../x' cannot be a name")):
        assert_one_sentence(run_command("prepare", sounds, "--name", name, "--home", home), words)
    assert not (tmp_path / "home").exists()
    assert [path.name for path in (home / "datasets").iterdir()] == ["tiny"]


def test_an_archive_without_addresses_is_one_sentence(trained, home, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    outcome = run_command("generate", "first", "--recall", tmp_path / "a.zip", "--home", home)
    assert_one_sentence(outcome, "There is no sounds.json in a.zip.")


def test_a_device_that_is_not_there_is_one_sentence_and_leaves_no_run(prepared, home):
    outcome = run_command("train", "tiny", "--run", "failed", "--device", "abacus", "--home", home)
    assert_one_sentence(outcome, "This machine has no 'abacus' device")
    assert not (home / "checkpoints" / "failed").exists()


def test_a_training_that_failed_is_told_as_an_object_and_as_a_sentence(prepared, home, tmp_path):
    # the data set changes hands between the start of the run and its training
    shutil.copytree(home / "datasets", tmp_path / "datasets")
    (tmp_path / "datasets" / "tiny" / "clips.npy").write_bytes(b"no array")
    failed = run_command("train", "tiny", "--run", "failed", "--json", *TINY_SETTINGS, "--home", tmp_path)
    assert failed.code == 1
    told = json.loads(failed.out)
    assert (told["state"], told["step"]) == ("failed", 0)
    assert "clips.npy cannot be read" in told["message"]
    assert failed.err.strip().endswith(told["message"])
    assert "Traceback" not in failed.err


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["prepare", "somewhere"],
        ["train"],
        ["train", "tiny", "--colour", "red"],
        ["train", "tiny", "--steps", "many"],
        ["datasets", "--home"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(words):
    outcome = run_command(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Traceback" not in outcome.err


def test_a_traceback_is_shown_when_it_is_asked_for(tmp_path):
    with pytest.raises(RunError, match="There is no data set 'drums'"):
        run_command("train", "drums", "--home", tmp_path, "--debug")


def test_the_app_is_started_on_the_same_home(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(cli.serving.subprocess, "call", lambda command, env: called.append((command, env)) or 3)
    assert run_command("app", "--port", 8765, "--home", tmp_path).code == 3
    command, environment = called[0]
    assert command[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert command[-2:] == ["--server.port", "8765"]
    assert environment["AUDIOGAN_HOME"] == str(tmp_path.resolve())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (wording.duration(45.4), "45 s"),
        (wording.duration(90), "2 min"),
        (wording.duration(720), "12 min"),
        (wording.duration(12_600), "3.5 h"),
        (wording.duration(691_200), "8 days"),
        (wording.size(512), "512 B"),
        (wording.size(830_000), "830 kB"),
        (wording.size(22_500_000), "22 MB"),
        (wording.size(1_400_000_000), "1.4 GB"),
        (wording.pace(14.26), "14.3 / s"),
        (wording.pace(0), "0 / s"),
        (wording.pace(1 / 60), "60 s each"),
        (wording.plural(1, "clip"), "1 clip"),
        (wording.plural(1_200, "clip"), "1,200 clips"),
        (wording.plural(0, "clip"), "0 clips"),
    ],
)
def test_numbers_are_told_in_plain_words(words, expected):
    assert words == expected


def test_the_command_itself_runs_from_anywhere(trained, home, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(audiogan.__file__).parent.parent), "AUDIOGAN_HOME": str(home)}

    def run_outside(*words: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "audiogan", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    listed = run_outside("datasets", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert json.loads(listed.stdout)["datasets"][0]["name"] == "tiny"
    refused = run_outside("train", "drums")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "There is no data set 'drums'. There is tiny.\n"


# judging


@pytest.fixture(scope="module")
def judged(home, trained, short_fitting) -> Outcome:
    return run_command("--home", home, "evaluate", "first", "--count", 16, "--report", home / "one.html")


def test_evaluate_answers_in_sentences_first_and_shows_the_numbers_after_them(judged, home):
    assert (judged.code, judged.out) == (0, "")
    places = [judged.err.index(word) for word in ("real?", "varied?", "new?", "clean?", "Broken clips", "Mean squared")]
    assert places == sorted(places)
    assert (home / "one.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_evaluate_prints_the_whole_card_as_json(judged, home):
    outcome = run_command("--home", home, "evaluate", "first", "--count", 17, "--json")
    found = json.loads(outcome.out)
    assert (found["run"], found["count"], found["card"]["clips"]) == ("first", 17, 17)
    assert [answer["question"] for answer in found["card"]["answers"]] == ["real", "varied", "new", "clean"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "There is no run 'nowhere'."),
        (["first", "--snapshot", 999], "kept no snapshot of step 999."),
        (["first", "--data", "nowhere"], "There is no data set 'nowhere'."),
        (["first", "--count", 3], "Between 16 and 2,000 sounds can be judged, not 3."),
        (["first", "--embedder", "nowhere.onnx"], "There is no file 'nowhere.onnx'"),
    ],
)
def test_evaluate_says_in_a_sentence_what_cannot_be_judged(home, trained, words, sentence):
    assert_one_sentence(run_command("--home", home, "evaluate", *words), sentence)


def test_evaluate_names_an_embedder_of_one_s_own_and_its_file_s_hash(home, trained, short_fitting, tmp_path):
    name = energies_onnx(tmp_path / "energy.onnx", [1, "T"])
    version = hashlib.sha256(Path(name).read_bytes()).hexdigest()[:12] + " at 8,000 Hz"
    command = ["--home", home, "evaluate", "first", "--count", 16, "--embedder", name, "--embedder-rate", 8_000]
    told = run_command(*command, "--report", tmp_path / "own.html")
    assert (told.code, told.out) == (0, "")
    assert f"Your own embedder is energy.onnx ({version})." in " ".join(told.err.split())
    assert f"energy.onnx {version}" in (tmp_path / "own.html").read_text(encoding="utf-8")
    card = json.loads(run_command(*command, "--json").out)["card"]
    assert card["embedders"]["energy.onnx"] == version
    (line,) = (line for line in card["lines"] if line["measure"] == "own_kernel_distance")
    assert (line["clips"], line["question"]) == (16, "real")


def test_evaluate_says_in_a_sentence_that_an_onnx_file_wants_other_clips(home, trained, short_fitting, tmp_path):
    name = energies_onnx(tmp_path / "energy.onnx", ["B", 16_000])
    command = ["--home", home, "evaluate", "first", "--count", 16, "--embedder", name]
    assert_one_sentence(run_command(*command), "energy.onnx cannot read clips of 4,000 samples at 16,000 Hz")


def test_report_writes_one_file_about_several_runs_and_leaves_nothing_beside_it(judged, home, tmp_path):
    lab = Lab(home)
    before = lab.evaluations(lab.run("first"))
    outcome = run_command("--home", home, "report", "first", "first", "--out", tmp_path / "both.html")
    assert outcome.code == 0, outcome.err
    assert "Side by side" in (tmp_path / "both.html").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["both.html"]
    # it was judged already, and is not judged again
    assert before
    assert lab.evaluations(lab.run("first")) == before
