"""Example documents: which ones to show, and their first chunks."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

DOCUMENTS = 20
CHUNKS = 12  # of each document
LONGEST = 2_000  # characters of a chunk; one chunk without word breaks must not fill the page


@dataclass(frozen=True, slots=True)
class ExampleChunk:
    """A chunk; ``labels`` are concept ids and probabilities, surest first. ``text`` is None if not kept."""

    id: int
    start: int
    end: int
    tokens: int
    kind: str
    text: str | None
    clipped: int
    labels: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class ExampleDocument:
    """A document with its first chunks."""

    id: str
    source: str
    chunks: int
    tokens: int
    shown: tuple[ExampleChunk, ...]


def turns(candidates: Iterable[tuple[str, list[tuple[str, str]]]]) -> list[str]:
    """Document ids by turns over the sources: the first of every source, then the second.

    Args:
        candidates: for every source its (hash, doc_id) pairs in order of hash. Hashes order the sources of
            one turn too, so that no name is favoured.
    """
    ranked = [(turn, *pair) for _, pairs in candidates for turn, pair in enumerate(pairs)]
    return [doc_id for _, _, doc_id in sorted(ranked)[:DOCUMENTS]]


def read(parts: list[Path], doc_ids: list[str]) -> tuple[ExampleDocument, ...]:
    """The named documents in the given order. Text is read from the files that hold them alone."""
    if not parts or not doc_ids:
        return ()
    chosen = ds.field("doc_id").isin(doc_ids)
    firsts = ds.dataset([str(path) for path in parts], format="parquet").scanner(
        columns=["doc_id", "__filename"], filter=chosen & (ds.field("chunk_id") == 0)
    )
    files = sorted(set(firsts.to_table().column("__filename").to_pylist()))
    found: dict[str, ExampleDocument] = {}
    for file in files:
        for document in _read_file(ds.dataset(file, format="parquet"), chosen):
            found.setdefault(document.id, document)
    return tuple(found[doc_id] for doc_id in doc_ids if doc_id in found)


def _read_file(part: Any, chosen: Any) -> Iterable[ExampleDocument]:
    sizes: dict[str, list[int]] = {}
    keys = part.to_table(columns=["doc_id", "token_count"], filter=chosen)
    for doc_id, tokens in zip(*(column.to_pylist() for column in keys.columns), strict=True):
        sizes.setdefault(doc_id, []).append(tokens)
    shown: dict[str, list[dict[str, Any]]] = {}
    for row in part.to_table(filter=chosen & (ds.field("chunk_id") < CHUNKS)).to_pylist():
        shown.setdefault(row["doc_id"], []).append(row)
    for doc_id, rows in shown.items():
        chunks = tuple(_chunk(row) for row in sorted(rows, key=lambda row: row["chunk_id"]))
        tokens = sizes[doc_id]
        yield ExampleDocument(doc_id, rows[0]["source"] or "", len(tokens), sum(tokens), chunks)


def _chunk(row: dict[str, Any]) -> ExampleChunk:
    text = row.get("text")
    return ExampleChunk(
        id=row["chunk_id"],
        start=row["char_start"],
        end=row["char_end"],
        tokens=row["token_count"],
        kind=row["kind"],
        text=None if text is None else text[:LONGEST],
        clipped=0 if text is None else max(0, len(text) - LONGEST),
        labels=tuple(zip(row["concept_ids"], row["scores"], strict=True)),
    )
