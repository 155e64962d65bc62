"""Fit the fast annotator to tagged chunks."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import sparse

from atlas.annotator import fit
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled
from atlas.annotator.features import Featurizer, inverse_document_frequency, weigh
from atlas.annotator.model import BANDS, VIEWS, Weights, centred, chunk_vectors, fuse, unit_rows, views
from atlas.chunking.tokenizer import tokenizer
from atlas.errors import AtlasError
from atlas.library.concept import Library

MAX_LABELS = 24  # labels written per chunk at most


def train(
    data: Labelled,
    library: Library,
    tokenizer_name: str,
    word_vectors: np.ndarray,
    config: TrainConfig,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Weights, Featurizer, dict[str, float]]:
    """Learn all weights from ``data``.

    Fusion, calibration and thresholds are learned on predictions for documents that the views were not
    trained on (folds by document). Absent labels are unknown rather than wrong: they count as negatives
    with the reduced weight ``fit.ABSENT_WEIGHT`` in the linear view.

    Returns:
        Weights, the featurizer that goes with them, and seconds by step.
    """
    if len(set(data.doc_ids)) < config.folds:
        raise AtlasError(
            f"{len(set(data.doc_ids))} tagged documents are too few to train on; tag more (at least {config.folds})"
        )
    seconds: dict[str, float] = {}
    featurizer = Featurizer(tokenizer_name, config.bigram_buckets)
    start = time.perf_counter()
    base = views_from(data, library, featurizer, word_vectors, config)
    seconds["views"] = time.perf_counter() - start
    start = time.perf_counter()
    say(f"fitting fusion and calibration on {config.folds} folds")
    stacked = np.empty((len(VIEWS), *data.labels.shape), dtype=np.float32)
    bands = np.empty(data.labels.shape, dtype=np.int8)
    fold_of = np.unique(data.position, return_inverse=True)[1] % config.folds  # by document, none without one
    for fold in range(config.folds):
        inside, outside = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        part = views_from(data.take(inside), library, featurizer, word_vectors, config)
        stacked[:, outside] = views(part, featurizer, [data.tokens[r] for r in outside])
        bands[outside] = part.bands
    seconds["folds"] = time.perf_counter() - start
    start = time.perf_counter()
    # A band too small to learn from is weighed like the one below: folds have fewer examples than the whole, so
    # that a concept's scores may have been calibrated there.
    by_band = [fit.DEFAULT_FUSION]
    for band in range(len(BANDS)):
        by_band.append(fit.fusion_weights(stacked, data.labels, bands == band, by_band[-1]))
    fusion = np.stack(by_band[1:])
    logits = np.einsum("vnc,ncv->nc", stacked, fusion[bands], optimize=True)
    knots_x, knots_y = fit.calibration_knots(logits.ravel(), data.labels.ravel())
    scores = np.interp(logits, knots_x, knots_y)
    thresholds = fit.thresholds(scores, data.labels)
    seconds["fusion"] = time.perf_counter() - start
    fitted = replace(base, fusion=fusion, knots_x=knots_x, knots_y=knots_y, thresholds=thresholds)
    assert np.isfinite(fuse(fitted, stacked[:, :1])).all()
    return fitted, featurizer, seconds


def views_from(
    data: Labelled, library: Library, featurizer: Featurizer, word_vectors: np.ndarray, config: TrainConfig
) -> Weights:
    """Everything but fusion, calibration and thresholds."""
    counts = featurizer.counts(data.tokens)
    idf = inverse_document_frequency(counts)
    weighed = weigh(counts, idf)
    positives = data.labels.sum(axis=0).astype(np.int32)
    share = (positives + 0.5) / (len(data) + 1)
    log_odds = np.log(share / (1 - share)).astype(np.float32)
    linear, bias = fit.one_vs_rest(weighed, data.labels, config.min_positives, config.seed)
    names, starts = _name_matrix(library, featurizer, idf)
    raw = chunk_vectors(weighed, word_vectors)
    centre = raw.mean(axis=0)
    vectors = centred(raw, centre)
    company = unit_rows(sparse.csr_matrix(data.labels.T, dtype=np.float32) @ vectors)
    company[positives == 0] = 0
    return Weights(
        concept_ids=np.array([c.id for c in library.active], dtype=np.int32),
        positives=positives,
        idf=idf,
        word_vectors=word_vectors,
        centre=centre,
        meaning=_meanings(library, featurizer, idf, word_vectors),
        company=company.astype(np.float32),
        linear_data=linear.data,
        linear_indices=linear.indices.astype(np.int32),
        linear_indptr=linear.indptr.astype(np.int64),
        linear_bias=np.where(np.isnan(bias), log_odds, bias).astype(np.float32),
        name_data=names.data.astype(np.float32),
        name_indices=names.indices.astype(np.int32),
        name_indptr=names.indptr.astype(np.int64),
        name_starts=starts,
        log_odds=log_odds,
        fusion=np.zeros((len(BANDS), len(VIEWS)), dtype=np.float32),
        knots_x=np.zeros(1, dtype=np.float32),
        knots_y=np.zeros(1, dtype=np.float32),
        thresholds=np.ones(len(positives), dtype=np.float32),
    )


def _name_matrix(library: Library, featurizer: Featurizer, idf: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Idf mass of each feature in each name, columns sum to 1: CSR [F, N]; and each concept's first name."""
    names: list[str] = []
    starts = []
    for concept in library.active:
        starts.append(len(names))
        names.extend(dict.fromkeys(" " + name for name in concept.names()))
    spelt = np.array([_survives_folding(name) for name in names])
    named = tokenizer(featurizer.tokenizer)
    counts = featurizer.counts([named.encode(name) for name in names])
    counts.data = idf[counts.indices] ** 2 * np.repeat(spelt, np.diff(counts.indptr))
    mass = np.asarray(counts.sum(axis=1)).ravel()
    counts.data /= np.repeat(np.maximum(mass, 1e-12), np.diff(counts.indptr))
    return counts.T.tocsr().astype(np.float32), np.array(starts, dtype=np.int64)


def _survives_folding(name: str) -> bool:
    """Whether a name is still itself without its marks: "C#" and "C++" would stand wherever a "c" does."""
    bare = name.strip()
    return len(bare) > 1 and bare[-1].isalnum()


def _meanings(library: Library, featurizer: Featurizer, idf: np.ndarray, word_vectors: np.ndarray) -> np.ndarray:
    """Vectors of what is said of each concept: its name twice, aliases and members once, float32 [C, d]."""
    named = tokenizer(featurizer.tokenizer)
    texts = [f" {c.name}. {'. '.join(c.names())}" for c in library.active]
    vectors = chunk_vectors(weigh(featurizer.counts([named.encode(text) for text in texts]), idf), word_vectors)
    return centred(vectors, vectors.mean(axis=0)) if len(vectors) > 1 else vectors
