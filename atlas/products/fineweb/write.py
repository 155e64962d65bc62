"""The export in the public FineWeb Atlas layout."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.products.export import concepts
from atlas.products.export.concepts import Counted
from atlas.products.export.output import Exported, Output, Watch, output, silent
from atlas.products.export.source import SCORES, TEXT, Part, Source, flat, numbered, source_of, whole_documents
from atlas.products.export.threads import in_threads
from atlas.products.field_guide.select import ranked
from atlas.products.fineweb import schema as public
from atlas.products.fineweb.shard import COLUMNS, chunk_rows, document_rows

PRODUCT = "fineweb"
PER_CONCEPT = 1000
MEMORY_MB = 512
WORKERS = 2  # threads: Parquet and most of numpy leave the interpreter's lock

Rows = Callable[[pa.RecordBatch, np.ndarray, np.ndarray, pa.Schema], pa.RecordBatch]


def fineweb(
    run: str | Path,
    library: Library,
    out: str | Path,
    *,
    per_concept: int = PER_CONCEPT,
    extras: bool = False,
    memory_mb: int = MEMORY_MB,
    workers: int = WORKERS,
    watch: Watch = silent,
) -> Exported:
    """Write concepts, documents, chunks and field guide with the public release's file names, columns and types.

    One shard of documents and one of chunks for each part of the run. Each worker holds a row group of a part (about
    16 MiB) and the longest document; the field guide ``memory_mb`` mebibytes.

    Args:
        per_concept: chunks of each concept in the field guide, best first.
        extras: add ``doc_id``, ``source`` and the scores behind the public columns.

        watch: told of every file that is finished.

    Raises:
        AtlasError: wrong input; a run without texts; a document or run too long for the layout's integers.
    """
    source = source_of(run, library)
    source.need(TEXT, "which this layout has: annotate with --chunk-text")
    _fits(source)
    settings = {"per_concept": per_concept, "extras": extras, "memory_mb": memory_mb}
    with output(PRODUCT, source, out, settings, watch) as made:
        if (before := made.done()) is not None:
            return before
        found = concepts.counted(source)
        guide = ranked(source, found, per_concept, memory_mb << 20)
        guides = [f"{public.GUIDE_FOLDER}/shard_{number:04}.parquet" for number in range(len(guide.bands))]
        shards = [(part, folder) for part in source.parts for folder in (public.DOCUMENTS_FOLDER, public.CHUNKS_FOLDER)]
        names = [f"{folder}/shard_{part.number:04}.parquet" for part, folder in shards]
        made.plan([public.CONCEPTS_FILE, *names, *guides])
        made.parquet(public.CONCEPTS_FILE, public.CONCEPTS, [_concepts(source, found)])
        for _ in in_threads(partial(_shard, made, source, extras), shards, workers):
            pass
        for name, band in zip(guides, guide.bands, strict=True):
            made.parquet(name, public.GUIDE, (_guide(rows) for rows in guide.chunks(band)))
        return made.finish()


def _fits(source: Source) -> None:
    """See that documents and chunks can be counted with the layout's integers, by the statistics of the parts."""
    if source.documents > public.MOST_DOCUMENTS:
        raise AtlasError(f"{source.folder.url}: {source.documents:,} documents; doc_int_id is int32, so export less")
    for part in source.parts:
        metadata = pq.read_metadata(part.path, filesystem=source.filesystem)
        column = metadata.schema.to_arrow_schema().names.index("chunk_id")  # flat columns come before any list
        for number in range(metadata.num_row_groups):
            statistics = metadata.row_group(number).column(column).statistics
            if statistics is not None and statistics.max is not None and statistics.max >= public.MOST_CHUNKS:
                raise AtlasError(
                    f"{part.path}: has a document of {statistics.max + 1:,} chunks or more, but chunk_id is int16 in "
                    f"this layout, which counts to {public.MOST_CHUNKS:,}. Cut that document in the corpus, or take it "
                    "out; `atlas export hf-dataset` has no such limit"
                )


def _shard(made: Output, source: Source, extras: bool, which: tuple[Part, str]) -> None:
    part, folder = which
    documents = folder == public.DOCUMENTS_FOLDER
    schema = public.DOCUMENTS if documents else public.CHUNKS
    if extras:
        schema = public.with_extras(schema, public.DOCUMENT_LISTS if documents else public.CHUNK_LISTS)
    name = f"{folder}/shard_{part.number:04}.parquet"
    key = made.part_key(name=name, part=part.key, library=source.library.digest, first=part.document)
    made.parquet(name, schema, _rows(source, part, document_rows if documents else chunk_rows, schema), key)


def _rows(source: Source, part: Part, make: Rows, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    facets = facet_places(source)
    for block, documents in numbered(whole_documents(source, COLUMNS, [part])):
        ids, _ = flat(block.table.column("concept_ids"))
        yield make(block.table, documents, facets[source.places(ids, part.path)], schema)


def facet_places(source: Source) -> np.ndarray:
    """Facet of each concept of the library, as a place in FACETS, int8."""
    return np.array(
        [public.FACETS.index(source.library.by_id[id_].facet) for id_ in source.concept_ids.tolist()], np.int8
    )


def _concepts(source: Source, found: Counted) -> pa.RecordBatch:
    rows = [
        {
            "concept_id": concept.id,
            "concept_type": public.TYPES[concept.facet],
            "name": concept.name,
            "description": concept.description,
            "taxonomy_lcc_path_primary": concept.taxonomy,
            "chunk_count": chunks,
            "chunk_prevalence": chunks / source.rows,
        }
        for concept, chunks, _ in concepts.shown(source, found)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=public.CONCEPTS)


def _guide(rows: pa.RecordBatch) -> pa.RecordBatch:
    named = {"concept_id": "concept_id", "rank": "rank", "doc_int_id": "document", "chunk_id": "chunk_id"}
    columns = [rows.column(named.get(field.name, SCORES[:-1])).cast(field.type) for field in public.GUIDE]
    return pa.RecordBatch.from_arrays(columns, schema=public.GUIDE)
