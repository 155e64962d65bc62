"""Inverted lists of a feature's weights for concepts, in a byte each, for ``kernels`` to add up."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from atlas.annotator.kernels import STEP

DENSE = 16  # a row is kept whole from one weight in so many on: adding it up takes no longer then


class Postings(NamedTuple):
    """Rows of a matrix [F, C]: those of few entries as lists, others whole.

    An entry is its value times its row's factor.
    """

    rows: np.ndarray  # int32 [F, 2]: first entry and how many, or row of ``dense`` and -1
    columns: np.ndarray  # uint16 [entries], uint32 where columns are more
    values: np.ndarray  # uint8 [entries], int8 where some are negative
    dense: np.ndarray  # as values, [rows kept whole, C]
    scales: np.ndarray  # float32 [F]


class Near(NamedTuple):
    """As many columns of each row as any row has; rows that have fewer end with values of zero."""

    columns: np.ndarray  # uint16 [W, k], uint32 where columns are more
    values: np.ndarray  # uint8 [W, k]: a cosine in steps of ``kernels.STEP``


def postings(matrix: sparse.csr_matrix, signed: bool) -> Postings:
    """Postings of a float32 CSR matrix; entries are off by half a step at most, of 255 or (signed) 127 up to the row's
    largest."""
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    largest = np.zeros(len(counts), dtype=np.float32)
    np.maximum.at(largest, rows, np.abs(matrix.data))
    kind, steps = (np.int8, 127) if signed else (np.uint8, 255)
    scales = (largest / steps).astype(np.float32)
    values = np.rint(matrix.data / np.maximum(scales, 1e-30)[rows]).astype(kind)
    whole = (counts > 0) & (counts * DENSE >= matrix.shape[1])
    dense = np.zeros((whole.sum(), matrix.shape[1]), dtype=kind)
    row_of = np.cumsum(whole) - 1
    inside = whole[rows]
    dense[row_of[rows[inside]], matrix.indices[inside]] = values[inside]
    firsts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.where(whole, 0, counts))[:-1]])
    table = np.column_stack([np.where(whole, row_of, firsts), np.where(whole, -1, counts)]).astype(np.int32)
    columns = matrix.indices[~inside].astype(column_type(matrix.shape[1]))
    return Postings(table, columns, values[~inside], dense, scales)


def near(matrix: sparse.csr_matrix) -> Near:
    """The entries of a CSR matrix of cosines, none below zero."""
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(rows)) - matrix.indptr[rows]
    shape = len(counts), max(1, counts.max(initial=0))
    columns, values = np.zeros(shape, dtype=column_type(matrix.shape[1])), np.zeros(shape, dtype=np.uint8)
    columns[rows, places] = matrix.indices
    values[rows, places] = np.rint(np.minimum(matrix.data, 1) / STEP)
    return Near(columns, values)


def column_type(columns: int) -> type[np.unsignedinteger]:
    """The narrowest type that numbers so many columns."""
    return np.uint16 if columns <= 1 << 16 else np.uint32
