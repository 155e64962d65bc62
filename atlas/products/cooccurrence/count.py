"""Pairs of concepts on the same chunk, counted exactly: a triangle of counts, some of its rows at a time."""

from collections.abc import Iterator

import numpy as np
from numba import njit

CELL = 8  # bytes of a count


def bands(concepts: int, memory: int) -> Iterator[tuple[int, int]]:
    """Rows of the triangle above the diagonal that fit into ``memory`` bytes, band after band; one row at least."""
    first = 0
    while first < concepts - 1:
        rows = max(1, memory // (CELL * (concepts - first)))
        last = min(first + rows, concepts - 1)
        yield first, last
        first = last


@njit(cache=True)
def add_pairs(places: np.ndarray, sizes: np.ndarray, first: int, counts: np.ndarray) -> None:
    """Count the pairs of each chunk whose lower concept is in a band.

    Args:
        places: number of each label's concept, chunk after chunk; −1 is passed over. sizes: labels of each chunk.
        first: the band's first concept.
        counts: int64 [concepts of the band, concepts from ``first`` on]; added to.
    """
    last = first + counts.shape[0]
    start = 0
    for row in range(len(sizes)):
        end = start + sizes[row]
        for i in range(start, end):
            one = places[i]
            if one < first or one >= last:
                continue
            for j in range(start, end):
                other = places[j]
                if other > one:
                    counts[one - first, other - first] += 1
        start = end
