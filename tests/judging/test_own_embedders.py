"""Embedders from a file or a package, each made here."""

import hashlib
import importlib.metadata
import sys
from types import ModuleType

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from audiogan.judging.own_embedders import (
    EmbedderError,
    TorchScriptEmbedder,
    command_options,
    own_embedder,
    pooled,
    resampled,
    why_unusable,
)
from tests.onnx_files import energies_onnx, onnx_file

RATE = 8_000


class Energies(torch.nn.Module):
    """(B, T) -> (B, 2): the energies of both halves."""

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        half = waves.shape[1] // 2
        return torch.stack([waves[:, :half].square().sum(1), waves[:, half:].square().sum(1)], 1)


class Frames(torch.nn.Module):
    """(B, T) -> (B, T / 100, 100)."""

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        return waves.unflatten(1, (-1, 100))


@pytest.fixture
def clips() -> np.ndarray:
    waves = np.zeros((70, 800), np.float32)
    waves[:, 0], waves[:, 500] = np.arange(70), 2
    return waves


def scripted(module: torch.nn.Module, path) -> str:
    torch.jit.script(module).save(str(path))
    return str(path)


def test_a_torchscript_file_is_an_embedder_that_names_its_hash(tmp_path, clips):
    name = scripted(Energies(), tmp_path / "energies.pt")
    embedder = own_embedder(name, RATE)
    assert embedder(clips, RATE)[3].tolist() == [9, 4]
    assert embedder.name == "energies.pt"
    digest = hashlib.sha256((tmp_path / "energies.pt").read_bytes()).hexdigest()[:12]
    assert embedder.version == f"{digest} at 8,000 Hz"
    assert own_embedder(name, 16_000).version != embedder.version
    assert command_options(embedder.name, embedder.version) == " --embedder energies.pt --embedder-rate 8000"
    assert command_options("my ears.pt", digest) == " --embedder 'my ears.pt'"


def test_frames_of_an_embedder_are_averaged(tmp_path, clips):
    points = TorchScriptEmbedder(scripted(Frames(), tmp_path / "frames.ts"), RATE)(clips, RATE)
    assert points.shape == (70, 100)
    assert points[5, 0] == pytest.approx((5 + 2) / 8)


def test_clips_reach_an_embedder_at_its_own_rate():
    t = np.arange(800) / RATE
    clips = np.sin(2 * np.pi * 1000 * t)[None]
    there = resampled(clips, RATE, 20_000)
    assert there.shape == (1, 2000)
    assert there[0] == pytest.approx(np.sin(2 * np.pi * 1000 * np.arange(2000) / 20_000), abs=1e-5)
    assert resampled(there, 20_000, RATE) == pytest.approx(clips, abs=1e-5)
    # what the lower rate cannot hold is gone
    assert np.abs(resampled(np.sin(2 * np.pi * 3000 * t)[None], RATE, 4_000)).max() < 1e-5


def test_a_file_that_is_no_torchscript_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"not a program")
    with pytest.raises(EmbedderError, match=r"weights\.pt is no TorchScript file: save one"):
        own_embedder(str(tmp_path / "weights.pt"), RATE)


class Strict(torch.nn.Module):
    """Like a network that has one length."""

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        assert waves.shape[1] == 16_000, "one second is wanted"
        return waves


def test_an_embedder_that_fails_says_on_what_and_why_in_a_sentence(tmp_path, clips):
    embedder = TorchScriptEmbedder(scripted(Strict(), tmp_path / "strict.pt"), 4_000)
    with pytest.raises(EmbedderError, match=r"^strict\.pt cannot read clips of 400 samples at 4,000 Hz: .*one second"):
        embedder(clips, RATE)


def test_points_that_are_no_numbers_are_counted_over_all_clips():
    train, held_out, made = np.eye(5), np.eye(5), np.eye(5)
    assert why_unusable("mine.pt", train, held_out, made) == ""
    train[1], held_out[0, 2], made[2:, 0] = np.nan, np.inf, -np.inf
    assert why_unusable("mine.pt", train, held_out, made) == (
        "Your own embedder mine.pt returned numbers that are not finite (NaN or infinite) for 5 of 15 clips: its "
        "kernel distance was left out."
    )


