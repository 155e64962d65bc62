"""Choose, among the cuts of a text, those that become chunk borders."""

from collections.abc import Sequence

import numpy as np
from numba import njit

from atlas.chunking.structure import Strength

# What a border costs, by strength, in units of the size cost below (1 = a chunk twice the target, or empty).
# Set by hand; benchmarks/segmentation.py measures them on gold sections.
BORDER_COST = {
    Strength.FORCED: 1.2,
    Strength.LINE: 0.7,
    Strength.SENTENCE: 0.4,
    Strength.ITEM: 0.25,
    Strength.PARAGRAPH: 0.08,
    Strength.SECTION: 0.0,
}
PASSED_SECTION_COST = 0.35  # for each heading or definition start that a chunk runs across


def pack(sizes: Sequence[int], strengths: Sequence[Strength], target: int, maximum: int) -> list[int]:
    """Borders that minimise size and border costs together, by dynamic programming.

    Args:
        sizes: tokens of each atom (the text between neighbouring cuts), length n, each at most ``maximum``.
        strengths: of the n - 1 cuts between neighbouring atoms.
        target: size that chunks aim at, in tokens.
        maximum: size that no chunk exceeds, in tokens.

    Returns:
        Ascending indices i, 0 < i < n: a chunk begins with atom i.
    """
    n = len(sizes)
    border = np.zeros(n + 1)
    border[1:n] = [BORDER_COST[strength] for strength in strengths]
    passed = np.zeros(n)
    passed[1:] = [PASSED_SECTION_COST if strength is Strength.SECTION else 0.0 for strength in strengths]
    return _borders(np.asarray(sizes, dtype=np.int64), border, passed, target, maximum).tolist()


@njit(cache=True, nogil=True)
def _borders(sizes: np.ndarray, border: np.ndarray, passed: np.ndarray, target: int, maximum: int) -> np.ndarray:
    """``pack`` in numbers: what a border behind each atom costs [n + 1], and running across each atom's head [n]."""
    n = len(sizes)
    costs = np.zeros(n + 1)
    origins = np.zeros(n + 1, dtype=np.int64)
    below, above = 1.0 / target, 1.0 / max(1, maximum - target)
    for stop in range(1, n + 1):
        size, crossing = 0, 0.0
        best, origin = np.inf, stop - 1
        for first in range(stop - 1, -1, -1):
            size += sizes[first]
            if size > maximum and first < stop - 1:
                break
            off = (size - target) * (above if size > target else below)
            cost = costs[first] + off * off + crossing
            if cost < best:
                best, origin = cost, first
            crossing += passed[first]
        costs[stop] = best + border[stop]
        origins[stop] = origin
    found = np.empty(n, dtype=np.int64)
    count, at = 0, origins[n]
    while at > 0:
        found[count] = at
        count += 1
        at = origins[at]
    return found[:count][::-1]
