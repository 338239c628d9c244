"""Named tensors in one file, in the safetensors format: no code runs when such a file is read.

The format is 8 bytes of header length, a JSON header, and the raw bytes (https://github.com/huggingface/safetensors).
Written here so that training needs only torch and numpy; the tests read these files with the safetensors library
and the other way round.
"""

import json
import math
import os
import struct
from pathlib import Path

import torch

from audiogan import whole

_NAMES = {
    torch.float32: "F32",
    torch.float64: "F64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_TYPES = {name: dtype for dtype, name in _NAMES.items()}

HEADER_LIMIT_BYTES = 100_000_000
"""The format's own bound on a header, so that a damaged length cannot ask for all memory."""


class DamagedFile(ValueError):
    """The file is not a whole safetensors file."""


def save_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write the tensors so that `path` either keeps its old content or holds all of the new.

    The bytes go to a neighbour file, reach the disk (fsync) and then take the name in one step.
    """
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, tensor in tensors.items():
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with whole.replacing(path) as partial, open(partial, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            # NumPy gives some empty arrays steps that torch will not view as bytes
            if len(flat):
                file.write(flat.view(torch.uint8).numpy().data)
        file.flush()
        os.fsync(file.fileno())


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """(tensors by name, metadata). Raises DamagedFile when the file is cut short or not of this format."""
    data = bytearray(Path(path).read_bytes())
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > min(HEADER_LIMIT_BYTES, len(data)):
            raise ValueError("header longer than the file")
        header = json.loads(data[8 : 8 + length])
        if not isinstance(header, dict):
            raise ValueError("the header is not an object")
        metadata = header.pop("__metadata__", {})
        body = memoryview(data)[8 + length :]
        tensors = {name: _tensor(body, entry) for name, entry in header.items()}
    except (struct.error, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DamagedFile(f"{Path(path).name} is not a whole safetensors file ({error}).") from error
    return tensors, metadata


def load_metadata(path: Path) -> dict[str, str]:
    """The metadata alone, without reading the tensors. Raises DamagedFile."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > HEADER_LIMIT_BYTES:
                raise ValueError("header longer than the format allows")
            return json.loads(file.read(length)).get("__metadata__", {})
    except (struct.error, ValueError, AttributeError) as error:
        raise DamagedFile(f"{Path(path).name} is not a whole safetensors file ({error}).") from error


def _tensor(body: memoryview, entry: dict) -> torch.Tensor:
    start, end = entry["data_offsets"]
    if not 0 <= start <= end <= len(body):
        raise ValueError("a tensor lies outside the file")
    dtype, shape = _TYPES[entry["dtype"]], entry["shape"]
    if math.prod(shape) * dtype.itemsize != end - start:
        raise ValueError("a tensor's shape does not match its bytes")
    if start == end:
        return torch.empty(shape, dtype=dtype)
    # a copy, so that no tensor keeps the whole file in memory and each is aligned for its type
    raw = torch.frombuffer(body[start:end], dtype=torch.uint8).clone()
    return raw.view(dtype).reshape(shape)
