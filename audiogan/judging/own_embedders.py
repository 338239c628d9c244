"""Embedders of the user's own: a local file or an installed package, named in full on every report card.

Nothing here is used unless it is asked for by name, and nothing is downloaded. A TorchScript file is a program: load
one only from somebody whose programs you would run.
"""

import hashlib
import importlib
import importlib.metadata
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from audiogan import audio
from audiogan.judging.embedders import in_batches

FORMATS = (".pt", ".ts", ".onnx")

NUMBERS = ("tensor(float)", "tensor(double)", "tensor(float16)")
"""Of an ONNX file's points."""


class EmbedderError(ValueError):
    """An embedder that cannot be used; the message says what to do."""


def resampled(waves: np.ndarray, rate: int, own_rate: int) -> np.ndarray:
    """Clips (n, T) at an embedder's own rate: float32 (n, round(T * own_rate / rate)).

    By the spectrum: torch alone is needed, and what wraps around at a clip's ends is the same for all clips.
    """
    if rate == own_rate:
        return np.asarray(waves, np.float32)
    samples, own_samples = waves.shape[1], round(waves.shape[1] * own_rate / rate)
    spectra = torch.fft.rfft(torch.from_numpy(np.ascontiguousarray(waves, np.float32)))
    return (torch.fft.irfft(spectra, own_samples) * (own_samples / samples)).numpy()


class TorchScriptEmbedder:
    """A TorchScript file that turns clips (B, T) of `rate` Hz into points (B, d) or (B, frames, d).

    Loading such a file runs what its author put there: it is code, and named by the user for that reason.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self.name, self.rate, self.version = Path(path).name, rate, _version(path, rate)
        try:
            self._module = torch.jit.load(path, map_location="cpu").eval()
        except RuntimeError as error:
            raise EmbedderError(f"{self.name} is no TorchScript file: save one with torch.jit.save.") from error

    def __call__(self, waves: np.ndarray, rate: int) -> np.ndarray:
        def run(part: torch.Tensor) -> torch.Tensor:
            try:
                return pooled(self._module(part), len(part))
            except (RuntimeError, torch.jit.Error) as error:
                raise _unread(self.name, part, self.rate, _last_line(error)) from error

        return in_batches(run, resampled(waves, rate, self.rate))


class OnnxEmbedder:
    """An ONNX file with one input, clips (B, T) or (B, 1, T) of `rate` Hz, whose first output is (B, d) or
    (B, frames, d).

    B may be fixed, as exporters fix it unless told otherwise; where T is fixed, the clips must have that length.
    """

    def __init__(self, path: Path, rate: int) -> None:
        runtime = _installed("onnxruntime")
        self.name, self.rate, self.version = Path(path).name, rate, _version(path, rate)
        options = runtime.SessionOptions()
        # what goes wrong is raised too: the package need not print it as well
        options.log_severity_level = 4
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        # the package's errors have no class of their own that could be named here
        except Exception as error:
            raise EmbedderError(f"{self.name} cannot be opened as an ONNX file: {_last_line(error)}") from error
        inputs, points = self._session.get_inputs(), self._session.get_outputs()[0]
        if [entry.type for entry in inputs] != ["tensor(float)"] or not _may_be_clips(inputs[0].shape):
            wanted = " and ".join(f"{entry.name}, a {entry.type} of {entry.shape}" for entry in inputs) or "nothing"
            raise EmbedderError(
                f"{self.name} wants {wanted}: an embedder has one input, 32-bit clips (B, T) or (B, 1, T)."
            )
        if points.type not in NUMBERS:
            raise EmbedderError(f"{self.name} gives a {points.type} first: an embedder's first output is its points.")
        self._input = inputs[0].name
        self._clips, *_, self._samples = inputs[0].shape or (None, None)
        self._has_channels = len(inputs[0].shape) == 3

    def __call__(self, waves: np.ndarray, rate: int) -> np.ndarray:
        return in_batches(self._embed, resampled(waves, rate, self.rate))

    def _embed(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, T) -> (B, d)."""
        if isinstance(self._samples, int) and clips.shape[1] != self._samples:
            raise _unread(self.name, clips, self.rate, f"it wants {self._samples:,} samples.")
        at_a_time = self._clips if isinstance(self._clips, int) else len(clips)
        whole = functional.pad(clips, (0, 0, 0, -len(clips) % at_a_time))
        return torch.cat([self._run(part) for part in whole.split(at_a_time)])[: len(clips)]

    def _run(self, clips: torch.Tensor) -> torch.Tensor:
        given = clips[:, None] if self._has_channels else clips
        try:
            points = self._session.run(None, {self._input: given.numpy()})[0]
        except Exception as error:
            raise _unread(self.name, clips, self.rate, _last_line(error)) from error
        return pooled(torch.from_numpy(points), len(clips))


def _may_be_clips(shape: Sequence[int | str | None]) -> bool:
    """Whether clips fit an input's shape: (B, T), (B, 1, T), or one that the file does not tell."""
    return len(shape) in (0, 2) or (len(shape) == 3 and (shape[1] == 1 or not isinstance(shape[1], int)))


