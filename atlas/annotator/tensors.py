"""Safetensors files: written whole or not at all, read by mapping them into memory."""

import json
from pathlib import Path

import numpy as np

from atlas.storage import atomic_output, resolve

_INTEGERS = {"I8": np.int8, "I32": np.int32, "I64": np.int64, "U8": np.uint8, "U16": np.uint16, "U32": np.uint32}
_TYPES = {"F32": np.float32, "BOOL": np.bool_, **_INTEGERS}


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    from safetensors.numpy import save

    filesystem, resolved = resolve(path)
    with atomic_output(filesystem, resolved) as stream:
        stream.write(save(arrays))


def mapped(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, read-only and mapped into memory: workers of a machine share one copy.

    Raises:
        SafetensorError: the file is damaged or shorter than it says.
    """
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as checked:  # the library checks the file but would copy its arrays
        names = list(checked.keys())
    whole = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
    length = int.from_bytes(whole[:8].tobytes(), "little")
    header = json.loads(whole[8 : 8 + length].tobytes())
    found = {}
    for name in names:
        begin, end = (8 + length + offset for offset in header[name]["data_offsets"])
        found[name] = whole[begin:end].view(_TYPES[header[name]["dtype"]]).reshape(header[name]["shape"])
    return found
