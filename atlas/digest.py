"""Digests: the short names of contents and settings."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DIGEST_BYTES = 16  # 128 bits: chance collisions stay out of reach for 10^15 things


def of_bytes(pieces: Iterable[bytes]) -> str:
    """Hex BLAKE2b digest of the concatenated pieces."""
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for piece in pieces:
        state.update(piece)
    return state.hexdigest()


def of_json(value: Any) -> str:
    """Digest of a JSON value; the order of keys does not matter."""
    return of_bytes([json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False).encode()])


def of_files(paths: Iterable[Path]) -> str:
    """Digest of the names and contents of files, in name order."""
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for path in sorted(paths, key=lambda p: p.name):
        state.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                state.update(block)
    return state.hexdigest()
