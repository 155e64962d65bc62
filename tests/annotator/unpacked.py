"""Postings as the matrix that they stand for."""

import numpy as np

from atlas.annotator.postings import Postings


def unpacked(postings: Postings) -> np.ndarray:
    """Float32 [F, C]."""
    found = np.zeros((len(postings.rows), postings.dense.shape[1]), dtype=np.float32)
    for row, (first, count) in enumerate(postings.rows):
        if count < 0:
            found[row] = postings.dense[first]
        else:
            own = slice(first, first + count)
            found[row, postings.columns[own]] = postings.values[own]
    return found * postings.scales[:, None]