def test_points_that_are_all_alike_say_nothing():
    assert "hears no difference between any two clips" in why_unusable("mine.pt", np.full((5, 2), 3.0), np.eye(2))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(EmbedderError, match="There is no file"):
        own_embedder(str(tmp_path / "missing.onnx"), RATE)


@pytest.mark.parametrize(("name", "package"), [("model.onnx", "onnxruntime"), ("VGGishModel", "fadtk")])
def test_a_package_that_is_missing_is_named(name, package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.model_loader", None)
    (tmp_path / "model.onnx").touch()
    with pytest.raises(EmbedderError, match=f"pip install {package}"):
        own_embedder(str(tmp_path / name) if name.endswith("onnx") else name, RATE)


# ONNX files


@pytest.mark.parametrize(
    "shape", [["B", "T"], [1, "T"], [3, "T"], [None, 800], ["B", 1, "T"], [64, 1, 800]], ids=lambda shape: str(shape)
)
def test_an_onnx_file_may_fix_how_many_clips_it_reads_and_how_long_they_are(tmp_path, clips, shape):
    embedder = own_embedder(energies_onnx(tmp_path / "energy.onnx", shape), RATE)
    # 70 clips are whole batches of neither 64 nor 3
    assert embedder(clips, RATE)[:, 0].tolist() == [number**2 + 4 for number in range(70)]
    digest = hashlib.sha256((tmp_path / "energy.onnx").read_bytes()).hexdigest()[:12]
    assert (embedder.name, embedder.version) == ("energy.onnx", f"{digest} at 8,000 Hz")


def test_frames_of_an_onnx_file_are_averaged(tmp_path, clips):
    shape = helper.make_tensor("shape", onnx.TensorProto.INT64, [3], [0, -1, 100])
    node = helper.make_node("Reshape", ["waves", "shape"], ["frames"])
    name = onnx_file(tmp_path / "frames.onnx", [node], {"waves": ["B", "T"]}, {"frames": ["B", "F", 100]}, [shape])
    points = own_embedder(name, RATE)(clips, RATE)
    assert points.shape == (70, 100)
    assert points[5, 0] == pytest.approx((5 + 2) / 8)


def test_weights_beside_an_onnx_file_belong_to_its_version(tmp_path, clips):
    versions = []
    for gain in (2.0, 3.0):
        weights = numpy_helper.from_array(np.full((800, 1), gain, np.float32), "weights")
        node = helper.make_node("MatMul", ["waves", "weights"], ["points"])
        beside = {"save_as_external_data": True, "location": "sums.onnx.data", "size_threshold": 0}
        (tmp_path / "sums.onnx.data").unlink(missing_ok=True)
        path = tmp_path / "sums.onnx"
        embedder = own_embedder(
            onnx_file(path, [node], {"waves": ["B", 800]}, {"points": ["B", 1]}, [weights], **beside), RATE
        )
        assert embedder(clips, RATE)[3].tolist() == [gain * 5]
        versions.append((path.read_bytes(), embedder.version))
    assert versions[0][0] == versions[1][0]
    assert versions[0][1] != versions[1][1]


SQUARES = helper.make_node("Mul", ["waves", "waves"], ["points"])
TOP = helper.make_node("ArgMax", ["waves"], ["points"], axis=1)
TOTAL = helper.make_node("ReduceSum", ["waves"], ["points"])
SUM = helper.make_node("Add", ["waves", "more"], ["points"])
DOUBLE, WHOLE = onnx.TensorProto.DOUBLE, onnx.TensorProto.INT64


@pytest.mark.parametrize(
    ("node", "inputs", "output", "sentence"),
    [
        (SUM, {"waves": ["B", "T"], "more": ["B", "T"]}, ["B", "T"], r"wants waves, .* and more, .*has one input"),
        (SQUARES, {"waves": ["B", 3, 224, 224]}, ["B", 3, 224, 224], r"wants waves, .*\['B', 3, 224, 224\]"),
        (SQUARES, {"waves": ["B", 2, "T"]}, ["B", 2, "T"], r"has one input, 32-bit clips \(B, T\) or \(B, 1, T\)"),
        (SQUARES, {"waves": (DOUBLE, ["B", "T"])}, (DOUBLE, ["B", "T"]), r"a tensor\(double\) of"),
        (TOP, {"waves": ["B", "T"]}, (WHOLE, ["B", 1]), r"odd\.onnx gives a tensor\(int64\) first"),
        (
            SQUARES,
            {"waves": ["B", 16_000]},
            ["B", 16_000],
            r"800 samples at 8,000 Hz: it wants 16,000 samples",
        ),
        (TOTAL, {"waves": ["B", "T"]}, [1, 1], r"of 64 clips, this one gave \(1, 1\)"),
    ],
)
def test_an_onnx_file_that_is_no_embedder_is_refused_in_a_sentence(
    tmp_path, clips, capfd, node, inputs, output, sentence
):
    name = onnx_file(tmp_path / "odd.onnx", [node], inputs, {"points": output})
    with pytest.raises(EmbedderError, match=sentence) as refused:
        own_embedder(name, RATE)(clips, RATE)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


def test_a_network_that_fails_inside_an_onnx_file_is_named_with_the_clips(tmp_path, clips, capfd):
    weights = numpy_helper.from_array(np.ones((700, 1), np.float32), "weights")
    node = helper.make_node("MatMul", ["waves", "weights"], ["points"])
    name = onnx_file(tmp_path / "narrow.onnx", [node], {"waves": ["B", "T"]}, {"points": ["B", 1]}, [weights])
    with pytest.raises(
        EmbedderError, match=r"^narrow\.onnx cannot read clips of 800 samples at 8,000 Hz: .*another rate"
    ):
        own_embedder(name, RATE)(clips, RATE)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"not a network", b""])
