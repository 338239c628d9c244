"""From a messy folder to clips: what is found, what is refused and why, and what is written."""

import io
import json
import os
import resource
import shutil
import struct
import time
import unicodedata
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from audiogan import audio, datasets
from audiogan.datasets import DatasetError, NoSounds, Upload

RATE = 16_000


def sine(hz: float = 440, seconds: float = 0.5, rate: int = RATE, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(x: np.ndarray | None = None, rate: int = RATE, **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sine(rate=rate) if x is None else x, rate, **({"format": "WAV"} | options))
    return file.getvalue()


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


def whistle() -> np.ndarray:
    """A tone of 15 kHz at 44.1 kHz, of which a rate of 8 kHz holds nothing, not even a click at its ends."""
    return audio.fade(sine(15_000, 0.2, 44_100), 44_100, 0.05, 0.05)


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def by_path(survey) -> dict[str, datasets.SurveyedFile]:
    return {file.path: file for file in survey.files}


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


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
    return {path.removeprefix(prefix): file for path, file in by_path(datasets.survey(sources[request.param])).items()}


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

    def test_prepares_what_was_accepted(self, messy, tmp_path):
        survey = datasets.survey([messy])
        dataset = datasets.prepare(survey, tmp_path, "messy", 8_000, 0.5)
        assert dataset.n_clips == len(survey.accepted)
        assert dataset.labels == ("a", "unsorted")
        # every clip at -1 dB, whatever its file's level, offset and phase
        assert set(np.abs(dataset.clips()).max(axis=1)) <= {29_203, 29_204}
        # 32767 * 10^(-1/20) = 29203.6
        assert np.abs(dataset.clips().mean(axis=1)).max() < 300


class TestFinding:
    def test_order_is_natural(self, tmp_path):
        put(tmp_path, {name: wav() for name in ("kick 10.wav", "Kick 9.wav", "kick 1.wav", "b/1.wav")})
        paths = [file.path for file in datasets.survey([tmp_path]).files]
        assert paths == ["b/1.wav", "kick 1.wav", "Kick 9.wav", "kick 10.wav"]

    def test_links_to_folders_are_not_followed(self, tmp_path):
        put(tmp_path / "outside", {"secret.wav": wav()})
        folder = put(tmp_path / "inside", {"a.wav": wav()})
        (folder / "around").symlink_to(folder)
        (folder / "out").symlink_to(tmp_path / "outside")
        os.mkfifo(folder / "pipe.wav")
        statuses = {file.path: file.status for file in datasets.survey([folder]).files}
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
        survey = datasets.survey([Upload(name, wav())])
        assert [file.path for file in survey.files] == [shown]
        survey = datasets.survey([Upload("pack.zip", packed({name: wav()}))])
        assert [file.path for file in survey.files] == [f"pack/{shown}"]
        assert everything_below(tmp_path) == set()

    def test_a_name_that_is_not_utf8(self, tmp_path):
        with open(os.fsencode(tmp_path) + b"/caf\xe9.wav", "wb") as file:
            file.write(wav())
        put(tmp_path, {"b.wav": wav(sine(500))})
        dataset = datasets.prepare(datasets.survey([tmp_path]), tmp_path / "datasets", "x", 8_000, 0.5)
        assert [file.path for file in dataset.files] == ["b.wav", "caf\ufffd.wav"]

    def test_copies_are_remarked(self, tmp_path):
        # the last has the size and the length of the others, but not their content
        files = {"a.wav": wav(sine(440)), "b.wav": wav(sine(440)), "c.wav": wav(sine(441))}
        files["d.wav"] = wav(sine(440)[::-1].copy())
        survey = datasets.survey([put(tmp_path, files)])
        assert [file.reason for file in survey.files] == ["", "same content as a.wav", "", ""]

    def test_a_file_that_may_not_be_read(self, tmp_path, monkeypatch):
        def refuse(self):
            raise PermissionError(13, "Permission denied")

        put(tmp_path, {"a.wav": wav(), "b.wav": wav()})
        read_all = datasets._OnDisk.read_all
        monkeypatch.setattr(
            datasets._OnDisk, "read_all", lambda file: (refuse if "b.wav" in file.path else read_all)(file)
        )
        assert by_path(datasets.survey([tmp_path]))["b.wav"].reason == "cannot be read (Permission denied)"

    def test_a_file_over_the_limit_is_not_read(self, tmp_path):
        put(tmp_path, {"a.wav": wav()})
        # takes no room on the disk
        with open(tmp_path / "huge.wav", "wb") as file:
            file.truncate(datasets.LARGEST_FILE_BYTES + 1)
        assert by_path(datasets.survey([tmp_path]))["huge.wav"].reason.startswith("larger than 1 GiB")

    def test_progress_reaches_the_end(self, tmp_path):
        put(tmp_path, {f"{number}.wav": wav() for number in range(20)})
        told = []
        survey = datasets.survey([tmp_path], lambda *progress: told.append(progress))
        assert told == [(16, 20), (20, 20)]
        datasets.prepare(survey, tmp_path / "datasets", "x", 8_000, 0.5, progress=lambda *all: told.append(all))
        assert told[2:] == [(16, 20), (20, 20)]


class TestArchives:
    def reason(self, archive: bytes) -> str:
        survey = datasets.survey([Upload("pack.zip", archive), Upload("good.wav", wav())])
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
        statuses = {file.path: file.status for file in datasets.survey([tmp_path]).files}
        assert statuses == {"set/pack/a.wav": "accepted", "set/pack/inner.zip": "ignored"}


class TestLabels:
    def labels(self, *sources) -> dict[str, str]:
        return {file.path: file.label for file in datasets.survey(sources).accepted}

    def test_subfolders_of_one_folder(self, tmp_path):
        put(tmp_path, {"kick/a.wav": wav(), "kick/loud/b.wav": wav(), "snare/a.wav": wav()})
        labels = {"kick/a.wav": "kick", "kick/loud/b.wav": "kick", "snare/a.wav": "snare"}
        assert self.labels(tmp_path) == labels
        assert self.labels(*[Upload(f"drums/{name}", wav()) for name in labels]) == {
            f"drums/{name}": label for name, label in labels.items()
        }
        assert datasets.survey([tmp_path]).labels == ("kick", "snare")

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
        assert datasets.survey([tmp_path]).labels == ()

    def test_files_beside_folders_are_unsorted(self, tmp_path):
        put(tmp_path, {"kick/a.wav": wav(), "b.wav": wav()})
        assert self.labels(tmp_path) == {"b.wav": "unsorted", "kick/a.wav": "kick"}

    def test_two_unicode_forms_are_one_label(self):
        forms = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
        uploads = [Upload(f"{name}/{number}.wav", wav()) for number, name in enumerate([*forms, "b"])]
        assert datasets.survey(uploads).labels == ("b", "é")


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
            datasets.survey([put(tmp_path, files)])
        assert {file.path for file in caught.value.files} == set(files)

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(NoSounds, match=r"'.*nowhere' cannot be opened .No such file or directory.: check the path"):
            datasets.survey([tmp_path / "nowhere"])


class TestSuggestion:
    def suggest(self, *sounds: tuple[float, int]) -> datasets.Suggestion:
        """For sounds of so many seconds at such rates."""
        files = [wav(sine(300, seconds, rate), rate) for seconds, rate in sounds]
        return datasets.survey([Upload(f"{index}.wav", data) for index, data in enumerate(files)]).suggest()

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
        assert datasets.survey([Upload("a.wav", wav(x, 8_000))]).suggest().seconds == 0.25


class TestCutting:
    def clips(self, x: np.ndarray, seconds: float, loudness: str = "peak") -> list[np.ndarray]:
        return datasets.Cutting(8_000, seconds, loudness).clips(x, 8_000)

    def test_a_one_shot_gives_its_first_clip(self):
        # 3 clip lengths are a one-shot, one sample more a recording
        ramp = np.linspace(0.1, 0.9, 2_400, dtype=np.float32)
        (clip,) = self.clips(ramp, 0.1)
        # the first clip's own peak, before its fade of 80 samples, becomes -1 dB
        gain = 0.891251 / ramp[719]
        np.testing.assert_allclose(clip[:700] / 32767, ramp[:700] * gain, atol=2e-3)
        assert len(self.clips(np.append(ramp, 0.9).astype(np.float32), 0.1)) == 3

    def test_a_one_shot_is_resampled_from_what_is_used(self):
        x = sine(500, 2.0, 44_100)
        (clip,) = datasets.Cutting(8_000, 1.0).clips(x, 44_100)
        expected = audio.normalise_peak(audio.resample(x, 44_100, 8_000)[:8_000])
        np.testing.assert_allclose(clip[:7_900] / 32767, expected[:7_900], atol=2e-3)
        assert len(clip) == 8_000

    def test_only_cut_edges_are_faded(self):
        first, *middle, last = self.clips(np.full(4_000, 0.5, np.float32), 0.1)
        full = 29_204
        assert first[0] == full and first[-1] == 0
        assert all(clip[0] == 0 and clip[-1] == 0 for clip in middle)
        assert last[0] == 0 and last[-1] == full
        # 1 ms is 8 samples, 10 ms are 80
        assert middle[0][8] == full and middle[0][7] < full
        assert middle[0][-81] == full and middle[0][-80] < full

    def test_short_sounds_are_not_faded(self):
        (clip,) = self.clips(np.full(400, 0.5, np.float32), 0.1)
        assert len(clip) == 400 and set(clip) == {29_204}

    def test_pauses_of_a_recording_are_left_out(self):
        pause = 1e-3 * np.sign(sine(1_000, 0.1, 8_000))
        # -54 dB beside the peak: above -60 dB of full scale, below -45 dB of the recording
        x = np.concatenate([sine(500, 0.1, 8_000), pause, sine(600, 0.2, 8_000)]).astype(np.float32)
        assert len(self.clips(x, 0.1)) == 3

    def test_what_the_rate_cannot_hold_is_silent(self):
        assert datasets.Cutting(8_000, 0.2).clips(whistle(), 44_100) == []

    def test_loudness_kept(self):
        (clip,) = self.clips(sine(500, 0.1, 8_000, 0.25), 0.1, "keep")
        assert clip.max() == round(0.25 * 32767)

    @pytest.mark.parametrize(
        ("rate", "seconds", "loudness", "sentence"),
        [
            (3_999, 1, "peak", "rate must lie between 4,000 and 96,000 Hz, not 3,999"),
            (96_001, 1, "peak", "rate"),
            (8_000, 0.049, "peak", "must last from 0.05 to 30 s, not 0.049"),
            (8_000, 30.1, "peak", "must last"),
            (8_000, float("nan"), "peak", "must last"),
            (8_000, 1, "loud", "Loudness is one of peak, keep; 'loud' is not"),
        ],
    )
    def test_settings_out_of_range(self, rate, seconds, loudness, sentence):
        with pytest.raises(DatasetError, match=sentence):
            datasets.Cutting(rate, seconds, loudness)


@pytest.fixture
def drums(tmp_path):
    """A survey of two kicks (one of them long), a snare, a broken file and a text."""
    files = {
        "kick/1.wav": wav(np.concatenate([np.zeros(1_000), sine(100, 0.3)])),
        "kick/2.wav": wav(sine(120, 1.0)),
        "snare/1.wav": wav(sine(200, 0.1)),
        "snare/2.wav": b"",
        "notes.txt": b"",
    }
    return datasets.survey([put(tmp_path / "drums", files)])


class TestPrepare:
    def test_layout(self, drums, tmp_path):
        dataset = datasets.prepare(drums, tmp_path / "datasets", "my drums", 8_000, 0.25)
        assert dataset.folder == tmp_path / "datasets" / "my drums"
        assert everything_below(tmp_path / "datasets") == {
            "my drums",
            *(f"my drums/{name}" for name in ("clips.npy", "labels.npy", "files.npy", "manifest.json")),
        }
        assert (dataset.name, dataset.rate, dataset.clip_samples, dataset.seconds) == ("my drums", 8_000, 2_000, 0.25)
        # 0.3 s are a one-shot, 1 s a recording of four clips, 0.1 s are padded
        assert dataset.n_clips == 6
        assert dataset.labels == ("kick", "snare") and dataset.counts == {"kick": 5, "snare": 1}
        assert dataset.clip_labels().tolist() == [0, 0, 0, 0, 0, 1]
        assert [dataset.files[index].path for index in dataset.clip_files()] == [
            "kick/1.wav",
            *["kick/2.wav"] * 4,
            "snare/1.wav",
        ]
        assert {file.path: (file.status, file.clips) for file in dataset.files} == {
            "kick/1.wav": ("accepted", 1),
            "kick/2.wav": ("accepted", 4),
            "notes.txt": ("ignored", 0),
            "snare/1.wav": ("accepted", 1),
            "snare/2.wav": ("skipped", 0),
        }
        assert dataset.clips().shape == (6, 2_000) and dataset.clips().dtype == np.int16
        assert not dataset.clips().flags.writeable
        np.testing.assert_allclose(dataset.clip(5), dataset.clips()[5] / 32767, rtol=1e-6)
        assert not dataset.clips()[5, 800:].any() and dataset.clips()[5, :800].any()

    def test_manifest_is_plain_json(self, drums, tmp_path):
        dataset = datasets.prepare(drums, tmp_path, "x", 8_000, 0.25, loudness="keep")
        manifest = json.loads((dataset.folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["settings"] == dataset.settings == {"seconds": 0.25, "loudness": "keep"}
        assert manifest["files"][4] == {
            "path": "snare/2.wav",
            "status": "skipped",
            "reason": "empty file (0 bytes)",
            "label": "",
            "rate": 0,
            "channels": 0,
            "seconds": 0.0,
            "trimmed_seconds": 0.0,
            "clips": 0,
        }

    def test_fingerprint_tells_content_and_not_the_name(self, drums, tmp_path):
        def fingerprint(name, *settings):
            return datasets.prepare(drums, tmp_path, name, *settings).fingerprint

        assert fingerprint("a", 8_000, 0.25) == fingerprint("b", 8_000, 0.25)
        different = {fingerprint("c", 8_000, 0.25, "keep"), fingerprint("d", 8_001, 0.25), fingerprint("e", 8_000, 0.2)}
        assert len(different | {fingerprint("f", 8_000, 0.25)}) == 4

    def test_fingerprint_tells_the_rate(self, tmp_path):
        fingerprints = set()
        for rate in (8_000, 16_000):
            # the same samples played at two speeds, cut into clips of as many samples
            sounds = [Upload(f"{hz}.wav", wav(sine(hz, 0.5, 8_000), rate)) for hz in (400, 500)]
            dataset = datasets.prepare(datasets.survey(sounds), tmp_path, f"{rate}", rate, 4_000 / rate)
            fingerprints.add(dataset.fingerprint)
        assert len(fingerprints) == 2

    def test_without_labels(self, tmp_path):
        survey = datasets.survey([Upload("a.wav", wav()), Upload("b.wav", wav(sine(600)))])
        dataset = datasets.prepare(survey, tmp_path, "x", 8_000, 0.5)
        assert dataset.labels == () and dataset.counts == {} and dataset.clip_labels().tolist() == [0, 0]

    def test_a_label_without_clips_is_left_out(self, tmp_path):
        files = {"dog/1.wav": wav(whistle(), 44_100), "kick/1.wav": wav(), "snare/1.wav": wav()}
        dataset = datasets.prepare(datasets.survey([put(tmp_path / "s", files)]), tmp_path, "x", 8_000, 0.5)
        assert dataset.labels == ("kick", "snare") and dataset.clip_labels().tolist() == [0, 1]

    def test_sounds_beyond_the_memory_budget_are_read_again(self, drums, tmp_path, monkeypatch):
        monkeypatch.setattr(datasets, "KEPT_BYTES", 0)
        again = datasets.survey([tmp_path / "drums"])
        assert not again._kept and drums._kept
        first, second = (
            datasets.prepare(survey, tmp_path, name, 8_000, 0.25) for survey, name in ((drums, "a"), (again, "b"))
        )
        assert first.fingerprint == second.fingerprint

    def test_a_sound_that_vanished_meanwhile(self, tmp_path, monkeypatch):
        monkeypatch.setattr(datasets, "KEPT_BYTES", 0)
        survey = datasets.survey([put(tmp_path / "s", {"a.wav": wav(), "b.wav": wav()})])
        (tmp_path / "s" / "b.wav").unlink()
        with pytest.raises(DatasetError, match=r"'b.wav' has changed since it was looked at .*: look again"):
            datasets.prepare(survey, tmp_path / "datasets", "x", 8_000, 0.5)
        assert everything_below(tmp_path / "datasets") == set()

    def test_several_threads_give_the_same(self, drums, tmp_path, monkeypatch):
        one = datasets.prepare(drums, tmp_path, "one", 8_000, 0.25)
        monkeypatch.setattr(datasets, "SMALL_BYTES", 0)
        monkeypatch.setattr(datasets, "FILES_PER_BATCH", 1)
        survey = datasets.survey([tmp_path / "drums"])
        assert survey.files == drums.files
        assert datasets.prepare(survey, tmp_path, "many", 8_000, 0.25).fingerprint == one.fingerprint


class TestPrepareRefuses:
    @pytest.mark.parametrize(
        "name", ["", ".hidden", "../x", "a/b", "a\\b", "x" * 81, "a\n", "ends.", "ends ", "-rf", "é"]
    )
    def test_unfit_names(self, drums, tmp_path, name):
        with pytest.raises(DatasetError, match="cannot be a name: use up to 80 letters"):
            datasets.prepare(drums, tmp_path / "datasets", name, 8_000, 0.25)
        assert not (tmp_path / "datasets").exists()

    @pytest.mark.parametrize("name", ["a", "Drums 2", "x" * 80, "v1.2_final-mix", "20261121-0732-drums-wavegan"])
    def test_fit_names(self, name):
        datasets.check_name(name)

    def test_a_name_that_is_taken(self, drums, tmp_path):
        datasets.prepare(drums, tmp_path / "datasets", "x", 8_000, 0.25)
        before = everything_below(tmp_path / "datasets")
        with pytest.raises(DatasetError, match="already a data set named 'x': choose another name or delete"):
            datasets.prepare(drums, tmp_path / "datasets", "x", 8_000, 0.25)
        assert everything_below(tmp_path / "datasets") == before

    def test_one_clip(self, tmp_path):
        survey = datasets.survey([Upload("a.wav", wav())])
        with pytest.raises(DatasetError, match=r"One clip is not enough .* shorter than 0.5 s"):
            datasets.prepare(survey, tmp_path, "x", 8_000, 0.5)
        assert everything_below(tmp_path) == set()

    def test_only_silent_clips(self, tmp_path):
        survey = datasets.survey([Upload("a.wav", wav(whistle(), 44_100))])
        with pytest.raises(DatasetError, match="Every clip is silent"):
            datasets.prepare(survey, tmp_path, "x", 8_000, 0.5)
        assert everything_below(tmp_path) == set()

    def test_a_full_disk(self, drums, tmp_path):
        # the system refuses files of more than 1000 bytes, as it does when there is no room
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
        try:
            with pytest.raises(DatasetError, match=r"cannot be written to .*: free some space"):
                datasets.prepare(drums, tmp_path / "datasets", "x", 8_000, 0.25)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert everything_below(tmp_path / "datasets") == set()

    def test_interruption_leaves_nothing(self, drums, tmp_path):
        def interrupt(done, total):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            datasets.prepare(drums, tmp_path / "datasets", "x", 8_000, 0.25, progress=interrupt)
        assert everything_below(tmp_path / "datasets") == set()

    def test_what_a_killed_process_left_is_removed_after_a_day(self, drums, tmp_path):
        for name, age_seconds in ((".old.12.partial", 90_000), (".new.34.partial", 60)):
            (tmp_path / name).mkdir()
            os.utime(tmp_path / name, (time.time() - age_seconds,) * 2)
        datasets.prepare(drums, tmp_path, "x", 8_000, 0.25)
        assert {path.name for path in tmp_path.iterdir()} == {".new.34.partial", "x", "drums"}


class TestOpening:
    def test_lists_whole_data_sets_in_order(self, drums, tmp_path):
        for name in ("b 10", "b 9", "a"):
            datasets.prepare(drums, tmp_path / "datasets", name, 8_000, 0.25)
        put(tmp_path / "datasets", {"damaged/manifest.json": b"{", "file": b""})
        shutil.copytree(tmp_path / "datasets" / "a", tmp_path / "datasets" / ".a.0123.partial")
        assert [dataset.name for dataset in datasets.list_datasets(tmp_path / "datasets")] == ["a", "b 9", "b 10"]
        assert datasets.list_datasets(tmp_path / "nowhere") == []

    def test_a_missing_one(self, tmp_path):
        with pytest.raises(DatasetError, match="There is no data set 'x'"):
            datasets.open_dataset(tmp_path / "x")

    @pytest.mark.parametrize("manifest", [b"{", b"{}", b"[]", b'{"files": [{}]}', b"\xff"])
    def test_a_damaged_manifest(self, tmp_path, manifest):
        put(tmp_path, {"x/manifest.json": manifest})
        with pytest.raises(DatasetError, match=r"'x' has a damaged manifest.json"):
            datasets.open_dataset(tmp_path / "x")

    @pytest.mark.parametrize("damage", [lambda data: data[:-1_000], lambda data: b"", lambda data: b"x" * len(data)])
    def test_damaged_clips(self, drums, tmp_path, damage):
        dataset = datasets.prepare(drums, tmp_path, "x", 8_000, 0.25)
        path = dataset.folder / "clips.npy"
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(DatasetError, match=r"'x' is damaged .clips.npy cannot be read"):
            datasets.open_dataset(dataset.folder).clips()

    def test_arrays_that_do_not_fit_the_manifest(self, drums, tmp_path):
        dataset = datasets.prepare(drums, tmp_path, "x", 8_000, 0.25)
        np.save(dataset.folder / "labels.npy", np.zeros(5, np.int64))
        with pytest.raises(DatasetError, match=r"labels.npy has the shape \(5,\) where the manifest says \(6,\)"):
            dataset.clip_labels()
