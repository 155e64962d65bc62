"""The Arrow schema of every table that crosses a stage: the contracts.

Offsets are in code points and half-open: ``text[char_start:char_end]`` is the chunk, and the chunks of a
document cover it without gap or overlap. ``chunk_id`` counts from 0 within a document. Every document that
goes in comes out with at least one row: one with nothing to read has status ``empty`` on its only row (on all its rows,
where its white space is longer than a chunk may be).
"""

import pyarrow as pa

SCHEMA_VERSION = 1

FACETS = ("content", "entity", "tone", "form")

# Columns of whole numbers that a run adds up in its counts, where a table has them.
SUMMED = ("prompt_tokens", "completion_tokens")

DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("source", pa.string()),
    ]
)

CHUNK_KEY = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("chunk_id", pa.int32(), nullable=False),
    ]
)

CHUNK_COLUMNS = pa.schema(
    [
        *CHUNK_KEY,
        pa.field("source", pa.string()),
        pa.field("char_start", pa.int32(), nullable=False),
        pa.field("char_end", pa.int32(), nullable=False),
        pa.field("token_count", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
    ]
)

CHUNKS = pa.schema([*CHUNK_COLUMNS, pa.field("text", pa.string(), nullable=False)])

TAGS = pa.schema(
    [
        *CHUNKS,
        *[pa.field(facet, pa.list_(pa.string()), nullable=False) for facet in FACETS],
        pa.field("tag_status", pa.string(), nullable=False),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("completion", pa.string(), nullable=False),
        pa.field("prompt_tokens", pa.int32(), nullable=False),
        pa.field("completion_tokens", pa.int32(), nullable=False),
    ]
)

ANNOTATION_COLUMNS = pa.schema(
    [
        *CHUNK_COLUMNS,
        pa.field("concept_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("scores", pa.list_(pa.float32()), nullable=False),
    ]
)

TOKEN_COLUMNS = pa.schema([pa.field("token_ids", pa.list_(pa.int32()), nullable=False)])

REJECTED_COLUMNS = pa.schema([pa.field("rejected_ids", pa.list_(pa.int32()), nullable=False)])

EVIDENCE_COLUMNS = pa.schema(
    [pa.field(name, pa.list_(pa.int32()), nullable=False) for name in ("evidence_starts", "evidence_ends")]
)

CONCEPTS = pa.schema(
    [
        pa.field("concept_id", pa.int32(), nullable=False),
        pa.field("facet", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("description", pa.string(), nullable=False),
        pa.field("taxonomy", pa.string()),
        pa.field("taxonomy_confidence", pa.float32()),
        pa.field("aliases", pa.list_(pa.string()), nullable=False),
        pa.field("members", pa.list_(pa.string()), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("replaced_by", pa.int32()),
        pa.field("tag_count", pa.int64(), nullable=False),
        pa.field("chunk_count", pa.int64(), nullable=False),
    ]
)

QUARANTINE = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("location", pa.string(), nullable=False),
        pa.field("doc_id", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("content", pa.binary()),
    ]
)


def annotations(*, text: bool, rejected: bool = False, evidence: bool = False, tokens: bool = False) -> pa.Schema:
    """Schema of annotated shards, with or without rejected concepts, evidence, token ids and the chunk's text."""
    optional = [
        *(EVIDENCE_COLUMNS if evidence else ()),
        *(REJECTED_COLUMNS if rejected else ()),
        *(TOKEN_COLUMNS if tokens else ()),
    ]
    return pa.schema([*ANNOTATION_COLUMNS, *optional, *([pa.field("text", pa.string())] if text else [])])
