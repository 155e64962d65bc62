"""How good an annotator is on documents it has not seen, beside baselines that any annotator must beat."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy import sparse

from atlas.annotator import metrics
from atlas.annotator.artefact import Annotator
from atlas.annotator.choose import MAX_LABELS
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled
from atlas.annotator.distill import Embed, Teacher
from atlas.annotator.features import Featurizer, inverse_document_frequency, weigh
from atlas.annotator.fit import best_threshold
from atlas.annotator.model import BANDS, Weights, predict
from atlas.annotator.train import train
from atlas.library.concept import Library

NEIGHBOURS = 15
EVALUATED = 100_000_000  # pairs of chunk and concept at most, whose scores are held in memory
INSIDE = 2_000  # training chunks on which baselines' thresholds are chosen
CONFUSIONS = 3  # concepts named as given in place of another


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics per system, the annotator's calibration by how often concepts occur, quality per concept, and on what."""

    heldout: dict[str, int]
    systems: list[dict[str, Any]]
    calibration: list[dict[str, Any]]
    concepts: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        parts = ("heldout", "systems", "calibration", "concepts")
        return {name: getattr(self, name) for name in parts}


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
    heldout = _as_many_as_fit(heldout)
    systems = _systems(annotator, training, heldout, library, embed)
    truth = heldout.labels.toarray()
    gains = metrics.propensities(_examples(training), len(training))
    ours = systems[annotator.system]
    return Evaluation(
        {
            "chunks": len(heldout),
            "documents": len(set(heldout.doc_ids)),
            "concepts": int(truth.any(axis=0).sum()),
            "training_chunks": len(training),
        },
        [_row(name, [scored], [truth], gains) for name, scored in systems.items()],
        _calibration(ours.scores, truth, weights.positives),
        _per_concept(ours.scores, truth, weights),
    )


def metrics_of(annotator: Annotator, training_chunks: int, heldout: Labelled) -> dict[str, Any]:
    """The annotator's own row of ``evaluate``, and of how many chunks it is; nothing where no held-out chunk has a
    concept."""
    heldout = _as_many_as_fit(heldout)
    if not heldout.labels.nnz:
        return {}
    gains = metrics.propensities(annotator.weights.positives, training_chunks)
    row = _row(annotator.system, [_own(annotator, heldout)], [heldout.labels.toarray()], gains)
    return {"chunks": len(heldout), **{name: value for name, value in row.items() if name != "system"}}


