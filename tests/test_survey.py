"""A messy folder: what is found, what is refused and why, which labels it gives, and what is suggested for it."""

import io
import os
import struct
import unicodedata
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest

from audiogan.files import LARGEST_FILE_BYTES, NoSounds, Upload, _OnDisk
from audiogan.survey import Suggestion, Survey, SurveyedFile, listen
from tests.sound_files import RATE, everything_below, put, sine, wav


def m4a(x: np.ndarray, rate: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="ipod") as output:
        stream = output.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(x[None], format="fltp", layout="mono")
        frame.rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return file.getvalue()


def packed(members: dict[str, bytes], **options) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def by_path(survey: Survey) -> dict[str, SurveyedFile]:
    return {file.path: file for file in survey.files}


LONG_NAME = "x" * 235 + ".wav"
DECOMPOSED = unicodedata.normalize("NFD", "café.wav")
MP3 = wav(sine(seconds=1.0), format="MP3")

MESSY = {
    # name: (bytes, status, rate, channels, part of the reason)
    "plain.wav": (wav(sine(300)), "accepted", RATE, 1, ""),
    "SHOUT.WAV": (wav(sine(500)), "accepted", RATE, 1, ""),
    "hi-res.flac": (wav(sine(rate=96_000), 96_000, format="FLAC", subtype="PCM_24"), "accepted", 96_000, 1, ""),
    "old.wav": (wav(sine(rate=11_025), 11_025, subtype="PCM_U8"), "accepted", 11_025, 1, ""),
    "really an mp3.wav": (MP3, "accepted", RATE, 1, ""),
    "garbage first.mp3": (bytes(700) + MP3, "accepted", RATE, 1, ""),
    "phone.m4a": (m4a(sine(rate=44_100), 44_100), "accepted", 44_100, 1, ""),
    "loop (copy 2) [141 BPM].ogg": (wav(format="OGG"), "accepted", RATE, 1, ""),
    "offset.wav": (wav(sine(600) * 0.8 + 0.5), "accepted", RATE, 1, ""),
    "one side.wav": (wav(np.stack([sine(), 0 * sine()], 1)), "accepted", RATE, 2, ""),
    "opposite.wav": (wav(np.stack([sine(), -sine()], 1)), "accepted", RATE, 2, "channels cancel"),
    "tick.wav": (wav(sine(seconds=0.02)), "accepted", RATE, 1, ""),
    # 44 bytes of header, then 2 bytes a sample: 3000 of 8000
    "cut short.wav": (wav()[: 44 + 2 * 3000], "accepted", RATE, 1, "announces 8,000 samples, the 3,000 that exist"),
    DECOMPOSED: (wav(sine(700)), "accepted", RATE, 1, ""),
    LONG_NAME: (wav(sine(800)), "accepted", RATE, 1, ""),
    "a/b/c/d/e/deep.wav": (wav(sine(900)), "accepted", RATE, 1, ""),
    "empty.wav": (b"", "skipped", 0, 0, "empty file (0 bytes)"),
    "header only.wav": (wav(np.zeros(0)), "skipped", 0, 0, "no samples"),
    "in the header.wav": (wav()[:30], "skipped", 0, 0, "not audio"),
    "shopping list.wav": (b"eggs, milk, bread\n" * 9, "skipped", 0, 0, "not audio"),
    "silence.wav": (wav(np.zeros(8000)), "skipped", RATE, 1, "silent"),
    "one bit.wav": (wav(sine(amplitude=2**-15)), "skipped", RATE, 1, "silent"),
    "only an offset.wav": (wav(np.full(8000, 0.5)), "skipped", RATE, 1, "silent"),
    "._plain.wav": (b"\0\5\x16\7", "ignored", 0, 0, "hidden"),
    "__MACOSX/plain.wav": (wav(), "ignored", 0, 0, "hidden"),
    ".DS_Store": (b"\0", "ignored", 0, 0, "hidden"),
    "empty folder/.gitkeep": (b"", "ignored", 0, 0, "hidden"),
    "Thumbs.db": (b"\0", "ignored", 0, 0, "not an audio file (.db)"),
    "README": (b"hello", "ignored", 0, 0, "not an audio file (no extension)"),
    "plain.wav.asd": (b"\0", "ignored", 0, 0, "not an audio file (.asd)"),
    "half.wav.part": (wav(), "ignored", 0, 0, "not an audio file (.part)"),
    "set.m3u": (b"plain.wav\n", "ignored", 0, 0, "not an audio file (.m3u)"),
}


