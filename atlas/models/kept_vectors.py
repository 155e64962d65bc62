"""Vectors that outlive a process: of a long list of texts, such as a library's, only what is new is read again."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pyarrow import fs as pafs

from atlas.digest import of_json
from atlas.models.fetch import cache_folder
from atlas.storage import atomic_output

KEY_BYTES = 16

Encode = Callable[[Sequence[str]], np.ndarray]


def remembering(encode: Encode, digest: str, owner: str) -> Encode:
    """The encoder, which keeps the vectors of the last texts that it was asked for: float32 [texts, d].

    For encoders whose vector of a text depends on nothing else.

    Args:
        digest: of the encoder. owner: what the texts are of, such as a library's path; each has a file of its own.
    """
    path = cache_folder() / "vectors" / f"{of_json([digest, owner])}.npz"

    def encoded(texts: Sequence[str]) -> np.ndarray:
        keys = np.array([of_json(text)[: 2 * KEY_BYTES].encode() for text in texts], f"S{2 * KEY_BYTES}")
        known, vectors = _kept(path)
        row_of = {key: row for row, key in enumerate(known)}
        new = [number for number, key in enumerate(keys) if key not in row_of]
        if not new:
            return vectors[[row_of[key] for key in keys]]
        read = encode([texts[number] for number in new])
        found = np.empty((len(texts), read.shape[1]), np.float32)
        old = [number for number, key in enumerate(keys) if key in row_of]
        found[new] = read
        if old:
            found[old] = vectors[[row_of[keys[number]] for number in old]]
        _keep(path, keys, found)
        return found

    return encoded


def _kept(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path) as kept:
            return kept["keys"], kept["vectors"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # not there, or damaged: read anew
        return np.empty(0, f"S{2 * KEY_BYTES}"), np.empty((0, 0), np.float32)


def _keep(path: Path, keys: np.ndarray, vectors: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(pafs.LocalFileSystem(), str(path)) as stream:
        np.savez(stream, keys=keys, vectors=vectors)