class FadtkEmbedder:
    """A model of Microsoft's fadtk package, by its class there and its argument: "VGGishModel", "CLAPModel:2023".

    Only what is named is made, because the package's own list of all models downloads some of them. The package
    fetches the weights of the one that is named when it is used for the first time.
    """

    def __init__(self, name: str) -> None:
        loaders = _installed("fadtk.model_loader")
        kind, _, argument = name.partition(":")
        known = sorted(key for key in vars(loaders) if key.endswith("Model"))
        if kind not in known:
            raise EmbedderError(f"fadtk has no model '{kind}': choose one of {', '.join(known)}.")
        self._model = getattr(loaders, kind)(*([argument] if argument else []))
        self._model.load_model()
        self.name, self.rate, self.version = f"fadtk {name}", self._model.sr, importlib.metadata.version("fadtk")

    def __call__(self, waves: np.ndarray, rate: int) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.wav"
            return np.stack([self._embed(wave, path) for wave in resampled(waves, rate, self.rate)])

    def _embed(self, wave: np.ndarray, path: Path) -> np.ndarray:
        # each model reads files in a way of its own, some as tensors and some as objects of other packages
        path.write_bytes(audio.encode_wav(wave, self.rate))
        return np.asarray(self._model.get_embedding(self._model.load_wav(path)), np.float64).mean(0)


def own_embedder(name: str, rate: int) -> TorchScriptEmbedder | OnnxEmbedder | FadtkEmbedder:
    """The embedder of a file (.pt, .ts, .onnx), which wants clips of `rate` Hz, or of fadtk by a model's name."""
    path = Path(name).expanduser()
    if path.suffix not in FORMATS:
        return FadtkEmbedder(name)
    if not path.is_file():
        raise EmbedderError(f"There is no file '{name}': check its path.")
    return OnnxEmbedder(path, rate) if path.suffix == ".onnx" else TorchScriptEmbedder(path, rate)


def command_options(name: str, version: str) -> str:
    """What the command line takes to bring the embedder of that name and version again; a file without its folder."""
    model = name.removeprefix("fadtk ")
    if model != name:
        return f" --embedder {shlex.quote(model)}"
    _, at, rate = version.removesuffix(" Hz").rpartition(" at ")
    known = f" --embedder-rate {rate.replace(',', '')}" if at else ""  # the first evaluations did not say
    return f" --embedder {shlex.quote(name)}{known}"


def pooled(points: torch.Tensor, clips: int) -> torch.Tensor:
    """(B, d) as it is; of (B, frames, d) the mean over the frames. B is the number of clips."""
    if not isinstance(points, torch.Tensor) or points.dim() not in (2, 3) or len(points) != clips:
        found = tuple(points.shape) if isinstance(points, torch.Tensor) else f"a {type(points).__name__}"
        raise EmbedderError(
            f"An embedder gives (clips, d) or (clips, frames, d): of {clips} clips, this one gave {found}."
        )
    return points if points.dim() == 2 else points.mean(1)


def _unread(name: str, clips: torch.Tensor, rate: int, why: str) -> EmbedderError:
    """What is said when an embedder fails on clips (B, T)."""
    return EmbedderError(
        f"{name} cannot read clips of {clips.shape[1]:,} samples at {rate:,} Hz: {why} It may want another rate."
    )


def _last_line(error: Exception) -> str:
    """What an error says at its end; before it stands where in somebody's code it happened."""
    return str(error).strip().rpartition("\n")[2].rstrip(".") + "."


def why_unusable(name: str, train: np.ndarray, *others: np.ndarray) -> str:
    """Why an embedder's points (n, d) of the training clips and of others cannot be compared; empty when they can."""
    broken = sum(int((~np.isfinite(points).all(1)).sum()) for points in (train, *others))
    if broken:
        count = len(train) + sum(map(len, others))
        return (
            f"Your own embedder {name} returned numbers that are not finite (NaN or infinite) for {broken:,} of "
            f"{count:,} clips: its kernel distance was left out."
        )
    if not np.ptp(train, axis=0).any():
        return f"Your own embedder {name} hears no difference between any two clips: its kernel distance was left out."
    return ""


def _version(path: Path, rate: int) -> str:
    """The file's hash, and the rate, with which the same network hears something else.

    An exporter may put an ONNX file's weights beside it, torch's own as model.onnx.data: they belong to the hash.
    """
    digest = hashlib.sha256(Path(path).read_bytes())
    for weights in (Path(f"{path}.data"), Path(f"{path}_data")):
        if weights.is_file():
            digest.update(weights.read_bytes())
    return f"{digest.hexdigest()[:12]} at {rate:,} Hz"


def _installed(package: str):
    """The package. Raises EmbedderError where it is missing."""
    try:
        return importlib.import_module(package)
    except ImportError:
        name = package.partition(".")[0]
        raise EmbedderError(f"This embedder needs the package {name}: pip install {name}.") from None
