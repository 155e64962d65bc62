"""Tagged chunks as training data: tokens, and which concepts each chunk has."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse

from atlas.chunking.tokenizer import tokenizer
from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.tables import FACETS


@dataclass(frozen=True, slots=True)
class Labelled:
    """Chunks with labels. ``labels`` is bool CSR [chunks, C]; ``position`` is each document's place in [0, 1)."""

    tokens: list[np.ndarray]
    texts: list[str]
    doc_ids: list[str]
    labels: sparse.csr_matrix
    position: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: np.ndarray) -> "Labelled":
        picked = [int(row) for row in rows]
        return Labelled(
            [self.tokens[r] for r in picked],
            [self.texts[r] for r in picked],
            [self.doc_ids[r] for r in picked],
            self.labels[rows],
            self.position[rows],
        )


def labelled(tags: pa.Table, library: Library, tokenizer_name: str, seed: int) -> Labelled:
    """The tagged chunks with status ``ok``, tags linked to the library's active concepts.

    Args:
        tags: schema TAGS.

    Raises:
        AtlasError: no tag means any concept of the library.
    """
    named = tokenizer(tokenizer_name)
    column = {concept.id: index for index, concept in enumerate(library.active)}
    rows = [row for row in tags.to_pylist() if row["tag_status"] == "ok"]
    linked = [
        {column[found] for facet in FACETS for tag in row[facet] if (found := library.link(facet, tag)) is not None}
        for row in rows
    ]
    labels = label_matrix(linked, len(column))
    if not labels.nnz:
        raise AtlasError("no tag means any concept of the library; was the library built from these tags?")
    texts = [row["text"] for row in rows]
    doc_ids = [row["doc_id"] for row in rows]
    position = np.array([document_position(doc_id, seed) for doc_id in doc_ids])
    return Labelled([named.encode(text) for text in texts], texts, doc_ids, labels, position)


def label_matrix(columns: Sequence[Collection[int]], concepts: int) -> sparse.csr_matrix:
    """Bool CSR [chunks, concepts] of the columns that each chunk has, ascending."""
    starts = np.cumsum([0, *map(len, columns)])
    flat = np.fromiter((column for own in columns for column in sorted(own)), np.int32, int(starts[-1]))
    return sparse.csr_matrix((np.ones(len(flat), dtype=bool), flat, starts), shape=(len(columns), concepts))


def document_position(doc_id: str, seed: int) -> float:
    """A document's fixed place in [0, 1): splits made from it never part a document's chunks."""
    digest = hashlib.blake2b(f"{seed}\0{doc_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def split(data: Labelled, heldout_share: float) -> tuple[Labelled, Labelled]:
    """Training and held-out chunks, by document."""
    held = data.position < heldout_share
    return data.take(np.flatnonzero(~held)), data.take(np.flatnonzero(held))