@pytest.fixture(scope="module")
def messy(tmp_path_factory) -> Path:
    return put(tmp_path_factory.mktemp("messy"), {name: row[0] for name, row in MESSY.items()})


@pytest.fixture(scope="module", params=["folder", "uploads", "zip"])
def messy_survey(request, messy):
    """The same files as a folder on this computer, dropped on the page, and as an archive."""
    uploads = [Upload(f"messy/{name}", row[0]) for name, row in MESSY.items()]
    archive = packed({upload.name.removeprefix("messy/"): upload.data for upload in uploads})
    sources = {"folder": [messy], "uploads": uploads, "zip": [Upload("messy.zip", archive)]}
    prefix = "" if request.param == "folder" else "messy/"
    return {path.removeprefix(prefix): file for path, file in by_path(listen(sources[request.param])).items()}


class TestMessyFolder:
    @pytest.mark.parametrize("name", MESSY)
    def test_each_file_gets_its_verdict(self, messy_survey, name):
        _, status, rate, channels, reason = MESSY[name]
        file = messy_survey[name]
        assert (file.status, file.rate, file.channels) == (status, rate, channels)
        assert reason in file.reason if reason else not file.reason

    def test_every_file_is_listed(self, messy_survey):
        assert set(messy_survey) == set(MESSY)

    def test_lengths_are_those_of_the_files(self, messy_survey):
        for name in ("plain.wav", "hi-res.flac", "old.wav", "opposite.wav", "offset.wav"):
            assert messy_survey[name].seconds == pytest.approx(0.5, abs=1e-4)
            assert messy_survey[name].trimmed_seconds == pytest.approx(0.5, abs=0.003)


class TestFinding:
    def test_order_is_natural(self, tmp_path):
        put(tmp_path, {name: wav() for name in ("kick 10.wav", "Kick 9.wav", "kick 1.wav", "b/1.wav")})
        paths = [file.path for file in listen([tmp_path]).files]
        assert paths == ["b/1.wav", "kick 1.wav", "Kick 9.wav", "kick 10.wav"]

    def test_links_to_folders_are_not_followed(self, tmp_path):
        put(tmp_path / "outside", {"secret.wav": wav()})
        folder = put(tmp_path / "inside", {"a.wav": wav()})
        (folder / "around").symlink_to(folder)
        (folder / "out").symlink_to(tmp_path / "outside")
        os.mkfifo(folder / "pipe.wav")
        statuses = {file.path: file.status for file in listen([folder]).files}
        assert statuses == {"a.wav": "accepted", "around": "ignored", "out": "ignored", "pipe.wav": "ignored"}

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("../../etc/kick/a.wav", "etc/kick/a.wav"),
            ("/etc/a.wav", "etc/a.wav"),
            ("C:\\Windows\\a.wav", "Windows/a.wav"),
            ("kick\\..\\..\\a.wav", "kick/a.wav"),
            ("a\x1b[31m\n.wav", "a\ufffd[31m\ufffd.wav"),
        ],
    )
    def test_hostile_names_are_only_shown(self, tmp_path, monkeypatch, name, shown):
        monkeypatch.chdir(tmp_path)
        survey = listen([Upload(name, wav())])
        assert [file.path for file in survey.files] == [shown]
        survey = listen([Upload("pack.zip", packed({name: wav()}))])
        assert [file.path for file in survey.files] == [f"pack/{shown}"]
        assert everything_below(tmp_path) == set()

    def test_copies_are_remarked(self, tmp_path):
        # the last has the size and the length of the others, but not their content
        files = {"a.wav": wav(sine(440)), "b.wav": wav(sine(440)), "c.wav": wav(sine(441))}
        files["d.wav"] = wav(sine(440)[::-1].copy())
        survey = listen([put(tmp_path, files)])
        assert [file.reason for file in survey.files] == ["", "same content as a.wav", "", ""]

    def test_a_file_that_may_not_be_read(self, tmp_path, monkeypatch):
        def refuse(self):
            raise PermissionError(13, "Permission denied")

        put(tmp_path, {"a.wav": wav(), "b.wav": wav()})
        read_all = _OnDisk.read_all
        monkeypatch.setattr(_OnDisk, "read_all", lambda file: (refuse if "b.wav" in file.path else read_all)(file))
        assert by_path(listen([tmp_path]))["b.wav"].reason == "cannot be read (Permission denied)"

    def test_a_file_over_the_limit_is_not_read(self, tmp_path):
        put(tmp_path, {"a.wav": wav()})
        # takes no room on the disk
        with open(tmp_path / "huge.wav", "wb") as file:
            file.truncate(LARGEST_FILE_BYTES + 1)
        assert by_path(listen([tmp_path]))["huge.wav"].reason.startswith("larger than 1 GiB")

    def test_progress_reaches_the_end(self, tmp_path):
        put(tmp_path, {f"{number}.wav": wav() for number in range(20)})
        told = []
        listen([tmp_path], lambda *progress: told.append(progress))
        assert told == [(16, 20), (20, 20)]


