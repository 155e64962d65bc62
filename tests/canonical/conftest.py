import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from atlas.library.names import normal_form
from atlas.tables import FACETS, TAGS

Embed = Callable[[Sequence[str]], np.ndarray]


def direction(text: str, dimensions: int) -> np.ndarray:
    """A unit vector of a text's own, the same on every machine."""
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    vector = np.random.default_rng(seed).standard_normal(dimensions)
    return vector / np.linalg.norm(vector)


@pytest.fixture(scope="session")
def embedder() -> Callable[..., Embed]:
    """Makes an embedder: texts of one group lie close together, all others wherever their hash says."""

    def made(groups: Sequence[Sequence[str]] = (), dimensions: int = 64) -> Embed:
        group_of = {normal_form(text): f"group {number}" for number, group in enumerate(groups) for text in group}

        def embed(texts: Sequence[str]) -> np.ndarray:
            vectors = np.zeros((len(texts), dimensions), dtype=np.float32)
            for row, text in enumerate(texts):
                own, group = direction(normal_form(text), dimensions), group_of.get(normal_form(text))
                vector = own if group is None else direction(group, dimensions) + 0.2 * own
                vectors[row] = vector / np.linalg.norm(vector)
            return vectors

        return embed

    return made


@pytest.fixture(scope="session")
def tag_table() -> Callable[..., pa.Table]:
    """Makes a table of schema TAGS: a chunk for each mapping of facets to tags, perhaps with doc_id and text."""

    def made(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        seen: dict[str, int] = {}
        made = []
        for index, row in enumerate(rows):
            doc_id = row.get("doc_id", f"d{index}")
            text = row.get("text", f"Chunk {index} says something. It has a second sentence too.")
            seen[doc_id] = chunk_id = seen.get(doc_id, -1) + 1
            made.append(
                {
                    "doc_id": doc_id,
                    "chunk_id": chunk_id,
                    "source": "here",
                    "char_start": 0,
                    "char_end": len(text),
                    "token_count": len(text.split()),
                    "kind": "prose",
                    "status": "ok",
                    "text": text,
                    **{facet: row.get(facet, []) for facet in FACETS},
                    **dict.fromkeys(("engine", "model", "prompt", "completion"), "x"),
                    "tag_status": "ok",
                }
            )
        return pa.Table.from_pylist(made, schema=TAGS)

    return made
