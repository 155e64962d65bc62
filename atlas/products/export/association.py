"""How two things that are on chunks go together: pointwise mutual information, Dunning's log-likelihood ratio."""

import numpy as np


def pmi(both: np.ndarray, one: np.ndarray, other: np.ndarray, total: int) -> np.ndarray:
    """Pointwise mutual information in bits: log2 of how many times more often than by chance; float64.

    Args:
        both: chunks with both, at least 1. one, other: chunks with each. total: all chunks.

    Source: Church and Hanks, Word association norms, mutual information, and lexicography (1990).
    """
    return np.log2(both.astype(np.float64) * total / (one.astype(np.float64) * other))


def log_likelihood(both: np.ndarray, one: np.ndarray, other: np.ndarray, total: int) -> np.ndarray:
    """Log-likelihood ratio (G²) of two binary properties of chunks against their independence; float64, at least 0.

    Asymptotically χ² with one degree of freedom: 10.83 is p = 0.001. It says how sure it is that they hang together,
    not whether they attract or avoid each other.

    Args: as of ``pmi``; ``both`` may be 0.

    Source: Dunning, Accurate methods for the statistics of surprise and coincidence (1993).
    """
    a, n1, n2 = (np.asarray(count, dtype=np.float64) for count in (both, one, other))
    cells = (a, n1 - a, n2 - a, total - n1 - n2 + a)
    rows, columns = (n1, n1, total - n1, total - n1), (n2, total - n2, n2, total - n2)
    found = np.zeros(np.broadcast(a, n1, n2).shape)
    for cell, row, column in zip(cells, rows, columns, strict=True):
        there = cell > 0
        expected = np.where(there, row * column / total, 1.0)
        found += np.where(there, cell * np.log(np.where(there, cell, 1.0) / expected), 0.0)
    return np.maximum(2 * found, 0.0)
