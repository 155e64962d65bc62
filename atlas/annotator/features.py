"""From token ids to sparse features: folded tokens and hashed pairs of neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from atlas.chunking.vocabulary import DROPPED, folded_vocabulary

_PAIR_PRIME = np.uint64(0x9E3779B97F4A7C15)


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

    def counts(self, tokens: Sequence[np.ndarray]) -> sparse.csr_matrix:
        """Feature counts, float32 CSR [chunks, width]."""
        table, words = folded_vocabulary(self.tokenizer)
        lengths = np.fromiter((len(ids) for ids in tokens), dtype=np.int64, count=len(tokens))
        flat = np.concatenate(tokens) if len(tokens) else np.zeros(0, dtype=np.int32)
        features = table[flat]
        owner = np.repeat(np.arange(len(tokens)), lengths)
        kept = features != DROPPED
        features, owner = features[kept].astype(np.int64), owner[kept]
        same = owner[1:] == owner[:-1]
        pairs = len(words) + _hash_pairs(features[:-1][same], features[1:][same], self.buckets)
        columns = np.concatenate([features, pairs])
        rows = np.concatenate([owner, owner[1:][same]])
        ones = np.ones(len(columns), dtype=np.float32)
        matrix = sparse.csr_matrix((ones, (rows, columns)), shape=(len(tokens), self.width), dtype=np.float32)
        matrix.sum_duplicates()
        return matrix


def _hash_pairs(left: np.ndarray, right: np.ndarray, buckets: int) -> np.ndarray:
    mixed = (left.astype(np.uint64) << np.uint64(32)) ^ right.astype(np.uint64)
    mixed = mixed * _PAIR_PRIME
    return ((mixed >> np.uint64(33)) % np.uint64(buckets)).astype(np.int64)


def inverse_document_frequency(counts: sparse.csr_matrix) -> np.ndarray:
    """Smoothed idf of every feature, float32 [width]: ln((1 + n) / (1 + df)) + 1, as scikit-learn has it."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    return (np.log((1 + counts.shape[0]) / (1 + frequency)) + 1).astype(np.float32)


def weigh(counts: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """(1 + ln tf) · idf, rows L2-normalised; an empty row stays zero."""
    weighed = counts.copy()
    weighed.data = (1 + np.log(weighed.data)) * idf[weighed.indices]
    norms = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    weighed.data /= np.repeat(np.maximum(norms, 1e-12), np.diff(weighed.indptr)).astype(np.float32)
    return weighed
