"""Whole documents of a part in the public layout's columns: arithmetic on Arrow arrays."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.products.export.source import IDS, SCORES, TEXT, flat
from atlas.products.fineweb.schema import CHUNK_LISTS, DOCUMENT_LISTS, FACETS, TYPES

COLUMNS = ["doc_id", "chunk_id", "source", "char_start", "token_count", "status", IDS, SCORES, TEXT]


def chunk_rows(table: pa.RecordBatch, documents: np.ndarray, facets: np.ndarray, schema: pa.Schema) -> pa.RecordBatch:
    """Chunks of whole documents.

    Args:
        table: the columns COLUMNS, documents one after the other, chunks in order.
        documents: number of each row's document, int64.
        facets: facet of each label, as a place in ``schema.FACETS``, int8 [labels].
        schema: CHUNKS, or that with extras.
    """
    tokens = np.asarray(table.column("token_count")).astype(np.int64)
    starts = _within(tokens, _firsts(table))
    labels, sizes = flat(table.column(IDS))
    columns: dict[str, pa.Array] = {
        "doc_int_id": pa.array(documents, pa.int32()),
        "chunk_id": table.column("chunk_id"),
        "chunk_text": table.column(TEXT),
        "chunk_token_start": pa.array(starts, pa.int32()),
        "chunk_token_end": pa.array(starts + tokens, pa.int32()),
        "chunk_token_count": table.column("token_count"),
        "chunk_status": table.column("status"),
        "doc_id": table.column("doc_id"),
        "source": table.column("source"),
    }
    owner = np.repeat(np.arange(len(sizes)), sizes)
    scores = np.asarray(table.column(SCORES).flatten())
    columns |= _lists(CHUNK_LISTS, owner, labels, scores, facets, len(sizes))
    return pa.RecordBatch.from_arrays([columns[f.name].cast(f.type) for f in schema], schema=schema)


def document_rows(
    table: pa.RecordBatch, documents: np.ndarray, facets: np.ndarray, schema: pa.Schema
) -> pa.RecordBatch:
    """One row a document; arguments as of ``chunk_rows``, ``schema`` DOCUMENTS or that with extras.

    A document has each concept that one of its chunks has, best first by the chunk with the highest score.
    """
    firsts = _firsts(table)
    bounds = np.append(firsts, table.num_rows)
    offsets = pa.array(bounds, pa.int32())
    tokens = np.asarray(table.column("token_count")).astype(np.int64)
    long = np.asarray(pc.equal(table.column("status"), "long").cast(pa.int8()))
    number = documents[firsts]
    first_rows = table.take(pa.array(firsts))
    columns: dict[str, pa.Array] = {
        "document_text": pc.binary_join(pa.ListArray.from_arrays(offsets, table.column(TEXT)), ""),
        "doc_int_id": pa.array(number, pa.int32()),
        "chunk_count": pa.array(np.diff(bounds), pa.int32()),
        "document_token_count": pa.array(np.add.reduceat(tokens, firsts), pa.int32()),
        "chunk_char_starts": pa.ListArray.from_arrays(offsets, table.column("char_start")),
        "chunk_token_starts": pa.ListArray.from_arrays(offsets, pa.array(_within(tokens, firsts), pa.int32())),
        "chunk_token_counts": pa.ListArray.from_arrays(offsets, table.column("token_count")),
        "has_long_chunk": pa.array(np.maximum.reduceat(long, firsts) > 0),
        "has_segmentation_error": pa.array(np.zeros(len(firsts), bool)),
        "doc_id": first_rows.column("doc_id"),
        "source": first_rows.column("source"),
    }
    labels, sizes = flat(table.column(IDS))
    owner = np.repeat(documents - (documents[0] if len(documents) else 0), sizes)
    scores = np.asarray(table.column(SCORES).flatten())
    best = best_of_each(owner, labels, scores)
    columns |= _lists(DOCUMENT_LISTS, owner[best], labels[best], scores[best], facets[best], len(firsts))
    return pa.RecordBatch.from_arrays([columns[f.name].cast(f.type) for f in schema], schema=schema)


def best_of_each(owner: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Places of the best label of each concept of each owner, int64; owner after owner, best first, then by id."""
    order = np.lexsort((-scores, labels, owner))
    again = (owner[order][1:] == owner[order][:-1]) & (labels[order][1:] == labels[order][:-1])
    kept = order[np.concatenate([[True], ~again])] if len(order) else order
    return kept[np.lexsort((labels[kept], -scores[kept], owner[kept]))]


def _firsts(table: pa.RecordBatch) -> np.ndarray:
    """Rows that begin a document."""
    return np.flatnonzero(np.asarray(table.column("chunk_id")) == 0)


def _within(counts: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Sum of the counts before each row in its document."""
    before = np.cumsum(counts) - counts
    return before - np.repeat(before[firsts], np.diff(np.append(firsts, len(counts))))


def _lists(
    order: tuple[str, ...], owner: np.ndarray, labels: np.ndarray, scores: np.ndarray, facets: np.ndarray, rows: int
) -> Mapping[str, pa.Array]:
    """Labels, owner after owner, as one list column of ids and one of scores for each facet."""
    found: dict[str, pa.Array] = {}
    for facet in order:
        mine = facets == FACETS.index(facet)
        offsets = pa.array(np.append(0, np.cumsum(np.bincount(owner[mine], minlength=rows))), pa.int32())
        found[f"{TYPES[facet]}_ids"] = pa.ListArray.from_arrays(offsets, pa.array(labels[mine].astype(np.int64)))
        found[f"{TYPES[facet]}_scores"] = pa.ListArray.from_arrays(offsets, pa.array(scores[mine]))
    return found
