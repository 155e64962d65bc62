"""How good an annotator is on documents it has not seen, beside baselines that any annotator must beat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from atlas.annotator import metrics
from atlas.annotator.artefact import Annotator
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled
from atlas.annotator.features import Featurizer, inverse_document_frequency, weigh
from atlas.annotator.fit import best_threshold
from atlas.annotator.model import Weights, predict
from atlas.annotator.train import MAX_LABELS, train
from atlas.library.concept import Library

SYSTEM = "atlas-fast"
NEIGHBOURS = 15


Embed = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics per system, quality per concept, and what they were measured on."""

    heldout: dict[str, int]
    systems: list[dict[str, Any]]
    concepts: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return {"heldout": self.heldout, "systems": self.systems, "concepts": self.concepts}


@dataclass(frozen=True, slots=True)
class _Scored:
    """What a system says of some chunks: scores float32 [chunks, C], and from which score it gives each concept."""

    scores: np.ndarray
    thresholds: np.ndarray
    calibrated: bool


def evaluate(
    annotator: Annotator, training: Labelled, heldout: Labelled, library: Library, embed: Embed | None
) -> Evaluation:
    """Score held-out chunks with the annotator and with baselines fitted to the same training chunks.

    Truth is what the LLM's tags on the held-out documents say; a concept that holds but was not tagged counts
    as wrong, so precision is a lower bound. Baselines decide by the threshold that is best on the training
    chunks; the annotator by its own thresholds.

    Args:
        embed: sentence vectors for the baselines that need them; without it they are left out.
    """
    weights = annotator.weights
    systems = _systems(weights, annotator.featurizer, training, heldout, library, embed)
    gains = metrics.propensities(training.labels.sum(axis=0), len(training))
    ours = systems[SYSTEM]
    return Evaluation(
        {
            "chunks": len(heldout),
            "documents": len(set(heldout.doc_ids)),
            "concepts": int(heldout.labels.any(axis=0).sum()),
            "training_chunks": len(training),
        },
        [_row(name, [scored], [heldout.labels], gains) for name, scored in systems.items()],
        _per_concept(ours.scores, heldout.labels, weights.thresholds, weights.concept_ids),
    )


def cross_validate(
    data: Labelled,
    library: Library,
    tokenizer_name: str,
    word_vectors: np.ndarray,
    config: TrainConfig,
    embed: Embed | None,
    folds: int = 4,
) -> list[dict[str, Any]]:
    """The same table over all chunks, each scored by systems fitted to the other folds' documents.

    A few hundred tagged chunks leave a held-out part of a hundred, on which P@1 has a standard error of 0.05;
    this has that of the whole set, at the price of training once a fold.
    """
    fold_of = np.unique(data.position, return_inverse=True)[1] % folds  # by document, none without one
    found: dict[str, list[_Scored]] = {}
    truths: list[np.ndarray] = []
    for fold in range(folds):
        training, test = data.take(np.flatnonzero(fold_of != fold)), data.take(np.flatnonzero(fold_of == fold))
        weights, featurizer, _ = train(training, library, tokenizer_name, word_vectors, config)
        truths.append(test.labels)
        for name, scored in _systems(weights, featurizer, training, test, library, embed).items():
            found.setdefault(name, []).append(scored)
    gains = metrics.propensities(data.labels.sum(axis=0), len(data))
    return [_row(name, scored, truths, gains) for name, scored in found.items()]


def _row(name: str, scored: list[_Scored], truths: list[np.ndarray], gains: np.ndarray) -> dict[str, Any]:
    """All metrics of a system over one or more disjoint sets of chunks."""
    scores, truth = np.concatenate([s.scores for s in scored]), np.concatenate(truths)
    pairs = zip(scored, truths, strict=True)
    decided = [metrics.decide(s.scores, t, s.thresholds, MAX_LABELS) for s, t in pairs]
    total = metrics.Decisions(*(sum(getattr(d, f.name) for d in decided) for f in fields(metrics.Decisions)))
    row: dict[str, Any] = {"system": name, **metrics.ranking(scores, truth, gains)}
    row |= {"micro_f1": total.micro_f1, "macro_f1": total.macro_f1}
    row["pr_auc"] = metrics.average_precision(scores, truth)
    row["ece"] = metrics.calibration_error(scores, truth) if scored[0].calibrated else None
    return row


def _systems(
    weights: Weights,
    featurizer: Featurizer,
    training: Labelled,
    heldout: Labelled,
    library: Library,
    embed: Embed | None,
) -> dict[str, _Scored]:
    """The annotator and every baseline on the held-out chunks."""
    scores = predict(weights, featurizer, heldout.tokens)
    found = {SYSTEM: _Scored(scores, weights.thresholds, calibrated=True)}
    for name, (held, inside) in _baselines(featurizer, training, heldout, library, embed).items():
        common = best_threshold(inside.ravel(), training.labels.ravel())
        found[name] = _Scored(held, np.full(held.shape[1], common, dtype=np.float32), calibrated=False)
    return found


def _baselines(
    featurizer: Featurizer, training: Labelled, heldout: Labelled, library: Library, embed: Embed | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scores of each baseline: on the held-out chunks and, without a chunk's own help, on the training chunks."""
    share = training.labels.mean(axis=0).astype(np.float32)
    found = {"baseline-prior": (np.tile(share, (len(heldout), 1)), np.tile(share, (len(training), 1)))}
    counts = featurizer.counts(training.tokens)
    idf = inverse_document_frequency(counts)
    known = weigh(counts, idf)
    new = weigh(featurizer.counts(heldout.tokens), idf)
    found["baseline-knn-tfidf"] = (
        _neighbours((new @ known.T).toarray(), training.labels),
        _neighbours(_without_own((known @ known.T).toarray(), training.doc_ids), training.labels),
    )
    if embed is not None:
        inside, outside = embed(training.texts), embed(heldout.texts)
        names = embed([concept.name for concept in library.active])
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
