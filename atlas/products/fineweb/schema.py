"""Folders, columns and types of the public FineWeb Atlas (v0.1), as its card declares them."""

import pyarrow as pa

CONCEPTS_FILE = "fineweb-concept-atlas.parquet"
DOCUMENTS_FOLDER = "fineweb-atlas-documents"
CHUNKS_FOLDER = "fineweb-atlas-annotated"
GUIDE_FOLDER = "fineweb-atlas-annotated-reverse-index"

# Their word for each facet, in the order of the id columns of documents and of chunks.
TYPES = {"content": "content", "entity": "entity", "tone": "tone", "form": "document"}
FACETS = tuple(TYPES)
DOCUMENT_LISTS = ("content", "tone", "form", "entity")
CHUNK_LISTS = ("tone", "entity", "content", "form")
MOST_CHUNKS = 1 << 15  # of a document: chunk_id is int16
MOST_DOCUMENTS = 1 << 31  # of a run: doc_int_id is int32

_INTS = pa.list_(pa.int32())
_IDS = pa.list_(pa.int64())

CONCEPTS = pa.schema(
    {
        "concept_id": pa.uint32(),
        "concept_type": pa.string(),
        "name": pa.string(),
        "description": pa.string(),
        "taxonomy_lcc_path_primary": pa.string(),
        "chunk_count": pa.int64(),
        "chunk_prevalence": pa.float64(),
    }
)
DOCUMENTS = pa.schema(
    {
        "document_text": pa.string(),
        "doc_int_id": pa.int32(),
        "chunk_count": pa.int32(),
        "document_token_count": pa.int32(),
        "chunk_char_starts": _INTS,
        "chunk_token_starts": _INTS,
        "chunk_token_counts": _INTS,
        "has_long_chunk": pa.bool_(),
        "has_segmentation_error": pa.bool_(),
        **{f"{TYPES[facet]}_ids": _IDS for facet in DOCUMENT_LISTS},
    }
)
CHUNKS = pa.schema(
    {
        "doc_int_id": pa.int32(),
        "chunk_id": pa.int16(),
        "chunk_text": pa.string(),
        "chunk_token_start": pa.int32(),
        "chunk_token_end": pa.int32(),
        "chunk_token_count": pa.int32(),
        "chunk_status": pa.string(),
        **{f"{TYPES[facet]}_ids": _IDS for facet in CHUNK_LISTS},
    }
)
GUIDE = pa.schema(
    {
        "concept_id": pa.uint32(),
        "rank": pa.int32(),
        "doc_int_id": pa.int32(),
        "chunk_id": pa.int16(),
        "score": pa.float32(),
    }
)


def with_extras(schema: pa.Schema, lists: tuple[str, ...] = ()) -> pa.Schema:
    """The columns of ours that go behind the public ones: the document's own id and source; scores beside ids."""
    scores = [pa.field(f"{TYPES[facet]}_scores", pa.list_(pa.float32())) for facet in lists]
    return pa.schema([*schema, pa.field("doc_id", pa.string()), pa.field("source", pa.string()), *scores])