class TestArchives:
    def reason(self, archive: bytes) -> str:
        survey = listen([Upload("pack.zip", archive), Upload("good.wav", wav())])
        (refused,) = [file for file in survey.files if file.status == "skipped"]
        return refused.reason

    def announcing(self, archive: bytes, size: int) -> bytes:
        """The archive with another unpacked size in each entry (byte 24) of its directory."""
        start = 0
        while (start := archive.find(b"PK\1\2", start)) >= 0:
            archive = archive[: start + 24] + struct.pack("<I", size) + archive[start + 28 :]
            start += 28
        return archive

    def test_a_member_that_unpacks_to_too_much(self):
        assert self.reason(self.announcing(packed({"a.wav": wav()}), 2**30 + 1)).startswith("larger than 1 GiB")

    def test_an_archive_that_unpacks_to_too_much(self):
        bomb = self.announcing(packed({f"{number}.wav": b"" for number in range(9)}), 2**30)
        assert self.reason(bomb).startswith("unpacks to more than 8 GiB")

    def test_a_member_that_lies_about_its_size(self):
        # ten million zeros that announce one thousand
        bomb = self.announcing(packed({"a.wav": bytes(10**7)}, compression=zipfile.ZIP_DEFLATED), 1000)
        assert self.reason(bomb) == "damaged inside its ZIP archive"

    def test_an_encrypted_member(self):
        archive = packed({"a.wav": wav()})
        at = archive.find(b"PK\1\2")
        assert self.reason(archive[: at + 8] + b"\1" + archive[at + 9 :]).startswith("encrypted")

    def test_damaged_archives(self):
        archive = packed({"a.wav": wav()})
        assert "not a ZIP archive" in self.reason(archive[:100])
        assert "not a ZIP archive" in self.reason(b"no archive at all")
        # one sample changed: the checksum no longer fits
        assert self.reason(archive[:500] + b"\x55" + archive[501:]) == "damaged inside its ZIP archive"

    def test_archives_in_a_folder_are_opened_and_archives_in_archives_are_not(self, tmp_path):
        inner = packed({"deep.wav": wav()})
        put(tmp_path, {"set/pack.zip": packed({"a.wav": wav(), "inner.zip": inner})})
        statuses = {file.path: file.status for file in listen([tmp_path]).files}
        assert statuses == {"set/pack/a.wav": "accepted", "set/pack/inner.zip": "ignored"}


