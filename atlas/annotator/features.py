"""From token ids to sparse features: folded tokens and hashed pairs of neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import sparse

from atlas.annotator.kernels import OPENING
from atlas.chunking.vocabulary import DROPPED, folded_vocabulary

OPENING_WEIGHT = 1.75  # of words and pairs that stand in a chunk's opening, beside 1 for all others
_PAIR_PRIME = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Words:
    """Folded words of chunks, in the order of the text.

    ``flat`` is int32 [words of all chunks]; chunk i has ``flat[starts[i]:starts[i + 1]]``, ``starts`` int64.
    """

    flat: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: np.ndarray) -> "Words":
        """The words of some chunks, in the order asked."""
        sizes = np.diff(self.starts)[rows]
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
        places = np.arange(starts[-1]) + np.repeat(self.starts[:-1][rows] - starts[:-1], sizes)
        return Words(self.flat[places], starts)


@dataclass(frozen=True, slots=True)
class Counts:
    """``matrix`` is float32 CSR [chunks, features], columns ascending; ``firsts`` is int32, beside its entries: the
    place of the first occurrence among the chunk's words."""

    matrix: sparse.csr_matrix
    firsts: np.ndarray


@dataclass(frozen=True, slots=True)
class Featurizer:
    """Counts of folded tokens and of hashed pairs of neighbouring ones.

    Columns 0..words-1 are words, the next ``buckets`` are pairs.
    """

    tokenizer: str
    buckets: int

    @property
    def words(self) -> int:
        return len(folded_vocabulary(self.tokenizer)[1])

    @property
    def width(self) -> int:
        return self.words + self.buckets

    def fold(self, tokens: Sequence[np.ndarray]) -> Words:
        """Words of chunks given by their token ids; what has neither letter nor digit is left out."""
        table, _ = folded_vocabulary(self.tokenizer)
        lengths = np.fromiter((len(ids) for ids in tokens), dtype=np.int64, count=len(tokens))
        flat = table[np.concatenate(tokens)] if len(tokens) else np.zeros(0, dtype=np.int32)
        kept = flat != DROPPED
        ends = np.concatenate([[0], np.cumsum(kept)])[np.cumsum(lengths)] if len(tokens) else lengths
        return Words(flat[kept], np.concatenate([np.zeros(1, dtype=np.int64), ends]))

    def counts(self, words: Words) -> Counts:
        """How often each word and each pair stands in each chunk, and where first."""
        matrix, firsts = _counted(words.flat, words.starts, self.words, self.buckets)
        return Counts(sparse.csr_matrix(matrix, shape=(len(words), self.width)), firsts)


@njit(cache=True, nogil=True)
def _counted(flat, starts, words, buckets):  # type: ignore[no-untyped-def]
    data = np.empty(2 * len(flat), dtype=np.float32)
    indices = np.empty(2 * len(flat), dtype=np.int32)
    firsts = np.empty(2 * len(flat), dtype=np.int32)
    ends = np.zeros(len(starts), dtype=np.int64)
    end = 0
    for chunk in range(len(starts) - 1):
        own = flat[starts[chunk] : starts[chunk + 1]]
        found = np.empty(max(2 * len(own) - 1, 0), dtype=np.int64)  # feature and place in one number, to sort by both
        for place in range(len(own)):
            found[place] = (np.int64(own[place]) << 32) | place
            if place:
                pair = (np.uint64(own[place - 1]) << np.uint64(32)) ^ np.uint64(own[place])
                hashed = np.int64(((pair * _PAIR_PRIME) >> np.uint64(33)) % np.uint64(buckets))
                found[len(own) + place - 1] = ((words + hashed) << 32) | (place - 1)
        found.sort()
        begin = end
        for both in found:
            feature = both >> 32
            if end > begin and indices[end - 1] == feature:
                data[end - 1] += 1
            else:
                data[end], indices[end], firsts[end] = 1, feature, both & 0xFFFFFFFF
                end += 1
        ends[chunk + 1] = end
    return (data[:end].copy(), indices[:end].copy(), ends), firsts[:end].copy()


def inverse_document_frequency(counts: Counts) -> np.ndarray:
    """Smoothed idf of every feature, float32 [width]: ln((1 + n) / (1 + df)) + 1, as scikit-learn has it."""
    matrix = counts.matrix
    frequency = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return (np.log((1 + matrix.shape[0]) / (1 + frequency)) + 1).astype(np.float32)


def weigh(counts: Counts, idf: np.ndarray) -> sparse.csr_matrix:
    """(1 + ln tf) · idf, more for what a chunk opens with, rows L2-normalised; an empty row stays zero.

    What a passage is about stands at its beginning, in a title, a heading or a first sentence: on TIB, weighing the
    opening lifts the precision at 1 of centroids from 0.31 to 0.36 (docs/decisions/0012-annotator-ranker.md).
    """
    matrix = counts.matrix
    data = _weighed(matrix.data, matrix.indices, matrix.indptr, counts.firsts, idf, OPENING, np.float32(OPENING_WEIGHT))
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


@njit(cache=True, nogil=True)
def _weighed(data, indices, starts, firsts, idf, opening, opening_weight):  # type: ignore[no-untyped-def]
    weights = np.empty(len(data), dtype=np.float32)
    for row in range(len(starts) - 1):
        squares = 0.0
        for place in range(starts[row], starts[row + 1]):
            weight = (1 + np.log(data[place])) * idf[indices[place]]
            if firsts[place] < opening:
                weight *= opening_weight
            weights[place] = weight
            squares += weight * weight
        if squares > 0:
            weights[starts[row] : starts[row + 1]] /= np.float32(np.sqrt(squares))
    return weights
