"""Many sounds at once, and their addresses."""

import io
import json
import zipfile

import pytest

from audiogan.lab import MOST_SOUNDS, RunError
from tests.conftest import RATE, tiny_config, train_here


def test_sounds_have_consecutive_seeds_and_labels_in_turn_or_one_label(trained_lab, run):
    told = []
    sounds = trained_lab.generate(run, 3, seed=5, progress=lambda done, total: told.append((done, total)))
    assert [sound.name for sound in sounds] == ["tone-seed5.wav", "noise-seed6.wav", "tone-seed7.wav"]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert len({sound.wav for sound in sounds}) == 3
    sounds = trained_lab.generate(run, 2, label="noise")
    assert [sound.name for sound in sounds] == ["noise-seed0.wav", "noise-seed1.wav"]
    with pytest.raises(RunError, match="This model knows no label 'kick'"):
        trained_lab.generate(run, 1, label="kick")


@pytest.mark.parametrize("count", [0, -1, MOST_SOUNDS + 1])
def test_a_number_of_sounds_that_makes_no_sense_is_refused(trained_lab, run, count):
    with pytest.raises(RunError, match="Between 1 and 10,000 sounds can be made at once"):
        trained_lab.generate(run, count)


def test_a_zip_calls_each_of_its_sounds_back_byte_for_byte(trained_lab, run):
    sounds = trained_lab.generate(run, 3, seed=8)
    with zipfile.ZipFile(io.BytesIO(trained_lab.pack(run, sounds))) as archive:
        assert archive.namelist() == ["noise-seed8.wav", "tone-seed9.wav", "noise-seed10.wav", "sounds.json"]
        book = archive.read("sounds.json").decode()
        packed = {name: archive.read(name) for name in archive.namelist()[:3]}
    again = trained_lab.recall(run, book)
    assert {sound.name: sound.wav for sound in again} == packed
    assert again == sounds
    assert json.loads(book)["rate"] == RATE


def test_a_cleaned_sound_comes_back_cleaned(trained_lab, run):
    as_made, cleaned = (trained_lab.generate(run, 1, seed=8, clean=clean)[0] for clean in (False, True))
    assert (as_made.name, cleaned.name) == ("noise-seed8.wav", "noise-seed8-clean.wav")
    assert as_made.wav != cleaned.wav
    book = trained_lab.addresses(run, [as_made, cleaned])
    assert [row["clean"] for row in json.loads(book)["sounds"]] == [False, True]
    assert trained_lab.recall(run, book) == [as_made, cleaned]
    assert [sound.wav for sound in trained_lab.recall(run, book, clean=True)] == [cleaned.wav] * 2
    # a book of the time before there was cleaning
    old = json.loads(book)
    for row in old["sounds"]:
        del row["clean"]
    assert [sound.wav for sound in trained_lab.recall(run, json.dumps(old))] == [as_made.wav] * 2
    assert trained_lab.audition("first", None, 8, clean=True)[0] == cleaned.wav


def test_a_sound_comes_back_from_the_snapshot_it_was_made_with(trained_lab, run):
    early = trained_lab.generate(run, 2, step=0)
    book = trained_lab.addresses(run, early, step=0)
    assert json.loads(book)["snapshot"] == 0
    assert trained_lab.recall(run, book) == early
    assert [sound.wav for sound in trained_lab.recall(run, book, step=20)] != [sound.wav for sound in early]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"sounds": [{"latent": "x", "label": null, "seed": 1}], "snapshot": 0}', '{"sounds": 3}'],
)
def test_what_is_no_address_book_is_refused(trained_lab, run, text):
    with pytest.raises(RunError, match=r"That is not a sounds\.json"):
        trained_lab.recall(run, text)


def test_an_address_book_cannot_name_a_path(trained_lab, run):
    book = json.loads(trained_lab.addresses(run, trained_lab.generate(run, 1)))
    book["sounds"][0]["seed"] = "/../../outside"
    with pytest.raises(RunError, match=r"That is not a sounds\.json"):
        trained_lab.recall(run, json.dumps(book))


def test_a_label_that_was_any_folder_s_name_gives_a_file_name_for_every_system(lab, clips):
    run = lab.create_run(tiny_config(labels=("Kick / 808: é", "..\\..")), "first")
    train_here(run, clips, steps=1)
    assert [sound.name for sound in lab.generate(run, 2)] == ["Kick-808-é-seed0.wav", "seed1.wav"]
