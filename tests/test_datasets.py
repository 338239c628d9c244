"""From what was accepted to clips: how sounds are cut, what is written, what is refused, and what is read back."""

import json
import os
import resource
import shutil
import time

import numpy as np
import pytest

from audiogan import audio, datasets
from audiogan.datasets import DatasetError
from audiogan.files import Upload
from audiogan.survey import listen
from tests.sound_files import everything_below, put, sine, wav
from tests.test_survey import MESSY


def whistle() -> np.ndarray:
    """A tone of 15 kHz at 44.1 kHz, of which a rate of 8 kHz holds nothing, not even a click at its ends."""
    return audio.fade(sine(15_000, 0.2, 44_100), 44_100, 0.05, 0.05)


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
    return listen([put(tmp_path / "drums", files)])


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
            dataset = datasets.prepare(listen(sounds), tmp_path, f"{rate}", rate, 4_000 / rate)
            fingerprints.add(dataset.fingerprint)
        assert len(fingerprints) == 2

    def test_without_labels(self, tmp_path):
        survey = listen([Upload("a.wav", wav()), Upload("b.wav", wav(sine(600)))])
        dataset = datasets.prepare(survey, tmp_path, "x", 8_000, 0.5)
        assert dataset.labels == () and dataset.counts == {} and dataset.clip_labels().tolist() == [0, 0]

    def test_a_label_without_clips_is_left_out(self, tmp_path):
        files = {"dog/1.wav": wav(whistle(), 44_100), "kick/1.wav": wav(), "snare/1.wav": wav()}
        dataset = datasets.prepare(listen([put(tmp_path / "s", files)]), tmp_path, "x", 8_000, 0.5)
        assert dataset.labels == ("kick", "snare") and dataset.clip_labels().tolist() == [0, 1]

    def test_prepares_what_was_accepted(self, tmp_path):
        survey = listen([put(tmp_path / "messy", {name: row[0] for name, row in MESSY.items()})])
        dataset = datasets.prepare(survey, tmp_path / "datasets", "messy", 8_000, 0.5)
        assert dataset.n_clips == len(survey.accepted)
        assert dataset.labels == ("a", "unsorted")
        # every clip at -1 dB, whatever its file's level, offset and phase
        assert set(np.abs(dataset.clips()).max(axis=1)) <= {29_203, 29_204}
        # 32767 * 10^(-1/20) = 29203.6
        assert np.abs(dataset.clips().mean(axis=1)).max() < 300

    def test_a_name_that_is_not_utf8(self, tmp_path):
        with open(os.fsencode(tmp_path) + b"/caf\xe9.wav", "wb") as file:
            file.write(wav())
        put(tmp_path, {"b.wav": wav(sine(500))})
        dataset = datasets.prepare(listen([tmp_path]), tmp_path / "datasets", "x", 8_000, 0.5)
        assert [file.path for file in dataset.files] == ["b.wav", "caf\ufffd.wav"]

    def test_progress_reaches_the_end(self, tmp_path):
        survey = listen([put(tmp_path / "s", {f"{number}.wav": wav() for number in range(20)})])
        told = []
        datasets.prepare(survey, tmp_path / "datasets", "x", 8_000, 0.5, progress=lambda *all: told.append(all))
        assert told == [(16, 20), (20, 20)]

    def test_sounds_beyond_the_memory_budget_are_read_again(self, drums, tmp_path, monkeypatch):
        monkeypatch.setattr("audiogan.survey.KEPT_BYTES", 0)
        again = listen([tmp_path / "drums"])
        assert not again._kept and drums._kept
        first, second = (
            datasets.prepare(survey, tmp_path, name, 8_000, 0.25) for survey, name in ((drums, "a"), (again, "b"))
        )
        assert first.fingerprint == second.fingerprint

    def test_a_sound_that_vanished_meanwhile(self, tmp_path, monkeypatch):
        monkeypatch.setattr("audiogan.survey.KEPT_BYTES", 0)
        survey = listen([put(tmp_path / "s", {"a.wav": wav(), "b.wav": wav()})])
        (tmp_path / "s" / "b.wav").unlink()
        with pytest.raises(DatasetError, match=r"'b.wav' has changed since it was looked at .*: look again"):
            datasets.prepare(survey, tmp_path / "datasets", "x", 8_000, 0.5)
        assert everything_below(tmp_path / "datasets") == set()

    def test_several_threads_give_the_same(self, drums, tmp_path, monkeypatch):
        one = datasets.prepare(drums, tmp_path, "one", 8_000, 0.25)
        monkeypatch.setattr("audiogan.survey.SMALL_BYTES", 0)
        monkeypatch.setattr("audiogan.survey.FILES_PER_BATCH", 1)
        survey = listen([tmp_path / "drums"])
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
        survey = listen([Upload("a.wav", wav())])
        with pytest.raises(DatasetError, match=r"One clip is not enough .* shorter than 0.5 s"):
            datasets.prepare(survey, tmp_path, "x", 8_000, 0.5)
        assert everything_below(tmp_path) == set()

    def test_only_silent_clips(self, tmp_path):
        survey = listen([Upload("a.wav", wav(whistle(), 44_100))])
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
