"""Group names of which pairs are known to mean the same: average linkage over a sparse graph."""

import heapq
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

NEGLIGIBLE = 0.03  # likenesses below it count as zero, which keeps the graph small
ROUNDING = 1e-4  # means are compared with five digits


def average_linkage(
    names: int, rows: np.ndarray, alike: np.ndarray, least: float, owners: Mapping[int, int] | None = None
) -> list[list[int]]:
    """Clusters grown from single names: the two that are most alike join, until none are alike enough.

    How alike two clusters are is the mean over all pairs of a name of one with a name of the other; a pair that was not
    compared counts as zero. So, unlike with single linkage, a chain of likenesses does not tie its ends together.

    Args:
        rows: pairs that were compared, int [pairs, 2], each once.
        alike: how alike each pair is, from 0 to 1, [pairs].
        least: mean from which clusters join.
        owners: names that belong together from the start, by the number of what they belong to; names of two owners
            never come into one cluster.

    Returns:
        Lists of row numbers, ascending, ordered by their first row; single names included.
    """
    head, members, owner = _start(names, owners or {})
    near = _sums(head, members, owner, rows, alike, least)
    heap: list[tuple[float, int, int, int, int]] = []

    def offer(a: int, b: int, total: float) -> None:
        mean = round(total / (len(members[a]) * len(members[b])), 5)  # else the order hangs on the last bits
        if mean >= least and (a not in owner or b not in owner):
            first, last = min(a, b), max(a, b)
            heapq.heappush(heap, (-mean, first, last, len(members[first]), len(members[last])))

    for a, others in near.items():
        for b, total in others.items():
            if a < b:
                offer(a, b, total)
    while heap:
        _, a, b, size_a, size_b = heapq.heappop(heap)
        if len(members.get(a, ())) != size_a or len(members.get(b, ())) != size_b:
            continue  # one of the two has grown or is gone since
        if b in owner:
            if a in owner:
                continue
            owner[a] = owner[b]
        members[a] += members.pop(b)
        del near[a][b]
        for other, total in near.pop(b).items():
            if other != a:
                del near[other][b]
                near[a][other] = near[other][a] = near[a].get(other, 0.0) + total
        for other, total in near[a].items():
            offer(a, other, total)
    return sorted((sorted(group) for group in members.values()), key=lambda group: group[0])


def _start(names: int, owners: Mapping[int, int]) -> tuple[np.ndarray, dict[int, list[int]], dict[int, int]]:
    """The first clusters: the lowest name of each name's cluster, int64 [names]; the clusters and, where they have
    one, their owners by that lowest name."""
    first: dict[int, int] = {}
    head = np.arange(names)
    for name in sorted(owners):
        head[name] = first.setdefault(owners[name], name)
    members: dict[int, list[int]] = {}
    for name, lowest in enumerate(head.tolist()):
        members.setdefault(lowest, []).append(name)
    return head, members, {lowest: its_owner for its_owner, lowest in first.items()}


def _sums(
    head: np.ndarray,
    members: Mapping[int, Sequence[int]],
    owner: Mapping[int, int],
    rows: np.ndarray,
    alike: np.ndarray,
    least: float,
) -> dict[int, dict[int, float]]:
    """For each pair of first clusters that may come together, the sum of how alike their names are.

    A mean is at most the highest of the means that it is made of. So clusters come together only within the connected
    parts of the graph of those pairs that are alike enough at the start; what lies between parts does not matter.
    """
    owned = np.zeros(len(head), bool)
    owned[list(owner)] = True
    size = np.zeros(len(head))
    size[list(members)] = [len(listed) for listed in members.values()]
    ends = np.sort(head[rows], axis=1)
    kept = (alike >= NEGLIGIBLE) & (ends[:, 0] != ends[:, 1]) & ~owned[ends].all(axis=1)
    keys, place = np.unique(ends[kept, 0] * len(head) + ends[kept, 1], return_inverse=True)
    totals = np.bincount(place, alike[kept], len(keys))
    a, b = keys // len(head), keys % len(head)
    strong = totals >= least * size[a] * size[b] * (1 - ROUNDING)
    graph = sparse.coo_matrix((np.ones(strong.sum(), bool), (a[strong], b[strong])), (len(head), len(head)))
    part = connected_components(graph, directed=False)[1]
    inside = part[a] == part[b]
    near: dict[int, dict[int, float]] = {}
    for one, other, total in zip(a[inside].tolist(), b[inside].tolist(), totals[inside].tolist(), strict=True):
        near.setdefault(one, {})[other] = total
        near.setdefault(other, {})[one] = total
    return near


def labels(clusters: Sequence[Sequence[int]], names: int) -> np.ndarray:
    """The number of each name's cluster, int64 [names]."""
    found = np.zeros(names, np.int64)
    for number, group in enumerate(clusters):
        found[list(group)] = number
    return found
