"""Apple's GPU, which these tests do not have: what a training asks of it is compared with what torch offers there."""

import re
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from audiogan.examples import Examples, float_waves
from audiogan.game import Game
from audiogan.presets import PRESETS
from audiogan.transforms import make_transform
from tests.conftest import tiny_config

torchgen = pytest.importorskip("torchgen")
TABLE = Path(torchgen.__file__).parent / "packaged/ATen/native/native_functions.yaml"


def kernels() -> dict[str, str]:
    """Operator -> the devices that torch's own table names for it; empty where it is composed of others."""
    entries = re.split(r"^- func: ", TABLE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = {}
    for entry in entries:
        section = re.search(r"^  dispatch:\n((?:    .*\n)+)", entry, re.MULTILINE)
        structured = re.search(r"structured_delegate: (\S+)", entry)
        found[entry.split("(")[0]] = structured[1] if structured else section[1] if section else ""
    return found


class Recorded(TorchDispatchMode):
    """The operators that were called, and those that met a float64, which Apple's GPU does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.double = set(), set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function.name().removeprefix("aten::")
        self.called.add(name)
        met = [value.dtype for value in tree_leaves((args, kwargs, result)) if isinstance(value, torch.Tensor)]
        if {torch.float64, torch.complex128} & set(met):
            self.double.add(name)
        return result


@pytest.mark.parametrize("preset", PRESETS)
def test_a_training_asks_for_nothing_that_apple_s_gpu_lacks(preset, clips):
    table = kernels()
    config = tiny_config("batch=4", "penalty_every=1", preset=preset)
    transform = make_transform(config)
    game = Game(config, transform, torch.device("cpu"))
    # the fused Adam is left out there
    for optimiser in (game.optimiser_g, game.optimiser_d):
        optimiser.param_groups[0]["fused"] = False
    with Recorded() as recorded:
        transform.fit(float_waves(clips.waves))
        real, labels = Examples(clips, transform, torch.device("cpu"), 0).batch(0, 4)
        game.discriminator_step(real, labels, 1)
        game.generator_step(labels, 1)
        game.check()
        game.sounds(range(2))
    # an operator without entries of its own is made of others, a structured one is listed under its `out` form
    devices = {name: table.get(table[name], table[name]) for name in recorded.called if "::" not in name}
    assert len(devices) > 40
    assert not [name for name, words in devices.items() if words and "MPS" not in words and "Composite" not in words]
    assert not recorded.double
