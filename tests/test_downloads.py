"""Public data sets, fetched from a server of this test's own."""

import errno
import hashlib
import http.server
import json
import re
import shutil
import tarfile
import threading
from collections import namedtuple
from dataclasses import replace

import pytest

from audiogan import downloads
from audiogan.downloads import Download, download
from audiogan.lab import Lab
from audiogan.sources import SOURCES, Archive, SourceError
from audiogan.survey import listen
from tests.sound_files import everything_below, put
from tests.test_cli import assert_one_sentence, run_command
from tests.test_sources import FSD_AUDIO, FSD_META, SPEECH_COMMANDS, labels_of, tar_of, zip_of

# a server that can break off


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` on this computer, remembers what was asked, and can close a connection half-way."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.breaks_after: int | None = None
        self.knows_ranges = True

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name, wanted = self.path.lstrip("/"), self.headers.get("Range")
        self.server.asked.append((name, wanted))
        data = self.server.files.get(name)
        if data is None:
            self.send_error(404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.server.knows_ranges else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start : self.server.breaks_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def publish(server, monkeypatch):
    """Makes a public data set fetch this archive from the server: publish("sc09", "a.tar.gz", data)."""

    def make(name: str, file_name: str, data: bytes, checksum: str = "", **changes) -> None:
        server.files[file_name] = data
        checksum = checksum or f"sha256:{hashlib.sha256(data).hexdigest()}"
        archive = Archive(server.address(file_name), file_name, len(data), checksum)
        monkeypatch.setitem(SOURCES, name, replace(SOURCES[name], archives=(archive,), **changes))

    return make


@pytest.fixture
def publish_fsd(server, monkeypatch):
    """FSDKaggle2018 on the server, with the record of its files as Zenodo writes it."""
    packed = {
        "FSDKaggle2018.meta.zip": zip_of(FSD_META),
        "FSDKaggle2018.audio_train.zip": zip_of(FSD_AUDIO),
    }
    listed = [
        {"key": name, "size": len(data), "checksum": f"md5:{hashlib.md5(data).hexdigest()}"}
        for name, data in packed.items()
    ]
    server.files |= packed | {"record": json.dumps({"files": listed}).encode()}
    archives = tuple(
        replace(archive, address=server.address(archive.name), record=server.address("record"))
        for archive in SOURCES["fsdkaggle2018"].archives
    )
    monkeypatch.setitem(SOURCES, "fsdkaggle2018", replace(SOURCES["fsdkaggle2018"], archives=archives))
    return listed


def cancelled_after(done_bytes: int, to, monkeypatch) -> Download:
    """A download of SC09 that was cancelled as soon as so many bytes had come, once it has ended."""
    show = Download._show

    def show_and_cancel(self, done: int, total: int) -> None:
        if done >= done_bytes:
            self.cancel()
        show(self, done, total)

    monkeypatch.setattr(Download, "_show", show_and_cancel)
    running = Download("sc09", to)
    running.wait(30)
    monkeypatch.setattr(Download, "_show", show)
    return running


class TestDownload:
    def test_sc09_is_the_ten_digits_and_nothing_stays_beside_it(self, publish, tmp_path):
        data = tar_of(SPEECH_COMMANDS)
        publish("sc09", "speech_commands_v0.02.tar.gz", data)
        told = []
        folder = download("sc09", tmp_path / "to", lambda done, total: told.append((done, total)))
        assert folder == tmp_path / "to" / "sc09"
        assert everything_below(folder) == {
            "zero",
            "zero/0a7c2a8d_nohash_0.wav",
            "nine",
            "nine/0a7c2a8d_nohash_0.wav",
            "nine/1b4c9b89_nohash_2.wav",
            "validation_list.txt",
            "testing_list.txt",
            "LICENSE",
        }
        assert (folder / "validation_list.txt").read_bytes() == SPEECH_COMMANDS["./validation_list.txt"]
        assert {path.name for path in (tmp_path / "to").iterdir()} == {"sc09"}
        assert told[-1] == (len(data), len(data))
        assert labels_of(listen([folder])) == {
            "zero/0a7c2a8d_nohash_0.wav": "zero",
            "nine/0a7c2a8d_nohash_0.wav": "nine",
            "nine/1b4c9b89_nohash_2.wav": "nine",
        }

    def test_what_is_there_is_not_fetched_again(self, publish, server, tmp_path):
        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS))
        assert download("sc09", tmp_path) == download("sc09", tmp_path)
        assert server.asked == [("a.tar.gz", None)]

    def test_fsdkaggle2018_takes_sizes_and_checksums_from_the_record(self, publish_fsd, tmp_path):
        folder = download("fsdkaggle2018", tmp_path)
        assert labels_of(listen([folder])) == {
            "FSDKaggle2018.audio_train/00044347.wav": "Saxophone",
            "FSDKaggle2018.audio_train/001ca53d.wav": "Saxophone",
            "FSDKaggle2018.audio_train/002d256b.wav": "Violin_or_fiddle",
        }

    def test_a_checksum_that_the_record_has_otherwise_is_wrong(self, publish_fsd, server, tmp_path):
        publish_fsd[1]["checksum"] = "md5:" + "0" * 32
        server.files["record"] = json.dumps({"files": publish_fsd}).encode()
        with pytest.raises(SourceError, match=r"FSDKaggle2018\.audio_train\.zip came with a wrong checksum"):
            download("fsdkaggle2018", tmp_path)
        # the first archive was right, and need not come again
        assert everything_below(tmp_path) == {"archives", "archives/FSDKaggle2018.meta.zip"}

    @pytest.mark.parametrize(
        ("record", "words"),
        [(b'{"files": []}', "no longer lists"), (b"<html>", "no longer lists"), (None, "it answered 404")],
    )
    def test_a_record_that_says_nothing_is_one_sentence(self, publish_fsd, server, tmp_path, record, words):
        server.files["record"] = record
        with pytest.raises(SourceError, match=words):
            download("fsdkaggle2018", tmp_path)
        assert not everything_below(tmp_path)

    def test_a_wrong_checksum_leaves_nothing(self, publish, tmp_path):
        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS), checksum="sha256:" + "0" * 64)
        with pytest.raises(SourceError, match="wrong checksum and was thrown away"):
            download("sc09", tmp_path)
        assert not everything_below(tmp_path)

    def test_broken_off_it_goes_on_from_there(self, publish, server, tmp_path, monkeypatch):
        monkeypatch.setattr(downloads, "CHUNK_BYTES", 100)
        data = tar_of(SPEECH_COMMANDS)
        publish("sc09", "a.tar.gz", data)
        server.breaks_after = half = len(data) // 2
        with pytest.raises(SourceError, match=r"broke off after .* and it goes on from there"):
            download("sc09", tmp_path)
        kept = (tmp_path / "archives" / "a.tar.gz.partial").read_bytes()
        # whole chunks of what came, and nothing else
        assert kept == data[: half // 100 * 100]
        assert not (tmp_path / "sc09").exists()
        server.breaks_after = None
        download("sc09", tmp_path)
        assert server.asked == [("a.tar.gz", None), ("a.tar.gz", f"bytes={len(kept)}-")]
        assert {path.name for path in tmp_path.iterdir()} == {"sc09"}

    def test_an_archive_that_is_here_is_told_and_not_fetched(self, publish, server, tmp_path):
        data = tar_of(SPEECH_COMMANDS)
        publish("sc09", "a.tar.gz", data)
        put(tmp_path / "archives", {"a.tar.gz": data})
        told = []
        download("sc09", tmp_path, lambda *counts: told.append(counts))
        assert (set(told), server.asked) == ({(len(data), len(data))}, [])

    def test_a_disk_that_fills_up_is_one_sentence_and_leaves_nothing_half_written(self, publish, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS))
        monkeypatch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(SourceError, match=r"The disk of '.*' is full: free some space"):
            download("sc09", tmp_path)
        assert everything_below(tmp_path) == {"archives", "archives/a.tar.gz"}

    def test_a_place_that_cannot_be_written_is_one_sentence(self, publish, server, tmp_path):
        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS))
        (tmp_path / "file").write_text("not a folder")
        with pytest.raises(SourceError, match=r"cannot be written \(.*choose another folder"):
            download("sc09", tmp_path / "file")

    def test_a_part_that_is_longer_than_the_whole_is_forgotten(self, publish, server, tmp_path):
        data = tar_of(SPEECH_COMMANDS)
        publish("sc09", "a.tar.gz", data)
        put(tmp_path / "archives", {"a.tar.gz.partial": data + b"1"})
        assert (download("sc09", tmp_path) / "LICENSE").exists()
        assert server.asked == [("a.tar.gz", None)]

    def test_a_server_that_knows_no_ranges_sends_all_again(self, publish, server, tmp_path):
        data = tar_of(SPEECH_COMMANDS)
        publish("sc09", "a.tar.gz", data)
        put(tmp_path / "archives", {"a.tar.gz.partial": data[:100]})
        server.knows_ranges = False
        assert (download("sc09", tmp_path) / "LICENSE").exists()

    def test_an_archive_larger_than_published_is_not_written_out(self, publish, server, tmp_path):
        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS))
        server.files["a.tar.gz"] += bytes(2**20)
        with pytest.raises(SourceError, match="sends more than"):
            download("sc09", tmp_path)

    def test_a_missing_address_is_one_sentence(self, publish, server, tmp_path):
        publish("sc09", "a.tar.gz", b"data")
        del server.files["a.tar.gz"]
        with pytest.raises(SourceError, match="it answered 404"):
            download("sc09", tmp_path)
        assert not everything_below(tmp_path)

    def test_too_little_room_is_told_before_anything_comes(self, publish, server, tmp_path, monkeypatch):
        publish("sc09", "a.tar.gz", bytes(1_000_000), most_unpacked_bytes=4_000_000)
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9_000_000, 4_000_001, 4_999_999))
        with pytest.raises(SourceError, match=r"needs 5 MB of free space .* has 5 MB"):
            download("sc09", tmp_path)
        assert server.asked == []
        assert not everything_below(tmp_path)

    def test_two_at_once_into_one_place_are_refused(self, publish, tmp_path):
        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS))
        put(tmp_path / "archives", {"a.tar.gz.partial": b"1"})
        with (
            downloads.FileLock(tmp_path / "archives" / "a.tar.gz.lock"),
            pytest.raises(SourceError, match="is being downloaded"),
        ):
            download("sc09", tmp_path)

    def test_bird_song_says_how_to_get_it(self, tmp_path):
        with pytest.raises(SourceError, match=r"needs an account at Kaggle.*birdsong_metadata\.csv and songs/"):
            download("birdsong", tmp_path)

    def test_a_thread_downloads_for_a_page(self, publish, tmp_path):
        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS))
        running = Download("sc09", tmp_path)
        running.wait(30)
        assert (running.is_active, running.error, running.folder) == (False, "", tmp_path / "sc09")
        assert running.done_bytes == running.total_bytes == len(tar_of(SPEECH_COMMANDS))

    def test_one_archive_makes_two_data_sets_and_goes_when_both_are_there(self, publish, server, tmp_path):
        data = tar_of(SPEECH_COMMANDS)
        for name in ("sc09", "speech_commands"):
            publish(name, "a.tar.gz", data)
        digits = download("sc09", tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"sc09", "archives"}
        assert everything_below(tmp_path / "archives") == {"a.tar.gz"}
        (kept,) = downloads.kept_archives("sc09", tmp_path)
        assert kept.startswith(
            f"The archive ({len(data) / 1000:.0f} kB) is kept for speech_commands: delete '{tmp_path}"
        )
        words = download("speech_commands", tmp_path)
        assert server.asked == [("a.tar.gz", None)]
        assert {path.name for path in tmp_path.iterdir()} == {"sc09", "speech_commands"}
        assert downloads.kept_archives("sc09", tmp_path) == []
        assert not (digits / "bed").exists()
        assert (words / "bed").exists()

    def test_a_kept_archive_that_was_deleted_is_not_told(self, publish, tmp_path):
        for name in ("sc09", "speech_commands"):
            publish(name, "a.tar.gz", tar_of(SPEECH_COMMANDS))
        download("sc09", tmp_path)
        (tmp_path / "archives" / "a.tar.gz").unlink()
        assert downloads.kept_archives("sc09", tmp_path) == []

    def test_what_broke_off_for_one_goes_on_for_the_other(self, publish, server, tmp_path, monkeypatch):
        monkeypatch.setattr(downloads, "CHUNK_BYTES", 100)
        data = tar_of(SPEECH_COMMANDS)
        for name in ("sc09", "speech_commands"):
            publish(name, "a.tar.gz", data)
        server.breaks_after = half = len(data) // 2
        with pytest.raises(SourceError, match="broke off"):
            download("sc09", tmp_path)
        server.breaks_after = None
        download("speech_commands", tmp_path)
        assert server.asked[1:] == [("a.tar.gz", f"bytes={half // 100 * 100}-")]

    def test_two_that_share_an_archive_are_not_fetched_at_once(self, publish, tmp_path):
        for name in ("sc09", "speech_commands"):
            publish(name, "a.tar.gz", tar_of(SPEECH_COMMANDS))
        (tmp_path / "archives").mkdir()
        with (
            downloads.FileLock(tmp_path / "archives" / "a.tar.gz.lock"),
            pytest.raises(SourceError, match=r"The archive of Speech Commands 0\.02 is being downloaded already"),
        ):
            download("speech_commands", tmp_path)

    def test_the_two_that_share_an_archive_are_these(self):
        assert SOURCES["sc09"].archives == SOURCES["speech_commands"].archives
        assert not set(SOURCES["sc09"].archives) & set(SOURCES["fsdkaggle2018"].archives)

    def test_cancelled_it_ends_and_goes_on_from_there(self, publish, server, tmp_path, monkeypatch):
        monkeypatch.setattr(downloads, "CHUNK_BYTES", 100)
        data = tar_of(SPEECH_COMMANDS)
        publish("sc09", "a.tar.gz", data)
        first = cancelled_after(300, tmp_path, monkeypatch)
        assert (first.is_active, first.is_cancelled, first.folder) == (False, True, None)
        words = rf"^Cancelled after 300 B of {len(data) / 1000:.0f} kB\. What came is kept in '{tmp_path}/archives': "
        assert re.match(words, first.error)
        assert everything_below(tmp_path) == {"archives", "archives/a.tar.gz.partial"}
        again = Download("sc09", tmp_path)
        again.wait(30)
        assert (again.folder, again.is_cancelled) == (tmp_path / "sc09", False)
        assert server.asked == [("a.tar.gz", None), ("a.tar.gz", "bytes=300-")]

    def test_cancelled_while_it_is_unpacked_it_keeps_the_archive(self, publish, server, tmp_path, monkeypatch):
        data = tar_of(SPEECH_COMMANDS)
        publish("sc09", "a.tar.gz", data)
        held, placed, place_of = threading.Event(), [], downloads._place

        def place(*given):
            placed.append(given)
            held.wait(30)
            return place_of(*given)

        monkeypatch.setattr(downloads, "_place", place)
        running = Download("sc09", tmp_path)
        while not placed:
            running.wait(0.01)
        running.cancel()
        held.set()
        running.wait(30)
        assert running.error.startswith("Cancelled after")
        assert len(placed) == 1
        assert everything_below(tmp_path) == {"archives", "archives/a.tar.gz"}

    def test_a_thread_keeps_its_error(self, publish, tmp_path):
        publish("sc09", "a.tar.gz", b"x", checksum="sha256:0")
        running = Download("sc09", tmp_path)
        running.wait(30)
        assert "wrong checksum" in running.error
        assert running.folder is None


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


class TestHostileArchives:
    @pytest.mark.parametrize(
        "data",
        [
            tar_of({"zero/a.wav": b"1", "../../escaped": b"1"}),
            tar_of({"/escaped": b"1"}),
            tar_of({"zero/a.wav": b"1"}, link("zero/b.wav", "../../../escaped")),
            tar_of({"zero/a.wav": b"1"}, link("zero/b.wav", "a.wav")),
            tar_of({"zero/a.wav": b"1"}, link("zero/b.wav", "zero/a.wav", tarfile.LNKTYPE)),
            tar_of({"zero/a.wav": b"1"}, link("zero/pipe", "", tarfile.FIFOTYPE)),
        ],
        ids=["parent", "absolute", "link out", "link within", "hard link", "pipe"],
    )
    def test_a_tar_that_leads_elsewhere_is_not_unpacked(self, publish, tmp_path, data):
        publish("sc09", "a.tar.gz", data)
        with pytest.raises(SourceError, match="leads out of its folder, and was not unpacked"):
            download("sc09", tmp_path / "to")
        assert everything_below(tmp_path) == {
            "to",
            "to/archives",
            "to/archives/a.tar.gz",
        }

    @pytest.mark.parametrize("name", ["../escaped", "zero/../../escaped", "/escaped", "C:\\escaped", "..\\escaped"])
    def test_a_zip_that_leads_elsewhere_is_not_unpacked(self, publish, tmp_path, name):
        publish("sc09", "a.zip", zip_of({"zero/a.wav": b"1", name: b"1"}))
        with pytest.raises(SourceError, match="leads out of its folder"):
            download("sc09", tmp_path / "to")
        assert not list(tmp_path.rglob("*escaped*"))

    @pytest.mark.parametrize("pack", [zip_of, tar_of])
    def test_a_bomb_is_refused_at_its_bound(self, publish, tmp_path, pack):
        name = "a.zip" if pack is zip_of else "a.tar.gz"
        publish("sc09", name, pack({"zero/a.wav": bytes(600), "one/b.wav": bytes(401)}), most_unpacked_bytes=1000)
        with pytest.raises(SourceError, match="unpacks to more than the 1 kB"):
            download("sc09", tmp_path)
        assert not (tmp_path / "sc09").exists()
        publish("sc09", name, pack({"zero/a.wav": bytes(600), "one/b.wav": bytes(400)}), most_unpacked_bytes=1000)
        download("sc09", tmp_path)

    @pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
    def test_a_damaged_archive_says_what_to_do(self, publish, tmp_path, name):
        publish("sc09", name, (zip_of if name == "a.zip" else tar_of)({"zero/a.wav": bytes(10_000)})[:-30])
        with pytest.raises(SourceError, match=r"is damaged .* and download again"):
            download("sc09", tmp_path)
        assert not (tmp_path / "sc09").exists()


class TestCommandLine:
    def test_the_list_and_a_download_that_is_then_prepared(self, publish, tmp_path):
        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS))
        home = tmp_path / "home"
        listed = json.loads(run_command("download", "--json", "--home", home).out)["sources"]
        assert [source["name"] for source in listed] == ["sc09", "speech_commands", "fsdkaggle2018", "birdsong"]
        outcome = run_command("download", "sc09", "--to", tmp_path / "to", "--json", "--home", home)
        assert json.loads(outcome.out) == {"name": "sc09", "folder": str(tmp_path / "to" / "sc09")}
        prepared = run_command(
            *("prepare", tmp_path / "to" / "sc09", "--name", "nines", "--label", "nine", "--json", "--home", home)
        )
        assert json.loads(prepared.out)["labels"] == {"nine": 2}

    def test_failures_are_one_sentence(self, tmp_path):
        assert_one_sentence(run_command("download", "birdsong", "--home", tmp_path), "needs an account at Kaggle")
        assert_one_sentence(run_command("download", "sc10", "--home", tmp_path), "There is sc09, ")

    def test_the_default_place_is_the_home(self, publish, tmp_path):
        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS))
        assert Lab(tmp_path).download("sc09") == tmp_path / "downloads" / "sc09"

    def test_a_second_press_is_the_same_download(self, publish, server, tmp_path):
        publish("sc09", "a.tar.gz", tar_of(SPEECH_COMMANDS))
        lab = Lab(tmp_path)
        first = lab.start_download("sc09")
        again = lab.start_download("sc09")
        first.wait(30)
        again.wait(30)
        # by then the first may have ended; a second one finds the sounds there and fetches nothing
        assert [name for name, _ in server.asked] == ["a.tar.gz"]
        assert first.folder == again.folder == tmp_path / "downloads" / "sc09"
