"""How good an annotator is on documents it has not seen, beside baselines that any annotator must beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlas.annotator import metrics
from atlas.annotator.artefact import Annotator
from atlas.annotator.data import Labelled
from atlas.annotator.features import inverse_document_frequency, weigh
from atlas.annotator.fit import best_threshold
from atlas.annotator.model import predict
from atlas.annotator.train import MAX_LABELS
from atlas.library.concept import Library
from atlas.models.encoder import Encoder

NEIGHBOURS = 15


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics per system, quality per concept, and what they were measured on."""

    heldout: dict[str, int]
    systems: list[dict[str, Any]]
    concepts: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return {"heldout": self.heldout, "systems": self.systems, "concepts": self.concepts}


def evaluate(
    annotator: Annotator, training: Labelled, heldout: Labelled, library: Library, encoder: Encoder | None
) -> Evaluation:
    """Score held-out chunks with the annotator and with baselines fitted to the same training chunks.

    Truth is what the LLM's tags on the held-out documents say; a concept that holds but was not tagged counts
    as wrong, so precision is a lower bound. Baselines decide by the threshold that is best on the training
    chunks; the annotator by its own thresholds.
    """
    weights = annotator.weights
    scores = predict(weights, annotator.featurizer, heldout.tokens)
    gains = metrics.propensities(training.labels.sum(axis=0), len(training))
    rows = [_row("atlas-fast", scores, heldout.labels, weights.thresholds, gains, calibrated=True)]
    for name, (held, inside) in _baselines(annotator, training, heldout, library, encoder).items():
        common = np.full(held.shape[1], best_threshold(inside.ravel(), training.labels.ravel()), dtype=np.float32)
        rows.append(_row(name, held, heldout.labels, common, gains, calibrated=False))
    return Evaluation(
        {
            "chunks": len(heldout),
            "documents": len(set(heldout.doc_ids)),
            "concepts": int(heldout.labels.any(axis=0).sum()),
            "training_chunks": len(training),
        },
        rows,
        _per_concept(scores, heldout.labels, weights.thresholds, weights.concept_ids),
    )


def _row(
    name: str, scores: np.ndarray, truth: np.ndarray, thresholds: np.ndarray, gains: np.ndarray, *, calibrated: bool
) -> dict[str, Any]:
    decided = metrics.decide(scores, truth, thresholds, MAX_LABELS)
    row: dict[str, Any] = {"system": name, **metrics.ranking(scores, truth, gains)}
    row |= {"micro_f1": decided.micro_f1, "macro_f1": decided.macro_f1}
    row["pr_auc"] = metrics.average_precision(scores, truth)
    row["ece"] = metrics.calibration_error(scores, truth) if calibrated else None
    return row


def _baselines(
    annotator: Annotator, training: Labelled, heldout: Labelled, library: Library, encoder: Encoder | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scores of each baseline: on the held-out chunks and, without a chunk's own help, on the training chunks."""
    share = training.labels.mean(axis=0).astype(np.float32)
    found = {"baseline-prior": (np.tile(share, (len(heldout), 1)), np.tile(share, (len(training), 1)))}
    counts = annotator.featurizer.counts(training.tokens)
    idf = inverse_document_frequency(counts)
    known = weigh(counts, idf)
    new = weigh(annotator.featurizer.counts(heldout.tokens), idf)
    found["baseline-knn-tfidf"] = (
        _neighbours((new @ known.T).toarray(), training.labels),
        _neighbours(_without_own((known @ known.T).toarray(), training.doc_ids), training.labels),
    )
    if encoder is not None:
        inside, outside = encoder.encode(training.texts), encoder.encode(heldout.texts)
        names = encoder.encode([concept.name for concept in library.active])
        own = _without_own(inside @ inside.T, training.doc_ids)
        found["baseline-knn-minilm"] = (
            _neighbours(outside @ inside.T, training.labels),
            _neighbours(own, training.labels),
        )
        found["baseline-name-similarity"] = (outside @ names.T, inside @ names.T)
    return found


def _without_own(similarities: np.ndarray, doc_ids: Sequence[str]) -> np.ndarray:
    """Chunks of one document are no neighbours of each other."""
    codes = np.unique(np.array(doc_ids), return_inverse=True)[1]
    return np.where(codes[:, None] == codes[None, :], 0.0, similarities)


def _neighbours(similarities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Similarity-weighted vote of the nearest chunks, float32 [rows, labels], each row's weights summing to 1."""
    k = min(NEIGHBOURS, similarities.shape[1])
    nearest = np.argpartition(-similarities, k - 1, axis=1)[:, :k]
    votes = np.maximum(np.take_along_axis(similarities, nearest, axis=1), 0)
    votes = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1e-12)
    return np.einsum("nk,nkc->nc", votes, labels[nearest].astype(np.float32)).astype(np.float32)


def _per_concept(
    scores: np.ndarray, truth: np.ndarray, thresholds: np.ndarray, concept_ids: np.ndarray
) -> list[dict[str, Any]]:
    decided = metrics.decide(scores, truth, thresholds, MAX_LABELS)
    cards = []
    for column, concept_id in enumerate(concept_ids.tolist()):
        true, predicted, correct = (int(a[column]) for a in (decided.true, decided.predicted, decided.correct))
        cards.append(
            {
                "concept_id": concept_id,
                "support": true,
                "precision": correct / predicted if predicted else None,
                "recall": correct / true if true else None,
                "f1": metrics.f1(correct, predicted, true) if true else None,
                "pr_auc": metrics.average_precision(scores[:, column], truth[:, column]) if true else None,
                "threshold": float(thresholds[column]),
            }
        )
    return cards