def _as_many_as_fit(heldout: Labelled) -> Labelled:
    return heldout.take(np.arange(min(len(heldout), max(1, EVALUATED // heldout.labels.shape[1]))))


def _own(annotator: Annotator, heldout: Labelled) -> _Scored:
    weights = annotator.weights
    scores = predict(weights, annotator.featurizer, heldout.tokens, annotator.read(heldout.texts))
    return _Scored(scores, weights.thresholds, calibrated=True)


def _examples(data: Labelled) -> np.ndarray:
    """Chunks with each concept, int64 [C]."""
    return np.bincount(data.labels.indices, minlength=data.labels.shape[1])


def cross_validate(
    data: Labelled,
    library: Library,
    tokenizer_name: str,
    model: Teacher,
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
        weights, featurizer, _ = train(training, library, tokenizer_name, model, config)
        truths.append(test.labels.toarray())
        annotator = Annotator(weights, featurizer, {}, "", model.embed if config.tier == "encoder" else None)
        for name, scored in _systems(annotator, training, test, library, embed).items():
            found.setdefault(name, []).append(scored)
    gains = metrics.propensities(_examples(data), len(data))
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
    annotator: Annotator, training: Labelled, heldout: Labelled, library: Library, embed: Embed | None
) -> dict[str, _Scored]:
    """The annotator and every baseline on the held-out chunks."""
    featurizer = annotator.featurizer
    found = {annotator.system: _own(annotator, heldout)}
    some = training.take(np.sort(np.random.default_rng(0).permutation(len(training))[:INSIDE]))
    truth = some.labels.toarray().ravel()
    for name, (held, inside) in _baselines(featurizer, training, some, heldout, library, embed).items():
        common = best_threshold(inside.ravel(), truth)
        found[name] = _Scored(held, np.full(held.shape[1], common, dtype=np.float32), calibrated=False)
    return found


def _baselines(
    featurizer: Featurizer,
    training: Labelled,
    some: Labelled,
    heldout: Labelled,
    library: Library,
    embed: Embed | None,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scores of each baseline: on the held-out chunks and, without a chunk's own help, on some training chunks."""
    share = (_examples(training) / len(training)).astype(np.float32)
    found = {"baseline-prior": (np.tile(share, (len(heldout), 1)), np.tile(share, (len(some), 1)))}
    counts = featurizer.counts(featurizer.fold(training.tokens))
    idf = inverse_document_frequency(counts)
    known = weigh(counts, idf).T.tocsr()
    new, inside = (weigh(featurizer.counts(featurizer.fold(part.tokens)), idf) for part in (heldout, some))
    found["baseline-knn-tfidf"] = (
        _neighbours((new @ known).toarray(), training.labels),
        _neighbours(_without_own((inside @ known).toarray(), some, training), training.labels),
    )
    if embed is not None:
        every, new, inside = embed(training.texts), embed(heldout.texts), embed(some.texts)
        names = embed([concept.name for concept in library.active])
        found["baseline-knn-minilm"] = (
            _neighbours(new @ every.T, training.labels),
            _neighbours(_without_own(inside @ every.T, some, training), training.labels),
        )
        found["baseline-name-similarity"] = (new @ names.T, inside @ names.T)
    return found


def _without_own(similarities: np.ndarray, some: Labelled, training: Labelled) -> np.ndarray:
    """Chunks of one document are no neighbours of each other."""
    number = {doc_id: place for place, doc_id in enumerate(dict.fromkeys(training.doc_ids))}
    mine, theirs = (np.array([number[doc_id] for doc_id in part.doc_ids]) for part in (some, training))
    return np.where(mine[:, None] == theirs[None, :], 0.0, similarities)


def _neighbours(similarities: np.ndarray, labels: sparse.csr_matrix) -> np.ndarray:
    """Similarity-weighted vote of the nearest chunks, float32 [rows, labels], each row's weights summing to 1."""
    k = min(NEIGHBOURS, similarities.shape[1])
    nearest = np.argpartition(-similarities, k - 1, axis=1)[:, :k]
    votes = np.maximum(np.take_along_axis(similarities, nearest, axis=1), 0)
    votes = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1e-12)
    starts = np.arange(0, nearest.size + 1, k)
    voting = sparse.csr_matrix((votes.ravel().astype(np.float32), nearest.ravel(), starts), shape=similarities.shape)
    return (voting @ labels.astype(np.float32)).toarray()


def _calibration(scores: np.ndarray, truth: np.ndarray, positives: np.ndarray) -> list[dict[str, Any]]:
    """Expected calibration error by band of training frequency: none, tail, middle, head."""
    band_of = np.searchsorted(BANDS, positives, side="right") - 1
    rows = []
    for band, least in enumerate(BANDS):
        own = np.flatnonzero(band_of == band)
        if len(own):
            error = metrics.calibration_error(scores[:, own], truth[:, own])
            rows.append({"examples_from": least, "concepts": len(own), "ece": error})
    return rows


def _per_concept(scores: np.ndarray, truth: np.ndarray, weights: Weights) -> list[dict[str, Any]]:
    """A card for each concept: how often it occurs, how well it is found, and what is given in its place."""
    given = metrics.given(scores, weights.thresholds, MAX_LABELS)
    true, predicted, correct = (part.sum(axis=0) for part in (truth, given, given & truth))
    missed, wrong = sparse.csr_matrix(truth & ~given, dtype=np.int32), sparse.csr_matrix(given & ~truth, dtype=np.int32)
    confused = (missed.T @ wrong).tocsr()
    cards = []
    for column, concept_id in enumerate(weights.concept_ids.tolist()):
        t, p, c = int(true[column]), int(predicted[column]), int(correct[column])
        others = slice(confused.indptr[column], confused.indptr[column + 1])
        most = sorted(zip(-confused.data[others], confused.indices[others], strict=True))[:CONFUSIONS]
        cards.append(
            {
                "concept_id": concept_id,
                "examples": int(weights.positives[column]),
                "support": t,
                "precision": c / p if p else None,
                "recall": c / t if t else None,
                "f1": metrics.f1(c, p, t) if t else None,
                "pr_auc": metrics.average_precision(scores[:, column], truth[:, column]) if t else None,
                "roc_auc": metrics.roc_auc(scores[:, column], truth[:, column]),
                "threshold": float(weights.thresholds[column]),
                "confused_with": [int(weights.concept_ids[other]) for _, other in most],
            }
        )
    return cards
