"""Our safetensors files against the library's, and against damage."""

import json
import os
import struct

import numpy as np
import pytest
import safetensors.torch
import torch

from audiogan.tensors import DamagedFile, load_tensors, save_tensors

EVERY_KIND = {
    "float32": torch.tensor([[1.5, -2.0, 3.25], [0.1, 1e-30, -1e30]]),
    "float64": torch.tensor([1 / 3, -1e300], dtype=torch.float64),
    "float16": torch.tensor([1.5, -65504.0], dtype=torch.float16),
    "bfloat16": torch.tensor([1.0, -3e38, 7e-30], dtype=torch.bfloat16),
    "int64": torch.tensor([2**62, -5]),
    "int32": torch.tensor([[7], [-(2**31)]], dtype=torch.int32),
    "int16": torch.tensor([-32768, 32767, 3], dtype=torch.int16),
    "uint8": torch.tensor([0, 255, 17], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "a single number": torch.tensor(4.75),
    "nothing": torch.zeros(0, 3),
    "nothing, from numpy": torch.from_numpy(np.zeros(0, np.float32)),
    "not in a row": torch.arange(6.0).reshape(2, 3).T,
}


def assert_same(found: dict, expected: dict) -> None:
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape), name
        assert torch.equal(found[name], tensor), name


def test_tensors_of_every_kind_come_back_with_their_metadata(tmp_path):
    save_tensors(tmp_path / "a.safetensors", EVERY_KIND, {"step": "12"})
    tensors, metadata = load_tensors(tmp_path / "a.safetensors")
    assert_same(tensors, EVERY_KIND)
    assert metadata == {"step": "12"}


def test_the_library_reads_our_files(tmp_path):
    save_tensors(tmp_path / "a.safetensors", EVERY_KIND, {"step": "12"})
    assert_same(safetensors.torch.load_file(tmp_path / "a.safetensors"), EVERY_KIND)
    with safetensors.safe_open(tmp_path / "a.safetensors", "pt") as file:
        assert file.metadata() == {"step": "12"}


def test_we_read_the_library_s_files(tmp_path):
    contiguous = {name: tensor.contiguous() for name, tensor in EVERY_KIND.items()}
    safetensors.torch.save_file(contiguous, tmp_path / "a.safetensors", {"made": "elsewhere"})
    tensors, metadata = load_tensors(tmp_path / "a.safetensors")
    assert_same(tensors, EVERY_KIND)
    assert metadata == {"made": "elsewhere"}


def test_the_numbers_begin_at_a_multiple_of_eight_bytes(tmp_path):
    for name in ("a", "ab", "abc"):
        save_tensors(tmp_path / "a.safetensors", {name: torch.zeros(2)})
        (length,) = struct.unpack_from("<Q", (tmp_path / "a.safetensors").read_bytes())
        assert length % 8 == 0


@pytest.mark.parametrize("kept_bytes", [0, 7, 8, 40, -1])
def test_a_file_that_was_cut_short_is_damaged(tmp_path, kept_bytes):
    path = tmp_path / "cut.safetensors"
    save_tensors(path, {"weights": torch.ones(100)})
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(DamagedFile, match=r"cut\.safetensors is not a whole safetensors file"):
        load_tensors(path)


def entry(**changes) -> dict:
    """The header of one tensor of two numbers, with something changed."""
    return {"weights": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}


@pytest.mark.parametrize(
    "header",
    [
        entry(data_offsets=[0, 16]),
        entry(data_offsets=[-8, 0]),
        entry(data_offsets=[8, 0]),
        entry(data_offsets=[0]),
        entry(shape=[3]),
        entry(shape=[10**9], data_offsets=[0, 0]),
        entry(shape=["2"]),
        entry(dtype="F1024"),
        {"weights": 3},
        {"weights": {}},
        [],
        5,
        None,
        "weights",
    ],
)
def test_a_header_that_does_not_match_the_file_is_damage(tmp_path, header):
    text = json.dumps(header).encode()
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(DamagedFile):
        load_tensors(path)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 100])
def test_a_header_longer_than_the_file_is_damage_and_asks_for_no_memory(tmp_path, length):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b"{}")
    with pytest.raises(DamagedFile, match="header longer than the file"):
        load_tensors(path)


def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    save_tensors(path, {"weights": torch.tensor([1.0])})

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_tensors(path, {"weights": torch.tensor([2.0])})
    assert_same(load_tensors(path)[0], {"weights": torch.tensor([1.0])})
    assert [item.name for item in tmp_path.iterdir()] == ["weights.safetensors"]


def test_the_bytes_reach_the_disk_before_the_file_takes_its_name(tmp_path, monkeypatch):
    happened = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: happened.append("sync") or sync(descriptor))
    monkeypatch.setattr(os, "replace", lambda source, target: happened.append("rename") or rename(source, target))
    save_tensors(tmp_path / "weights.safetensors", {"weights": torch.tensor([1.0])})
    assert happened == ["sync", "rename"]
