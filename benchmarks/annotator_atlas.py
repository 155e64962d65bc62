"""Atlas's own annotators behind the benchmark's protocol: a document is a chunk, a label is a concept.

A later annotator is one more ``train_…`` here and one more line in ``annotator_systems.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas.annotator import artefact
from atlas.annotator.artefact import Annotator
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled, document_position, label_matrix
from atlas.annotator.distill import teacher
from atlas.annotator.model import scored
from atlas.annotator.train import train
from atlas.chunking.tokenizer import tokenizer
from atlas.library.concept import Concept, Library

TOKENIZER = "cl100k_base"
TOGETHER = 256  # chunks scored at a time, as the annotate stage does


@dataclass(frozen=True)
class Tier:
    """A trained annotator; tokenizing, and reading in the encoder tier, count as prediction."""

    annotator: Annotator

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        named = tokenizer(TOKENIZER)
        ids = np.full((len(texts), k), -1, dtype=np.int64)
        scores = np.zeros((len(texts), k), dtype=np.float32)
        for start in range(0, len(texts), TOGETHER):
            own = texts[start : start + TOGETHER]
            tokens, read = [named.encode(text) for text in own], self.annotator.read(own)
            found = scored(self.annotator.weights, self.annotator.featurizer, tokens, read)
            rows = found.rows
            order = np.lexsort((found.columns, -found.scores, rows))
            place = np.arange(len(order)) - found.starts[rows[order]]
            order, place = order[place < k], place[place < k]
            ids[start + rows[order], place] = self.annotator.weights.concept_ids[found.columns[order]]
            scores[start + rows[order], place] = found.scores[order]
        return ids, scores

    def save(self, folder: Path) -> None:
        artefact.save(folder, self.annotator.weights, self.annotator.featurizer, {"library_digest": ""}, {})


def library_of(names: Sequence[str]) -> Library:
    """A concept a label, its number as the id."""
    return Library(tuple(Concept(number, "content", name, "") for number, name in enumerate(names)))


def train_fast(texts: Sequence[str], labels: Sequence[Sequence[int]], names: Sequence[str], work: Path) -> Tier:
    return trained(texts, labels, names, TrainConfig())


def train_encoder(texts: Sequence[str], labels: Sequence[Sequence[int]], names: Sequence[str], work: Path) -> Tier:
    return trained(texts, labels, names, TrainConfig(tier="encoder"))


def trained(texts: Sequence[str], labels: Sequence[Sequence[int]], names: Sequence[str], config: TrainConfig) -> Tier:
    doc_ids = [str(number) for number in range(len(texts))]
    position = np.array([document_position(doc_id, config.seed) for doc_id in doc_ids])
    tokens = [tokenizer(TOKENIZER).encode(text) for text in texts]
    data = Labelled(tokens, list(texts), doc_ids, label_matrix(labels, len(names)), position)
    model = teacher(config.encoder, TOKENIZER, threads=1)
    weights, featurizer, _ = train(data, library_of(names), TOKENIZER, model, config)
    return Tier(Annotator(weights, featurizer, {}, "", model.embed if config.tier == "encoder" else None))