class TestLabels:
    def labels(self, *sources) -> dict[str, str]:
        return {file.path: file.label for file in listen(sources).accepted}

    def test_subfolders_of_one_folder(self, tmp_path):
        put(tmp_path, {"kick/a.wav": wav(), "kick/loud/b.wav": wav(), "snare/a.wav": wav()})
        labels = {"kick/a.wav": "kick", "kick/loud/b.wav": "kick", "snare/a.wav": "snare"}
        assert self.labels(tmp_path) == labels
        assert self.labels(*[Upload(f"drums/{name}", wav()) for name in labels]) == {
            f"drums/{name}": label for name, label in labels.items()
        }
        assert listen([tmp_path]).labels == ("kick", "snare")

    def test_several_folders(self, tmp_path):
        put(tmp_path, {"kick/a.wav": wav(), "snare/a.wav": wav()})
        labels = self.labels(tmp_path / "kick", tmp_path / "snare")
        assert labels == {"kick/a.wav": "kick", "snare/a.wav": "snare"}

    def test_several_archives(self):
        archives = [Upload(f"{name}.zip", packed({"1.wav": wav()})) for name in ("kick", "snare")]
        assert self.labels(*archives) == {"kick/1.wav": "kick", "snare/1.wav": "snare"}

    def test_a_flat_folder_has_none(self, tmp_path):
        put(tmp_path, {"a.wav": wav(), "b.wav": wav(), "empty/none.wav": b""})
        assert set(self.labels(tmp_path).values()) == {""}
        assert listen([tmp_path]).labels == ()

    def test_files_beside_folders_are_unsorted(self, tmp_path):
        put(tmp_path, {"kick/a.wav": wav(), "b.wav": wav()})
        assert self.labels(tmp_path) == {"b.wav": "unsorted", "kick/a.wav": "kick"}

    def test_two_unicode_forms_are_one_label(self):
        forms = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
        uploads = [Upload(f"{name}/{number}.wav", wav()) for number, name in enumerate([*forms, "b"])]
        assert listen(uploads).labels == ("b", "é")


class TestNothingToUse:
    @pytest.mark.parametrize(
        ("files", "sentence"),
        [
            ({}, "There are no files in .*: choose a folder with sounds in it."),
            ({"a.png": b"", "b.png": b"", "c": b""}, r"no sound among the 3 files .*\(2 .png, 1 no extension\)"),
            ({"a.wav": wav(np.zeros(99)), "b.wav": wav(np.zeros(99)), "c.txt": b""}, "Every sound .* is silent"),
            ({"a.wav": b"", "b.wav": wav(np.zeros(99))}, r"None of the 2 sounds .*'a.wav': empty file \(0 bytes\)"),
        ],
    )
    def test_one_sentence(self, tmp_path, files, sentence):
        with pytest.raises(NoSounds, match=sentence) as caught:
            listen([put(tmp_path, files)])
        assert {file.path for file in caught.value.files} == set(files)

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(NoSounds, match=r"'.*nowhere' cannot be opened .No such file or directory.: check the path"):
            listen([tmp_path / "nowhere"])


class TestSuggestion:
    def suggest(self, *sounds: tuple[float, int]) -> Suggestion:
        """For sounds of so many seconds at such rates."""
        files = [wav(sine(300, seconds, rate), rate) for seconds, rate in sounds]
        return listen([Upload(f"{index}.wav", data) for index, data in enumerate(files)]).suggest()

    @pytest.mark.parametrize(
        ("rate", "suggested"),
        [(4_000, 8_000), (8_000, 8_000), (11_025, 11_025), (12_000, 11_025), (16_000, 16_000)]
        + [(22_050, 22_050), (44_100, 22_050), (48_000, 22_050), (96_000, 22_050)],
    )
    def test_rate_is_the_standard_one_below(self, rate, suggested):
        assert self.suggest((0.2, rate)).rate == suggested

    def test_rate_follows_the_most_common(self):
        suggestion = self.suggest((0.2, 44_100), (0.2, 8_000), (0.2, 8_000))
        assert suggestion.rate == 8_000
        assert suggestion.why == (
            "Most files are at 8,000 Hz, and 8,000 Hz keeps all of their sound. All sounds fit into 0.25 s."
        )

    @pytest.mark.parametrize(
        ("lengths_seconds", "suggested"),
        [
            # four of five are held whole by 0.5 s; three of five would be by 0.25 s
            ([0.2, 0.2, 0.2, 0.4, 3.0], 0.5),
            ([0.2, 0.2, 0.2, 0.2, 3.0], 0.25),
            ([2.5], 3.0),
            ([5.5, 6.0], 2.0),
        ],
    )
    def test_length_holds_four_sounds_of_five(self, lengths_seconds, suggested):
        suggestion = self.suggest(*[(seconds, 8_000) for seconds in lengths_seconds])
        assert suggestion.seconds == suggested

    def test_length_is_that_without_silence(self):
        x = np.concatenate([np.zeros(16_000), sine(300, 0.2, 8_000), np.zeros(16_000)])
        assert listen([Upload("a.wav", wav(x, 8_000))]).suggest().seconds == 0.25
