"""Which concepts a chunk may have, and what speaks for each of them.

Candidates are the concepts whose examples are most like the chunk, those whose words mean what the chunk's words mean,
and those whose names stand in it. Of each pair of chunk and candidate the judges see ``VIEWS``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from atlas.annotator import kernels
from atlas.annotator.features import Words
from atlas.annotator.kernels import VIEWS
from atlas.annotator.names import NameIndex
from atlas.annotator.postings import Near, Postings

V = {name: place for place, name in enumerate(VIEWS)}


class Sparse(NamedTuple):
    """A CSR matrix as numba takes it."""

    data: np.ndarray
    indices: np.ndarray
    starts: np.ndarray


class Vectors(NamedTuple):
    """Rows of small integers, each with a factor: ``values[r] * scales[r]``."""

    values: np.ndarray  # int8 [rows, d]
    scales: np.ndarray  # float32 [rows]


class Tables(NamedTuple):
    """What views are made from; C concepts, F features, W words, N names, d dimensions."""

    positives: np.ndarray  # int32 [C]
    centroids: Postings  # [F, C]
    skipped: np.ndarray  # float32 [1]: share of a chunk's heaviest feature below which others are not looked up
    machines: Postings  # [F, M] of the M concepts that have one
    bias: np.ndarray  # float32 [M]
    machine_of: np.ndarray  # int32 [C]: column of the concept's machine, or -1
    names: NameIndex
    reliable: np.ndarray  # float32 [N]
    stood: np.ndarray  # float32 [N]
    akin: Near  # [W, k] of C
    words: Vectors  # [W, d]
    centre: np.ndarray  # float32 [d]
    meaning: Vectors  # [C, d], of length 1
    mean: np.ndarray  # float32 [D]: of what the sentence model says of chunks
    axes: np.ndarray  # float32 [D, d]: from the sentence model's space to that of meanings
    company: Postings  # [C, C]: lifts of every two concepts


class Pairs(NamedTuple):
    """Candidates of chunks. Chunk i has rows ``starts[i]:starts[i + 1]``."""

    starts: np.ndarray  # int64 [chunks + 1]
    columns: np.ndarray  # int32 [pairs]: the concept's column
    views: np.ndarray  # float32 [pairs, views]

    @property
    def rows(self) -> np.ndarray:
        """Chunk of each pair, int64 [pairs]."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def where(self, kept: np.ndarray) -> "Pairs":
        """Those of the pairs, bool [pairs]; the chunks stay."""
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[self.starts]
        return Pairs(starts, self.columns[kept], self.views[kept])

    @classmethod
    def joined(cls, parts: Sequence["Pairs"]) -> "Pairs":
        """The pairs of the chunks of all parts, one part after the other."""
        sizes = np.concatenate([np.diff(part.starts) for part in parts])
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
        columns, views = (np.concatenate([getattr(part, name) for part in parts]) for name in ("columns", "views"))
        return cls(starts, columns, views)


def quantised(vectors: np.ndarray) -> Vectors:
    """Vectors with a byte a number; the largest number of a row is 127 times its factor."""
    scales = (np.abs(vectors).max(axis=1) / 127).astype(np.float32)
    values = np.rint(vectors / np.maximum(scales, 1e-12)[:, None])
    return Vectors(values.astype(np.int8), scales)


def as_sparse(matrix: sparse.csr_matrix) -> Sparse:
    return Sparse(matrix.data.astype(np.float32), matrix.indices.astype(np.int32), matrix.indptr.astype(np.int64))


NOT_READ = np.zeros((0, 2, 0), dtype=np.float32)


def pairs_of(words: Words, weighed: sparse.csr_matrix, tables: Tables, read: np.ndarray = NOT_READ) -> Pairs:
    """Candidates and views of a batch of chunks.

    Args:
        weighed: the chunks' features, float32 CSR [chunks, F]. read: what a sentence model says of each chunk and of
            its opening, float32 [chunks, 2, d], rows of length 1; without it vectors of words are summed.
    """
    return Pairs(*kernels.pairs(words.flat, words.starts, as_sparse(weighed), tables, read))


def cosines(words: Words, weighed: sparse.csr_matrix, tables: Tables, read: np.ndarray = NOT_READ) -> np.ndarray:
    """Cosine of meaning of every chunk, its opening counted twice, and every concept; float32 [chunks, C]."""
    vectors = read.mean(axis=1) if len(read) else kernels.vectors(words.flat, words.starts, as_sparse(weighed), tables)
    return vectors @ (tables.meaning.values * tables.meaning.scales[:, None]).T