def test_a_file_that_is_no_onnx_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "notes.onnx").write_bytes(content)
    with pytest.raises(EmbedderError, match=r"^notes\.onnx cannot be opened as an ONNX file: [^\n]*\.$"):
        own_embedder(str(tmp_path / "notes.onnx"), RATE)


@pytest.mark.parametrize("points", [torch.zeros(3), torch.zeros(2, 3), torch.zeros(3, 1, 1, 1), (torch.zeros(3, 2),)])
def test_points_are_one_row_a_clip(points):
    with pytest.raises(EmbedderError, match="of 3 clips, this one gave"):
        pooled(points, 3)
    assert pooled(torch.ones(3, 2), 3).shape == (3, 2)


@pytest.fixture
def fadtk(monkeypatch):
    """A package of the same shape, with a model that gives the first and last sample of a file as two frames."""
    loaders = ModuleType("fadtk.model_loader")

    class EndsModel:
        sr = 4_000

        def __init__(self, factor: str = "1") -> None:
            self.factor = float(factor)

        def load_model(self) -> None:
            self.is_loaded = True

        def load_wav(self, path):
            import soundfile

            assert self.is_loaded
            samples, rate = soundfile.read(path)
            assert rate == self.sr
            return samples

        def get_embedding(self, samples):
            return self.factor * np.array([[samples[0]], [samples[-1]]], np.float16)

    loaders.EndsModel = EndsModel
    monkeypatch.setitem(sys.modules, "fadtk", ModuleType("fadtk"))
    monkeypatch.setitem(sys.modules, "fadtk.model_loader", loaders)
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.2" if name == "fadtk" else version(name))


def test_a_model_of_fadtk_is_an_embedder(fadtk):
    clips = np.stack([np.full(400, 0.5), np.full(400, -0.25)])
    embedder = own_embedder("EndsModel:2", RATE)
    assert embedder(clips, RATE)[:, 0] == pytest.approx([1, -0.5], abs=1e-3)
    assert (embedder.name, embedder.version) == ("fadtk EndsModel:2", "1.2")


def test_a_model_that_fadtk_does_not_have_is_refused(fadtk):
    with pytest.raises(EmbedderError, match="fadtk has no model 'vggish': choose one of EndsModel"):
        own_embedder("vggish", RATE)
