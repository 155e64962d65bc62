"""The annotate stage: documents in, annotated chunks out, in one pass."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from atlas.annotator import artefact
from atlas.annotator.artefact import Annotator
from atlas.annotator.model import predict
from atlas.annotator.train import MAX_LABELS
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.stage import Process
from atlas.tables import CHUNKS, annotations

SCORED_TOGETHER = 256  # chunks; bounds the memory of a dense score matrix


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
    all_ids, all_scores, all_sizes = [], [], []
    for start in range(0, len(tokens), SCORED_TOGETHER):
        stop = start + SCORED_TOGETHER
        scores = predict(weights, annotator.featurizer, tokens[start:stop])
        chosen = (scores >= weights.thresholds) & ~empty[start:stop, None]
        rows, columns = np.nonzero(chosen)
        picked = scores[rows, columns]
        order = np.lexsort((columns, -picked, rows))
        rows, columns, picked = rows[order], columns[order], picked[order]
        sizes = np.bincount(rows, minlength=len(scores))
        place = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        kept = place < MAX_LABELS
        all_ids.append(weights.concept_ids[columns[kept]])
        all_scores.append(picked[kept])
        all_sizes.append(np.minimum(sizes, MAX_LABELS))
    if not all_ids:
        return np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64)
    return np.concatenate(all_ids), np.concatenate(all_scores), np.concatenate(all_sizes)
