"""Public data sets in their real layouts, and other layouts that are recognised: what is found in them."""

import io
import tarfile
import zipfile

import pytest

from audiogan.files import DatasetError, Upload
from audiogan.survey import listen
from tests.sound_files import put, sine, wav

# small archives in the real layouts


def noisy(seed: int) -> bytes:
    """A sound of its own, so that no two files are copies."""
    return wav(sine(200 + 10 * seed))


SPEECH_COMMANDS = {
    "./zero/0a7c2a8d_nohash_0.wav": noisy(0),
    "./nine/0a7c2a8d_nohash_0.wav": noisy(1),
    "./nine/1b4c9b89_nohash_2.wav": noisy(2),
    "./bed/00176480_nohash_0.wav": noisy(3),
    "./_background_noise_/doing_the_dishes.wav": noisy(4),
    "./_background_noise_/README.md": b"noise",
    "./validation_list.txt": b"nine/1b4c9b89_nohash_2.wav\n",
    "./testing_list.txt": b"",
    "./LICENSE": b"CC BY 4.0",
}

FSD_META = {
    "FSDKaggle2018.meta/train_post_competition.csv": (
        b"fname,label,manually_verified,freesound_id,license\n"
        b"00044347.wav,Saxophone,1,1,CC0\n"
        b"001ca53d.wav,Saxophone,0,2,CC0\n"
        b"002d256b.wav,Violin_or_fiddle,0,3,CC0\n"
        b"never_there.wav,Gong,1,4,CC0\n"
    )
}
FSD_AUDIO = {
    "FSDKaggle2018.audio_train/00044347.wav": noisy(5),
    "FSDKaggle2018.audio_train/001ca53d.wav": noisy(6),
    "FSDKaggle2018.audio_train/002d256b.wav": noisy(7),
}


def tar_of(files: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in others:
            archive.addfile(info)
    return file.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def labels_of(survey) -> dict[str, str]:
    return {file.path: file.label for file in survey.accepted}


class TestLayouts:
    def test_speech_commands_without_its_background_noise(self, tmp_path):
        survey = listen([put(tmp_path, SPEECH_COMMANDS)])
        assert survey.labels == ("bed", "nine", "zero")
        noise = next(file for file in survey.files if file.path == "_background_noise_/doing_the_dishes.wav")
        assert (noise.status, noise.reason) == ("ignored", "background noise of Speech Commands, not a word")
        # given by itself, the folder is sounds like any other
        assert len(listen([tmp_path / "_background_noise_"]).accepted) == 1

    @pytest.mark.parametrize("way", ["folder", "zips", "uploads"])
    def test_fsdkaggle2018(self, tmp_path, way):
        packed = {"meta.zip": zip_of(FSD_META), "audio.zip": zip_of(FSD_AUDIO)}
        given = {
            "folder": [tmp_path / "both"],
            "zips": [tmp_path / "meta.zip", tmp_path / "audio.zip"],
            "uploads": [Upload(name, data) for name, data in packed.items()],
        }
        put(tmp_path / "both", FSD_META | FSD_AUDIO)
        put(tmp_path, packed)
        survey = listen(given[way])
        assert {file.path.split("/")[-1]: file.label for file in survey.accepted} == {
            "00044347.wav": "Saxophone",
            "001ca53d.wav": "Saxophone",
            "002d256b.wav": "Violin_or_fiddle",
        }
        assert survey.tells_verified
        assert survey.notes == (
            "Labels come from train_post_competition.csv (column 'label') for 3 of 3 sounds, before those of folders.",
        )

    def test_bird_song_by_its_ids_and_english_names(self, tmp_path):
        table = (
            b"file_id,genus,species,english_cname\n132608,Acanthis,flammea,Lesser Redpoll\n4,Sylvia,borin,Garden W\n"
        )
        files = {"songs/songs/xc132608.flac": wav(format="FLAC"), "songs/songs/xc4.flac": wav(sine(300), format="FLAC")}
        survey = listen([put(tmp_path, {"birdsong_metadata.csv": table} | files)])
        assert labels_of(survey) == {
            "songs/songs/xc132608.flac": "Lesser Redpoll",
            "songs/songs/xc4.flac": "Garden W",
        }

    def test_tables_are_believed_before_folders_and_folders_for_the_rest(self, tmp_path):
        files = {"a/1.wav": noisy(1), "a/2.wav": noisy(2), "b/3.wav": noisy(3), "4.wav": noisy(4)}
        table = b"filename,category\n1.wav,snare\nmissing.wav,gong\n../../etc/passwd,root\n"
        survey = listen([put(tmp_path, files | {"meta.csv": table})])
        assert labels_of(survey) == {"a/1.wav": "snare", "a/2.wav": "a", "b/3.wav": "b", "4.wav": "unsorted"}
        (told,) = [file.reason for file in survey.files if file.path == "meta.csv"]
        assert told == "labels of 1 sound are taken from its column 'category'"
        assert survey.notes == (
            "Labels come from meta.csv (column 'category') for 1 of 4 sounds, before those of folders. "
            "3 sounds in no table: labelled by folder, or 'unsorted'.",
        )

    @pytest.mark.parametrize("table", [b"", b"\n", b"file,colour\n1.wav,red\n", b"label\nkick\n", bytes(range(256))])
    def test_a_table_without_the_columns_changes_nothing(self, tmp_path, table):
        survey = listen([put(tmp_path, {"a/1.wav": noisy(1), "b/2.wav": noisy(2), "meta.csv": table})])
        assert (survey.labels, survey.notes) == (("a", "b"), ())
        assert [file.reason for file in survey.files if file.path == "meta.csv"] == ["not an audio file (.csv)"]

    def test_a_table_of_other_sounds_changes_nothing_but_is_told(self, tmp_path):
        survey = listen([put(tmp_path, {"1.wav": noisy(1), "2.wav": noisy(2), "m.csv": b"file,label\nx.wav,kick\n"})])
        assert survey.labels == ()
        assert [file.reason for file in survey.files if file.path == "m.csv"] == [
            "a table of labels, which names none of the sounds"
        ]


class TestKeep:
    @pytest.fixture
    def survey(self, tmp_path):
        return listen([put(tmp_path, FSD_META | FSD_AUDIO)])

    def test_only_some_labels(self, survey):
        kept = survey.keep(["violin or FIDDLE"])
        assert labels_of(kept) == {"FSDKaggle2018.audio_train/002d256b.wav": "Violin_or_fiddle"}
        assert {file.reason for file in kept.files if file.label == "Saxophone"} == {"left out: its label is Saxophone"}

    def test_confirmed_labels_are_preferred_where_there_are_any(self, survey):
        assert set(labels_of(survey.keep(verified=True))) == {
            "FSDKaggle2018.audio_train/00044347.wav",
            "FSDKaggle2018.audio_train/002d256b.wav",
        }

    def test_without_such_a_column_all_are_used_and_that_is_said(self, tmp_path):
        survey = listen([put(tmp_path, {"a/1.wav": noisy(1), "b/2.wav": noisy(2)})]).keep(verified=True)
        assert len(survey.accepted) == 2
        assert survey.notes == ("No table says which labels were confirmed by hand: all sounds are used.",)

    def test_an_unknown_label_names_the_nearest(self, survey):
        with pytest.raises(DatasetError, match=r"There is no label 'fiddle'\. There is Violin_or_fiddle\."):
            survey.keep(["fiddle"])

    def test_only_kept_sounds_become_clips(self, survey, lab):
        dataset = lab.prepare(survey.keep(["Saxophone"], verified=False), "sax", 8_000, 0.25)
        assert dataset.counts == {"Saxophone": 2}
