"""The files of a token stream, version 1: names, types and header. docs/reference/token-stream.md describes them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from atlas.errors import AtlasError

FORMAT = "atlas-token-stream"
VERSION = 1
HEADER = "stream.json"
SHARDS = "shards"
NO_SPAN = 0xFFFFFFFF  # span of a token that is of no chunk

RECORD = np.dtype([("token", "<u4"), ("span", "<u4")])
TOKEN = np.dtype("<u4")
INDEX = np.dtype([("offset", "<u8"), ("token", "<u8")])
DOCUMENT = np.dtype([("id_offset", "<u8"), ("token", "<u8"), ("group", "<u8"), ("span", "<u8")])

# Words of 4 bytes in front of a span's labels.
SPAN_DOCUMENT, SPAN_CHUNK, SPAN_CHAR_START, SPAN_CHAR_END, SPAN_TOKENS, SPAN_WORDS = 0, 1, 2, 3, 4, 5

FILES = ("tokens", "index", "spans", "documents", "ids")


def record_type(layout: str) -> np.dtype:
    return RECORD if layout == "records" else TOKEN


def shard_name(number: int) -> str:
    return f"{number:06d}"


def sizes(counts: dict[str, int], layout: str) -> dict[str, int | None]:
    """Bytes of each file that follow from a shard's counts; None for those that do not."""
    return {
        "tokens": counts["tokens"] * record_type(layout).itemsize,
        "index": (counts["spans"] + 1) * INDEX.itemsize,
        "spans": 4 * SPAN_WORDS * counts["spans"] + 8 * counts["labels"],
        "documents": (counts["documents"] + 1) * DOCUMENT.itemsize,
        "ids": None,
    }


def read_header(folder: Path) -> dict[str, Any]:
    """The header of a token stream.

    Raises:
        AtlasError: there is none, it is damaged, or of a version that this reader does not know.
    """
    path = folder / HEADER
    try:
        header = json.loads(path.read_text())
    except FileNotFoundError:
        raise AtlasError(
            f"{folder}: is no finished token stream ({HEADER} is missing); run `atlas export tokens` to its end"
        ) from None
    except (OSError, ValueError) as error:
        raise AtlasError(f"{path}: is damaged ({error}); export the stream again") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise AtlasError(f"{path}: is no header of a token stream; give the folder that `atlas export tokens` wrote")
    if header.get("version") != VERSION:
        raise AtlasError(
            f"{path}: is of version {header.get('version')} of the format, this reader knows {VERSION}; "
            "update Atlas, or export the stream again"
        )
    return header
