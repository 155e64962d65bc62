"""The export of a field guide."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.products.export import concepts
from atlas.products.export.output import Exported, Watch, output, silent
from atlas.products.export.source import TEXT, source_of
from atlas.products.field_guide.select import ranked

PRODUCT = "field-guide"
PER_CONCEPT = 100
MEMORY_MB = 512

_ENTRY = [
    pa.field("concept_id", pa.int32(), nullable=False),
    pa.field("concept", pa.string(), nullable=False),
    pa.field("rank", pa.int32(), nullable=False),
    pa.field("score", pa.float32(), nullable=False),
    pa.field("doc_id", pa.string(), nullable=False),
    pa.field("source", pa.string()),
    pa.field("chunk_id", pa.int32(), nullable=False),
]
CHUNKS = pa.schema(_ENTRY)
DOCUMENTS = pa.schema([*_ENTRY, pa.field("chunks", pa.int32(), nullable=False)])


def field_guide(
    run: str | Path,
    library: Library,
    out: str | Path,
    *,
    per_concept: int = PER_CONCEPT,
    text: bool = True,
    memory_mb: int = MEMORY_MB,
    watch: Watch = silent,
) -> Exported:
    """Write each concept's chunks and documents, best first, and how many it has.

    Chunks rank by score; documents by the score of their best chunk, then by how many of their chunks have the concept;
    what is equal by place in the run. As many concepts as ``memory_mb`` mebibytes take are worked on at a time; for
    each such band the run's ids and scores are read again.

    Args:
        per_concept: chunks, and documents, of a concept at most.
        text: write the chunks' texts too, where the run has them.

        watch: told of every file that is finished.

    Raises:
        AtlasError: wrong input.
    """
    if per_concept < 1:
        raise AtlasError(f"per_concept is {per_concept}; it must be at least 1")
    source = source_of(run, library)
    with_text = text and TEXT in source.schema.names
    with output(
        PRODUCT, source, out, {"per_concept": per_concept, "text": with_text, "memory_mb": memory_mb}, watch
    ) as made:
        if (before := made.done()) is not None:
            return before
        found = concepts.counted(source)
        said = ranked(source, found, per_concept, memory_mb << 20, ("doc_id", "source", *([TEXT] if with_text else [])))
        short = ranked(source, found, per_concept, memory_mb << 20, ("doc_id", "source"))
        chunks = {f"chunks/{number:05}.parquet": band for number, band in enumerate(said.bands)}
        documents = {f"documents/{number:05}.parquet": band for number, band in enumerate(short.bands)}
        made.plan([*chunks, *documents, "concepts.parquet"])
        schema = pa.schema([*CHUNKS, pa.field(TEXT, pa.string())]) if with_text else CHUNKS
        for name, band in chunks.items():
            made.parquet(name, schema, _as(schema, said.chunks(band)))
        for name, band in documents.items():
            made.parquet(name, DOCUMENTS, _as(DOCUMENTS, short.documents(band)))
        made.parquet("concepts.parquet", concepts.CONCEPTS, [concepts.table(source, found)])
        return made.finish()


def _as(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield pa.RecordBatch.from_arrays([batch.column(field.name).cast(field.type) for field in schema], schema=schema)
