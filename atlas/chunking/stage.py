"""The chunk stage: documents in, chunks out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from atlas.chunking.chunk import WINDOW_CHARS, Chunk, chunk_text, chunk_utf8
from atlas.chunking.config import ChunkConfig
from atlas.chunking.tokenizer import Tokenizer, tokenizer
from atlas.stage import Process
from atlas.tables import CHUNK_COLUMNS, CHUNKS, DOCUMENTS

LONG_BYTES = 4 * WINDOW_CHARS  # of a document that is not decoded whole


@dataclass(frozen=True, slots=True)
class Chunked:
    """Chunks of a batch of documents: the chunk columns, and each chunk's token ids."""

    columns: pa.RecordBatch
    tokens: list[np.ndarray]


@dataclass(frozen=True, slots=True)
class ChunkStage:
    """Cuts documents; every chunk row carries its text."""

    config: ChunkConfig
    name: str = "chunk"

    def schema(self, carried: pa.Schema) -> pa.Schema:
        return pa.schema([*CHUNKS, *carried])

    def identity(self) -> dict[str, Any]:
        return {"chunk": self.config.model_dump(mode="json"), "tokenizer": tokenizer(self.config.tokenizer).name}

    def load(self) -> Process:
        named = tokenizer(self.config.tokenizer)
        return lambda documents: chunk_documents(documents, self.config, named).columns


def chunk_documents(documents: pa.RecordBatch, config: ChunkConfig, named: Tokenizer, *, text: bool = True) -> Chunked:
    """Chunk every document of a batch, in order.

    Args:
        documents: schema DOCUMENTS, with any further columns, which are repeated on each chunk's row.
        text: whether the chunks' texts are wanted; without, there is no such column.
    """
    chunks: list[Chunk] = []
    texts: list[str] = []
    per_document: list[int] = []
    for document in documents.column("text"):
        before = len(chunks)
        for chunk, cut in _cut(document.as_buffer(), config, named):
            chunks.append(chunk)
            if text:
                texts.append(cut)
        per_document.append(len(chunks) - before)
    counts = np.asarray(per_document, dtype=np.int64)
    owner = np.repeat(np.arange(len(counts)), counts)
    firsts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(counts) else counts
    repeat = pa.array(owner)
    columns: dict[str, Any] = {
        "doc_id": documents.column("doc_id").take(repeat),
        "chunk_id": pa.array(np.arange(len(owner)) - np.repeat(firsts, counts), pa.int32()),
        "source": documents.column("source").take(repeat),
        "char_start": pa.array([c.start for c in chunks], pa.int32()),
        "char_end": pa.array([c.end for c in chunks], pa.int32()),
        "token_count": pa.array([len(c.tokens) for c in chunks], pa.int32()),
        "kind": pa.array([c.kind for c in chunks], pa.string()),
        "status": pa.array([c.status for c in chunks], pa.string()),
    }
    if text:
        columns["text"] = pa.array(texts, pa.string())
    carried = [name for name in documents.schema.names if name not in DOCUMENTS.names]
    columns |= {name: documents.column(name).take(repeat) for name in carried}
    schema = pa.schema([*(CHUNKS if text else CHUNK_COLUMNS), *[documents.schema.field(name) for name in carried]])
    return Chunked(
        pa.RecordBatch.from_arrays([columns[f.name] for f in schema], schema=schema), [c.tokens for c in chunks]
    )


def _cut(raw: pa.Buffer, config: ChunkConfig, named: Tokenizer) -> Iterator[tuple[Chunk, str]]:
    if raw.size > LONG_BYTES:
        yield from chunk_utf8(memoryview(raw), config, named)
        return
    text = str(raw, "utf-8")
    yield from ((chunk, text[chunk.start : chunk.end]) for chunk in chunk_text(text, config, named))


CHUNK_COLUMN_NAMES = CHUNK_COLUMNS.names
