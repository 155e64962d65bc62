"""The annotate stage: documents in, annotated chunks out, in one pass."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from atlas.annotator import artefact
from atlas.annotator.artefact import Annotator
from atlas.annotator.model import Weights, scored
from atlas.annotator.train import MAX_LABELS
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.stage import Process
from atlas.tables import CHUNKS, annotations

SCORED_TOGETHER = 256  # chunks; bounds the memory of their views


@dataclass(frozen=True, slots=True)
class AnnotateStage:
    """Chunks documents as the annotator was trained to, and labels every chunk."""

    model: str
    text: bool = True
    name: str = "annotate"

    def schema(self, carried: pa.Schema) -> pa.Schema:
        return pa.schema([*annotations(text=self.text), *carried])

    def identity(self) -> dict[str, Any]:
        settings = artefact.read_settings(Path(self.model))
        return {
            "chunk": settings["chunk"],
            "tokenizer": tokenizer(settings["chunk"]["tokenizer"]).name,
            "annotator": artefact.digest(Path(self.model)),
            "library": settings["library_digest"],
            "text": self.text,
        }

    def load(self) -> Process:
        annotator = artefact.load(Path(self.model))
        return lambda documents: annotate_documents(documents, annotator, text=self.text)


def annotate_documents(documents: pa.RecordBatch, annotator: Annotator, *, text: bool) -> pa.RecordBatch:
    """Chunk and label a batch of documents of schema DOCUMENTS (further columns are carried)."""
    config = ChunkConfig(**annotator.settings["chunk"])
    chunked = chunk_documents(documents, config, tokenizer(config.tokenizer))
    empty = np.array([status == "empty" for status in chunked.columns.column("status").to_pylist()], dtype=bool)
    ids, scores, sizes = label_chunks(chunked.tokens, empty, annotator)
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    columns = {name: chunked.columns.column(name) for name in chunked.columns.schema.names}
    columns["concept_ids"] = pa.ListArray.from_arrays(offsets, pa.array(ids, pa.int32()))
    columns["scores"] = pa.ListArray.from_arrays(offsets, pa.array(scores, pa.float32()))
    carried = [field for field in chunked.columns.schema if field.name not in CHUNKS.names]
    schema = pa.schema([*annotations(text=text), *carried])
    return pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)


def label_chunks(
    tokens: list[np.ndarray], empty: np.ndarray, annotator: Annotator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Concepts of chunks: all ids and scores end to end, best first within a chunk, and labels per chunk.

    Args:
        tokens: ids of each chunk, int32. empty: bool [chunks]; empty chunks get no concept.

    Returns:
        Concept ids int32 [labels], probabilities float32 [labels], sizes int64 [chunks].
    """
    weights = annotator.weights
    parts = [_chosen(weights, annotator, tokens, empty, start) for start in range(0, len(tokens), SCORED_TOGETHER)]
    if not parts:
        return np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64)
    ids, scores, sizes = (np.concatenate(part) for part in zip(*parts, strict=True))
    return ids, scores, sizes


def _chosen(
    weights: Weights, annotator: Annotator, tokens: list[np.ndarray], empty: np.ndarray, start: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = scored(weights, annotator.featurizer, tokens[start : start + SCORED_TOGETHER])
    rows = found.rows
    kept = np.flatnonzero((found.scores >= weights.thresholds[found.columns]) & ~empty[start:][rows])
    kept = kept[np.lexsort((found.columns[kept], -found.scores[kept], rows[kept]))]
    sizes = np.bincount(rows[kept], minlength=len(found.starts) - 1)
    place = np.arange(len(kept)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = kept[place < MAX_LABELS]
    return weights.concept_ids[found.columns[kept]], found.scores[kept], np.minimum(sizes, MAX_LABELS)
