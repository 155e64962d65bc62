"""The annotate stage: documents in, annotated chunks out, in one pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from atlas.annotator import artefact, choose
from atlas.annotator.artefact import Annotator
from atlas.annotator.choose import MOST_REJECTED, Chosen
from atlas.annotator.evidence import STRIDE, WIDTH, located
from atlas.annotator.model import SCORE_DECIMALS, Scored, scored
from atlas.annotator.views import NOT_READ
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.stage import Process
from atlas.tables import CHUNKS, annotations

SCORED_TOGETHER = 256  # chunks; bounds the memory of their views
READ_TOGETHER = 2048  # chunks; a GPU reads many at once faster


@dataclass(frozen=True, slots=True)
class AnnotateStage:
    """Chunks documents as the annotator was trained to, and labels every chunk.

    With ``rejected``, ``evidence`` and ``tokens`` (each chunk's token ids), these are written too.
    """

    model: str
    text: bool = True
    rejected: bool = False
    evidence: bool = False
    tokens: bool = False
    name: str = "annotate"

    @property
    def chosen(self) -> dict[str, bool]:
        """The further outputs that are asked for; nothing of those that are not, as in runs before there were any."""
        return {name: True for name in ("rejected", "evidence", "tokens") if getattr(self, name)}

    def schema(self, carried: pa.Schema) -> pa.Schema:
        return pa.schema([*annotations(text=self.text, **self.chosen), *carried])

    def identity(self) -> dict[str, Any]:
        settings = artefact.read_settings(Path(self.model))
        made_by = {"rejected": MOST_REJECTED, "evidence": [WIDTH, STRIDE], "tokens": True}
        return {
            "chunk": settings["chunk"],
            "tokenizer": tokenizer(settings["chunk"]["tokenizer"]).name,
            "annotator": artefact.digest(Path(self.model)),
            "library": settings["library_digest"],
            "text": self.text,
            **{name: made_by[name] for name in self.chosen},
        }

    def load(self) -> Process:
        annotator = artefact.load(Path(self.model))
        return lambda documents: annotate_documents(documents, annotator, text=self.text, **self.chosen)


def annotate_documents(
    documents: pa.RecordBatch,
    annotator: Annotator,
    *,
    text: bool,
    rejected: bool = False,
    evidence: bool = False,
    tokens: bool = False,
) -> pa.RecordBatch:
    """Chunk and label a batch of documents of schema DOCUMENTS (further columns are carried)."""
    config = ChunkConfig(**annotator.settings["chunk"])
    named = tokenizer(config.tokenizer)
    read = annotator.embed is not None or evidence  # by what needs more of a chunk than its tokens
    chunked = chunk_documents(documents, config, named, text=text or read)
    weights = annotator.weights
    columns = {name: chunked.columns.column(name) for name in chunked.columns.schema.names}
    empty = np.array([status == "empty" for status in columns["status"].to_pylist()], dtype=bool)
    texts = columns["text"].to_pylist() if read else None
    labels, missed = _choose(chunked.tokens, annotator, texts if annotator.embed else None, empty)
    columns["concept_ids"] = _lists(weights.concept_ids[labels.columns], labels.sizes)
    columns["scores"] = _lists(np.round(labels.scores, SCORE_DECIMALS), labels.sizes)
    if rejected:
        columns["rejected_ids"] = _lists(weights.concept_ids[missed.columns], missed.sizes)
    if evidence:
        assert texts is not None
        starts, ends = located(weights, annotator.featurizer, chunked.tokens, texts, named, labels)
        columns["evidence_starts"], columns["evidence_ends"] = _lists(starts, labels.sizes), _lists(ends, labels.sizes)
    if tokens:
        sizes = np.array([len(ids) for ids in chunked.tokens], dtype=np.int64)
        columns["token_ids"] = _lists(np.concatenate([np.empty(0, np.int32), *chunked.tokens]), sizes)
    carried = [field for field in chunked.columns.schema if field.name not in CHUNKS.names]
    schema = pa.schema([*annotations(text=text, rejected=rejected, evidence=evidence, tokens=tokens), *carried])
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
    labels = choose.given(score_chunks(tokens, annotator), weights.thresholds, empty)
    return weights.concept_ids[labels.columns], labels.scores, labels.sizes


def score_chunks(tokens: list[np.ndarray], annotator: Annotator, texts: Sequence[str] | None = None) -> Scored:
    """Candidates of any number of chunks.

    ``texts`` are for an annotator of the encoder tier; without them it sums vectors of words, as the fast one does.
    """
    return Scored.joined([found for _, found in _scored(tokens, annotator, texts)])


def _scored(
    tokens: list[np.ndarray], annotator: Annotator, texts: Sequence[str] | None
) -> Iterator[tuple[slice, Scored]]:
    """Some chunks at a time, with their candidates."""
    for start in range(0, len(tokens), READ_TOGETHER):
        stop = min(start + READ_TOGETHER, len(tokens))
        read = NOT_READ if texts is None else annotator.read(texts[start:stop])
        for first in range(start, stop, SCORED_TOGETHER):
            some = slice(first, min(first + SCORED_TOGETHER, stop))
            own = read[first - start : some.stop - start]
            yield some, scored(annotator.weights, annotator.featurizer, tokens[some], own)


def _choose(
    tokens: list[np.ndarray], annotator: Annotator, texts: Sequence[str] | None, empty: np.ndarray
) -> tuple[Chosen, Chosen]:
    """Concepts given and rejected; of the candidates no more is kept, as a document may have a million chunks."""
    thresholds = annotator.weights.thresholds
    of_some = [
        (choose.given(found, thresholds, empty[some]), choose.rejected(found, thresholds, empty[some]))
        for some, found in _scored(tokens, annotator, texts)
    ]
    return Chosen.joined([labels for labels, _ in of_some]), Chosen.joined([missed for _, missed in of_some])


def _lists(values: np.ndarray, sizes: np.ndarray) -> pa.ListArray:
    """A list of values for each chunk, of the values' own type."""
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32()), pa.array(values))
