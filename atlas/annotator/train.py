"""Fit the fast annotator to tagged chunks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import sparse

from atlas.annotator import fit, judge, learn
from atlas.annotator.arrays import frozen
from atlas.annotator.checkpoints import Keep, make_anew
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled
from atlas.annotator.distill import Teacher, read
from atlas.annotator.features import Featurizer, Words, inverse_document_frequency, weigh
from atlas.annotator.model import SCORE_DECIMALS, Weights
from atlas.annotator.postings import Postings
from atlas.annotator.views import NOT_READ, Pairs, Tables, Vectors, cosines, pairs_of
from atlas.clock import Clock
from atlas.cores import cores
from atlas.errors import AtlasError
from atlas.library.concept import Library

RANKED = 40_000  # chunks that judges learn from at most; more add time and memory but no precision
PLENTY = 10 * RANKED  # chunks from which on one part left out has enough for judges, and little is lost without it
BACKGROUND = 2_000_000  # pairs of a fold of which those that are no candidates are looked at
Say = Callable[[str], None]
Reads = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Featured:
    """Chunks as the annotator reads them, with their labels."""

    words: Words
    weighed: sparse.csr_matrix  # float32 [chunks, F]
    labels: sparse.csr_matrix  # bool [chunks, C]

    def take(self, rows: np.ndarray) -> "Featured":
        return Featured(self.words.take(rows), self.weighed[rows], self.labels[rows])


def train(
    data: Labelled,
    library: Library,
    tokenizer_name: str,
    model: Teacher,
    config: TrainConfig,
    say: Say = lambda _: None,
    keep: Keep = make_anew,
) -> tuple[Weights, Featurizer, dict[str, float]]:
    """Learn all weights from ``data``.

    Judges, calibration and thresholds are learned on pairs of documents that the tables were not learned from
    (folds by document). In each fold some concepts lose their examples, so that judges also see concepts that they
    are to know by name and meaning alone.

    Args:
        keep: gives the steps that take long, from before where they were kept.

    Returns:
        Weights, the featurizer that goes with them, and seconds by step.

    Raises:
        AtlasError: there are fewer documents than folds.
    """
    if len(set(data.doc_ids)) < config.folds:
        raise AtlasError(
            f"{len(set(data.doc_ids))} tagged documents are too few to train on; tag more (at least {config.folds})"
        )
    clock = Clock()
    featurizer = Featurizer(tokenizer_name, config.bigram_buckets)
    words = featurizer.fold(data.tokens)
    counts = featurizer.counts(words)
    idf = inverse_document_frequency(counts)
    featured = Featured(words, weigh(counts, idf), data.labels)
    clock.lap("features")
    chosen = np.random.default_rng(config.seed).permutation(len(data))[: config.taught_chunks]
    say(f"a sentence model reads {len(chosen):,} chunks and {len(library.active):,} concepts")
    texts = [data.texts[row] for row in np.sort(chosen)]
    known = keep(
        "meanings",
        learn.Known,
        lambda: learn.known(library, featurizer, idf, featured.weighed, texts, model, config),
    )
    clock.lap("meanings")
    say(f"learning what makes a concept likely, from all chunks and in {config.folds} folds")

    def reads(rows: np.ndarray) -> np.ndarray:
        return read([data.texts[row] for row in rows], model.embed, known.mean, known.axes)

    heard = reads if config.tier == "encoder" else None

    def learned(fold: int) -> Fold:
        make = partial(left_out, fold, featured, data.position, known, config, heard)
        return keep(f"fold-{fold}", Fold, make)

    # What comes out does not depend on threads. A sentence model has its own.
    with ThreadPoolExecutor(1 if heard else cores()) as pool:
        whole = pool.submit(learn.tables, featured.words, featured.weighed, featured.labels, known, config)
        parts = list(pool.map(learned, range(parts_left_out(len(data), config)[0])))
        tables = whole.result()
    clock.lap("learning")
    chunks = [part.chunks for part in parts]
    found = Pairs.joined([part.pairs for part in parts])
    if not len(found.columns):
        raise AtlasError("no tagged chunk has a word that tells of any concept; were the right documents tagged?")
    truth = np.asarray(data.labels[np.concatenate(chunks)][found.rows, found.columns]).ravel()
    judges, logits = judge.fitted([(part.pairs, part.company, part.meaning) for part in parts], truth, config.seed)
    knots_x, knots_y = fit.calibration_knots(logits, truth)
    positives = np.asarray(data.labels[np.concatenate(chunks)].sum(axis=0)).ravel()
    scores = np.interp(logits, knots_x, knots_y)
    thresholds = fit.rounded_down(
        fit.thresholds(found.columns, scores, truth, positives, config.precision), SCORE_DECIMALS
    )
    others = (np.concatenate([part.cosines for part in parts]), np.concatenate([part.holds for part in parts]))
    background = fit.background(*others)
    clock.lap("ranker")
    ids = np.array([concept.id for concept in library.active], dtype=np.int32)
    weights = Weights(ids, idf, tables, judges, knots_x, knots_y, background, thresholds)
    return frozen(weights), featurizer, clock.seconds


class Fold(NamedTuple):
    """What was found in documents that the tables were not learned from."""

    chunks: np.ndarray  # int64: rows of the training data
    pairs: Pairs  # their candidates
    cosines: np.ndarray  # float32: of a sample of pairs that are no candidates, in meaning
    holds: np.ndarray  # bool, beside them: whether the concept holds
    company: Postings  # lifts of the other documents' concepts
    meaning: Vectors  # … and what they mean


def left_out(
    fold: int,
    featured: Featured,
    position: np.ndarray,
    known: learn.Known,
    config: TrainConfig,
    reads: Reads | None = None,
) -> Fold:
    """Learn from all folds but one, and find the candidates of that one's chunks.

    ``position`` is each chunk's document's, so that no document is on both sides. ``reads`` gives what the sentence
    model says of chunks, by row, where it is to be heard.
    """
    generator = np.random.default_rng([config.seed, fold])
    left, parts = parts_left_out(len(position), config)
    part_of = np.unique(position, return_inverse=True)[1] % parts  # none is without a document
    inside, outside = np.flatnonzero(part_of != fold), np.flatnonzero(part_of == fold)
    most = max(1, RANKED // left)
    if len(outside) > most:
        outside = np.sort(generator.choice(outside, most, replace=False))
    shown = generator.random(featured.labels.shape[1]) >= config.hidden_share
    part, test = featured.take(inside), featured.take(outside)
    tables = learn.tables(part.words, part.weighed, without(part.labels, shown), known, config)
    said = NOT_READ if reads is None else reads(outside)
    found = pairs_of(test.words, test.weighed, tables, said)
    others = passed_over(test, found, tables, said, generator)
    bare = without_counterpart(featured.labels, part.labels, generator) & shown
    return Fold(outside.astype(np.int64), found.where(~bare[found.columns]), *others, tables.company, tables.meaning)


def parts_left_out(chunks: int, config: TrainConfig) -> tuple[int, int]:
    """How many parts of the chunks are left out in turn, and how many there are: all of them, or one of plenty."""
    return (1, chunks // RANKED) if chunks >= PLENTY else (config.folds, config.folds)


def without_counterpart(
    labels: sparse.csr_matrix, part: sparse.csr_matrix, generator: np.random.Generator
) -> np.ndarray:
    """Concepts that are no candidates in a fold, bool [C]: they have lost all their examples to it, which makes them
    likelier to hold there than any concept of the library without an example is.

    Where the library has such concepts, as many stay, drawn, to stand for them.

    Args:
        labels: of all chunks. part: of those to learn from.
    """
    examples, left = (np.asarray(own.sum(axis=0)).ravel() for own in (labels, part))
    lost = (examples > 0) & (left == 0)
    spared = (examples == 0).sum() / max(1, lost.sum())
    return lost & (generator.random(len(lost)) >= spared)


def without(labels: sparse.csr_matrix, shown: np.ndarray) -> sparse.csr_matrix:
    """Labels less those of the concepts that are not shown."""
    kept = labels.copy()
    kept.data = labels.data & shown[labels.indices]
    kept.eliminate_zeros()
    return kept


def passed_over(
    test: Featured, found: Pairs, tables: Tables, said: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A sample of pairs that are no candidates: their cosines of meaning, and whether the concept holds."""
    chunks, concepts = test.labels.shape
    rows = generator.permutation(chunks)[: max(1, BACKGROUND // concepts)]
    near = cosines(test.words.take(rows), test.weighed[rows], tables, said[rows] if len(said) else said)
    ones = np.ones(len(found.columns), dtype=bool)
    kept = ~sparse.csr_matrix((ones, found.columns, found.starts), shape=(chunks, concepts))[rows].toarray()
    return near[kept], test.labels[rows].toarray()[kept]
