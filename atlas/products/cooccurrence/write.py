"""The export of co-occurring concepts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.products.cooccurrence.count import add_pairs, bands
from atlas.products.export import concepts
from atlas.products.export.association import log_likelihood, pmi
from atlas.products.export.concepts import Counted
from atlas.products.export.output import Exported, Watch, output, silent
from atlas.products.export.parquet import ROW_GROUP_ROWS
from atlas.products.export.source import IDS, Source, blocks, flat, source_of

PRODUCT = "cooccurrence"
MIN_COUNT = 5
MEMORY_MB = 512

PAIRS = pa.schema(
    [
        pa.field("concept_a", pa.int32(), nullable=False),
        pa.field("concept_b", pa.int32(), nullable=False),
        pa.field("name_a", pa.string(), nullable=False),
        pa.field("name_b", pa.string(), nullable=False),
        pa.field("facet_a", pa.string(), nullable=False),
        pa.field("facet_b", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("count_a", pa.int64(), nullable=False),
        pa.field("count_b", pa.int64(), nullable=False),
        pa.field("pmi", pa.float32(), nullable=False),
        pa.field("llr", pa.float32(), nullable=False),
    ]
)


def cooccurrence(
    run: str | Path,
    library: Library,
    out: str | Path,
    *,
    min_count: int = MIN_COUNT,
    memory_mb: int = MEMORY_MB,
    watch: Watch = silent,
) -> Exported:
    """Write every pair of concepts that is on at least ``min_count`` chunks: counts, PMI, log-likelihood ratio.

    Counts are exact. They are held in a triangle of whole numbers, as many of its rows at a time as ``memory_mb``
    mebibytes take; for each such band the run's ids, and nothing else of it, are read again.

    Raises:
        AtlasError: wrong input.
    """
    if min_count < 1:
        raise AtlasError(f"min_count is {min_count}; it must be at least 1")
    source = source_of(run, library)
    with output(PRODUCT, source, out, {"min_count": min_count, "memory_mb": memory_mb}, watch) as made:
        if (before := made.done()) is not None:
            return before
        found = concepts.counted(source)
        frequent = np.flatnonzero(found.chunks >= min_count)
        split = list(bands(len(frequent), memory_mb << 20)) or [(0, 0)]
        names = [f"pairs/{number:05}.parquet" for number in range(len(split))]
        made.plan([*names, "concepts.parquet"])
        for name, (first, last) in zip(names, split, strict=True):
            made.parquet(name, PAIRS, _pairs(source, found, frequent, first, last, min_count))
        made.parquet("concepts.parquet", concepts.CONCEPTS, [concepts.table(source, found)])
        return made.finish()


def _pairs(
    source: Source, found: Counted, frequent: np.ndarray, first: int, last: int, least: int
) -> Iterator[pa.RecordBatch]:
    """The pairs of a band, in the order of their ids."""
    if first == last:
        return
    renumbered = np.full(len(source.concept_ids), -1, np.int64)
    renumbered[frequent] = np.arange(len(frequent))
    counts = np.zeros((last - first, len(frequent) - first), np.int64)
    for block in blocks(source, [IDS]):
        ids, sizes = flat(block.table.column(IDS))
        add_pairs(renumbered[source.places(ids, block.part.path)], sizes, first, counts)
    known = source.concept_ids[frequent]
    there = [source.library.by_id[id_] for id_ in known.tolist()]
    names, facets = (pa.array([getattr(c, what) for c in there], pa.string()) for what in ("name", "facet"))
    chunks = found.chunks[frequent]
    together = max(1, ROW_GROUP_ROWS * 8 // counts.shape[1])
    for start in range(0, len(counts), together):
        rows, columns = np.nonzero(counts[start : start + together] >= least)
        both = counts[start + rows, columns]
        a, b = first + start + rows, first + columns
        yield pa.RecordBatch.from_arrays(
            [
                pa.array(known[a], pa.int32()),
                pa.array(known[b], pa.int32()),
                names.take(pa.array(a)),
                names.take(pa.array(b)),
                facets.take(pa.array(a)),
                facets.take(pa.array(b)),
                pa.array(both),
                pa.array(chunks[a]),
                pa.array(chunks[b]),
                pa.array(pmi(both, chunks[a], chunks[b], source.rows).astype(np.float32)),
                pa.array(log_likelihood(both, chunks[a], chunks[b], source.rows).astype(np.float32)),
            ],
            schema=PAIRS,
        )
