"""What a training runs on: told in words, and too little of it before the start."""

import os

import pytest
import torch

from audiogan import devices, probe
from audiogan.game import Game
from audiogan.runs import RunError
from audiogan.transforms import make_transform
from tests.conftest import tiny_config


def test_a_training_that_cannot_fit_says_how_much_it_needs_and_what_to_lower(monkeypatch):
    # 10 s at 48 kHz, T = 480,000: generator 785,152 + 1,025 T, discriminator 1,024 T + 657,409 parameters;
    # 20 bytes each of the first and 16 of the second are 17,730,541,584, and 24 clips of 4 T bytes 46,080,000
    config = tiny_config("width=256", "latent_size=500", preset="mlp", rate=48_000, clip_samples=480_000)
    needed = 20 * 492_785_152 + 16 * 492_177_409 + 46_080_000
    assert needed == 17_776_621_584
    monkeypatch.setattr(probe, "device_memory_bytes", lambda device: needed - 1)
    with pytest.raises(RunError) as refused:
        probe.check_memory(config, 24, "cpu")
    assert str(refused.value) == (
        "This training needs at least 17.8 GB of memory and this machine has 17.8 GB in all: "
        "lower width, or prepare the sounds as shorter clips or at a lower rate."
    )
    for enough in (needed, None):
        monkeypatch.setattr(probe, "device_memory_bytes", lambda device, enough=enough: enough)
        probe.check_memory(config, 24, "cpu")


def test_the_memory_of_a_machine_is_pages_times_their_size_where_it_is_known(monkeypatch):
    monkeypatch.setattr(devices, "group_limits", list)
    pages = {"SC_PAGE_SIZE": 4_096, "SC_PHYS_PAGES": 250_000}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)
    assert devices.device_memory_bytes(torch.device("cpu")) == 1_024_000_000
    monkeypatch.setattr(os, "sysconf", lambda name: -1)  # POSIX's word for "not known"
    assert devices.device_memory_bytes(torch.device("cpu")) is None
    monkeypatch.delattr(os, "sysconf")  # Windows
    assert devices.device_memory_bytes(torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("groups", "files", "limits"),
    [
        # version 2: a group inside another, and a container that sees itself at the root
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "300\n", "memory.max": "500\n"}, [300, 500]),
        ("0::/\n", {"memory.max": "2147483648\n"}, [2_147_483_648]),
        ("0::/not/seen/here\n", {"memory.max": "400\n"}, [400]),
        # version 1, beside others, and a group whose neighbour has a lower limit
        (
            "8:pids:/x\n4:memory:/x/y\n0::/\n",
            {"memory/x/y/memory.limit_in_bytes": "700\n", "memory/x/z/memory.limit_in_bytes": "1\n"},
            [700],
        ),
        ("4:memory:/host/name\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, [9223372036854771712]),
        ("0::/\n", {}, []),
        (None, {"memory.max": "1\n"}, []),
    ],
)
def test_the_limits_of_a_container_are_read(tmp_path, groups, files, limits):
    if groups is not None:
        (tmp_path / "cgroup").write_text(groups)
    for name, text in files.items():
        (tmp_path / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / name).write_text(text)
    assert devices.group_limits(tmp_path / "cgroup", tmp_path / "sys") == limits


def test_a_container_s_limit_counts_where_it_is_lower(monkeypatch):
    pages = {"SC_PAGE_SIZE": 4_096, "SC_PHYS_PAGES": 250_000}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)
    for limits, memory_bytes in (
        ([500_000_000, 2_000_000_000], 500_000_000),
        ([9223372036854771712], 1_024_000_000),
        ([], 1_024_000_000),
    ):
        monkeypatch.setattr(devices, "group_limits", lambda limits=limits: limits)
        assert devices.device_memory_bytes(torch.device("cpu")) == memory_bytes


@pytest.mark.parametrize(
    ("capabilities", "is_faster"), [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx2": True}, False)]
)
def test_sixteen_bits_are_chosen_where_the_processor_multiplies_them(monkeypatch, capabilities, is_faster):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert devices.computes_in_bfloat16(torch.device("cpu")) is is_faster
    assert Game(tiny_config("precision=auto"), make_transform(tiny_config()), torch.device("cpu")).is_mixed is is_faster
    assert not devices.computes_in_bfloat16(torch.device("mps"))
