"""Everything that views are made from, learned from tagged chunks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from atlas.annotator import kernels, linear
from atlas.annotator.arrays import frozen
from atlas.annotator.company import lifts
from atlas.annotator.config import TrainConfig
from atlas.annotator.distill import Teacher, meanings, unit_rows
from atlas.annotator.features import Featurizer, Words
from atlas.annotator.kernels import AKIN, standings
from atlas.annotator.names import NameIndex, name_index
from atlas.annotator.postings import Near, near, postings
from atlas.annotator.views import Sparse, Tables, Vectors, as_sparse, quantised
from atlas.library.concept import Library

ENTRIES = 8_000_000, 4_000_000  # weights of all centroids, of all machines: bounds memory and the time of a chunk
FEWEST, MOST = 64, (1024, 8192)  # weights of one
# With many concepts a chunk's lighter features cost time and tell little: none is passed over up to so many concepts,
# those below this share of the heaviest from so many on.
SKIPPED, FROM, FULLY_FROM = 0.3, 1_000, 10_000
COST, ABSENT, NEGATIVES = 1.0, 1.0, 20_000  # of machines: a lower cost of absent labels made them worse
KIN = 24  # concepts named most alike, whose examples tell of a concept
SHARP = 4  # power of their cosines, by which they weigh
TOGETHER = 16_384  # chunks whose vectors are in memory
DOUBT = 4.0  # chunks that what is usual of names weighs against a name's own


class Known(NamedTuple):
    """What is known of concepts before any example: where their names would stand, and what they mean."""

    names: NameIndex
    akin: Near  # [W, k] of C
    words: Vectors  # [W, d]
    centre: np.ndarray  # float32 [d]: mean of the chunks' vectors, which all share
    meaning: Vectors  # [C, d]
    kin: Sparse  # [C, C]: cosines of meaning with those named most alike
    mean: np.ndarray  # float32 [D]
    axes: np.ndarray  # float32 [D, d]


def known(
    library: Library,
    featurizer: Featurizer,
    idf: np.ndarray,
    weighed: sparse.csr_matrix,
    texts: Sequence[str],
    model: Teacher,
    config: TrainConfig,
) -> Known:
    """Names and meanings of a library's active concepts.

    Args:
        weighed: chunks, float32 CSR [chunks, F]. texts: those of them that the sentence model reads.
    """
    said = meanings(library.active, texts, featurizer, idf, model, config.dimensions)
    # Sums of word vectors all point about the same way, which is taken off.
    centre = unit_rows(weighed[:, : len(said.words)] @ said.words).mean(axis=0)
    akin = nearest_concepts(said.words, said.concepts, AKIN)
    names = name_index(library.active, featurizer, idf)
    centre = centre.astype(np.float32)
    kin = nearest_concepts(said.concepts, said.concepts, KIN + 1)
    kin.data[kin.indices == np.repeat(np.arange(kin.shape[0]), np.diff(kin.indptr))] = 0  # itself
    vectors = quantised(said.words), centre, quantised(said.concepts)
    return frozen(Known(names, near(akin), *vectors, as_sparse(kin), said.mean, said.axes))


def tables(
    words: Words, weighed: sparse.csr_matrix, labels: sparse.csr_matrix, known: Known, config: TrainConfig
) -> Tables:
    """Learn from chunks what their candidates are judged by.

    Args:
        weighed: float32 CSR [chunks, F]. labels: bool CSR [chunks, C].
    """
    own = sparse.csr_matrix(labels, copy=True)
    own.sort_indices()
    by_concept = own.tocsc()
    positives = np.diff(by_concept.indptr).astype(np.int32)
    concepts = labels.shape[1]
    kept = [int(np.clip(every // concepts, FEWEST, most)) for every, most in zip(ENTRIES, MOST, strict=True)]
    alike = linear.centroids(weighed, by_concept, kept[0])
    machines, bias = linear.one_vs_rest(
        weighed,
        by_concept,
        least=config.min_positives,
        kept=kept[1],
        cost=COST,
        absent=ABSENT,
        negatives=NEGATIVES,
        seed=config.seed,
    )
    has = np.diff(machines.indptr) > 0
    stood, right = standings(
        *(known.names, words.flat, words.starts, own.indptr.astype(np.int64), own.indices, len(known.words.values))
    )
    usual = (right.sum() + 0.5) / (stood.sum() + 1)
    share = (right + DOUBT * usual) / (stood + DOUBT)
    skipped = SKIPPED * np.clip(np.log(concepts / FROM) / np.log(FULLY_FROM / FROM), 0, 1)
    return frozen(
        Tables(
            positives=positives,
            centroids=postings(alike.T.tocsr(), signed=False),
            skipped=np.array([skipped], dtype=np.float32),
            machines=postings(machines[has].T.tocsr(), signed=True),
            bias=bias[has],
            machine_of=np.where(has, np.cumsum(has) - 1, -1).astype(np.int32),
            reliable=np.log(share / (1 - share)).astype(np.float32),
            stood=stood,
            names=known.names,
            akin=known.akin,
            words=known.words,
            centre=known.centre,
            meaning=quantised(told_by_kin(known, words, weighed, own)),
            mean=known.mean,
            axes=known.axes,
            company=postings(lifts(own), signed=True),
        )
    )


def told_by_kin(known: Known, words: Words, weighed: sparse.csr_matrix, labels: sparse.csr_matrix) -> np.ndarray:
    """What a concept means by its name and by the examples of its kin, those that are named like it.

    Where a concept is met is often not in its name (programs "implemented in C" hardly say so) but in what is labelled
    with its kin, whose centroids are added, the nearest first, as far as the nearest is near. Its own examples are left
    out, so that judges trust these vectors no more than they are right for concepts without any.

    Args:
        weighed: float32 CSR [chunks, F]. labels: bool CSR [chunks, C].

    Returns:
        float32 [C, d], rows of length 1.
    """
    said = known.meaning.values * known.meaning.scales[:, None]
    shown = np.zeros_like(said)
    for start in range(0, len(words), TOGETHER):
        rows = np.arange(start, min(start + TOGETHER, len(words)))
        part = words.take(rows)
        read = kernels.vectors(part.flat, part.starts, as_sparse(weighed[rows]), known)
        shown += labels[rows].T.astype(np.float32) @ read
    exemplified = sparse.diags(shown.any(axis=1).astype(np.float32))
    kin = sparse.csr_matrix(tuple(known.kin), shape=(len(said), len(said))) @ exemplified
    nearness = kin.max(axis=1).toarray()
    return unit_rows(said + nearness * unit_rows(kin.power(SHARP) @ unit_rows(shown)))


def nearest_concepts(vectors: np.ndarray, meaning: np.ndarray, kept: int) -> sparse.csr_matrix:
    """The concepts nearest to each word by cosine, float32 CSR [W, C]; those that point away are left out."""
    own = unit_rows(vectors)
    count = min(kept, len(meaning))
    columns = np.empty((len(own), count), dtype=np.int32)
    values = np.empty((len(own), count), dtype=np.float32)
    for start in range(0, len(own), 2048):
        near = own[start : start + 2048] @ meaning.T
        columns[start : start + 2048] = np.argpartition(-near, count - 1, axis=1)[:, :count]
        values[start : start + 2048] = np.take_along_axis(near, columns[start : start + 2048], axis=1)
    starts = np.arange(0, columns.size + 1, count)
    matrix = sparse.csr_matrix((np.maximum(values, 0).ravel(), columns.ravel(), starts), shape=(len(own), len(meaning)))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix
