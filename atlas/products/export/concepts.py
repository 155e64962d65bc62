"""The concepts of a run: on how many chunks and documents each is, and the table that goes with every export."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numba import njit

from atlas.library.concept import Concept
from atlas.products.export.source import IDS, Source, blocks, flat, numbered

CONCEPTS = pa.schema(
    [
        pa.field("concept_id", pa.int32(), nullable=False),
        pa.field("facet", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("description", pa.string(), nullable=False),
        pa.field("taxonomy", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("replaced_by", pa.int32()),
        pa.field("chunks", pa.int64(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("prevalence", pa.float64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Chunks and documents of each concept, int64 [concepts of the library, in the order of ``concept_ids``]."""

    chunks: np.ndarray
    documents: np.ndarray


def counted(source: Source) -> Counted:
    """Count a run's labels in one pass over its ids.

    Raises:
        AtlasError: a part is damaged, or has an id that the library lacks.
    """
    size = len(source.concept_ids)
    found = Counted(np.zeros(size, np.int64), np.zeros(size, np.int64))
    last = np.full(size, -1, np.int64)
    for block, documents in numbered(blocks(source, ["chunk_id", IDS])):
        ids, sizes = flat(block.table.column(IDS))
        _count(source.places(ids, block.part.path), sizes, documents, found.chunks, found.documents, last)
    return found


@njit(cache=True)
def _count(
    places: np.ndarray,
    sizes: np.ndarray,
    documents: np.ndarray,
    per_chunk: np.ndarray,
    per_document: np.ndarray,
    last: np.ndarray,
) -> None:
    """Add up; ``last`` is the document that each concept was last seen in."""
    label = 0
    for row in range(len(sizes)):
        for _ in range(sizes[row]):
            place = places[label]
            per_chunk[place] += 1
            if last[place] != documents[row]:
                per_document[place] += 1
                last[place] = documents[row]
            label += 1


def shown(source: Source, found: Counted) -> list[tuple[Concept, int, int]]:
    """Concepts that are active or occur, in id order, with their chunks and documents."""
    numbers = zip(source.concept_ids.tolist(), found.chunks.tolist(), found.documents.tolist(), strict=True)
    return [
        (concept, chunks, documents)
        for id_, chunks, documents in numbers
        if (concept := source.library.by_id[id_]).active or chunks
    ]


def table(source: Source, found: Counted) -> pa.RecordBatch:
    """The concepts as a table of schema CONCEPTS; ``prevalence`` is the share of the run's chunks."""
    rows = [
        {
            "concept_id": concept.id,
            "facet": concept.facet,
            "name": concept.name,
            "description": concept.description,
            "taxonomy": concept.taxonomy,
            "status": concept.status,
            "replaced_by": concept.replaced_by,
            "chunks": chunks,
            "documents": documents,
            "prevalence": chunks / source.rows,
        }
        for concept, chunks, documents in shown(source, found)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=CONCEPTS)
