"""Group names of which pairs are known to mean the same: average linkage over a sparse graph."""

import heapq
from collections.abc import Mapping, Sequence

import numpy as np

NEGLIGIBLE = 0.03  # likenesses below it count as zero, which keeps the graph small


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
    owners = owners or {}
    members, owner = _start(names, owners)
    place = {name: number for number, listed in members.items() for name in listed}
    near = _sums(names, rows, alike, place)
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


def _start(names: int, owners: Mapping[int, int]) -> tuple[dict[int, list[int]], dict[int, int]]:
    """The first clusters by their lowest name, and the owners of those that have one."""
    first: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    owner: dict[int, int] = {}
    for name in range(names):
        if name not in owners:
            members[name] = [name]
            continue
        head = first.setdefault(owners[name], name)
        members.setdefault(head, []).append(name)
        owner[head] = owners[name]
    return members, owner


def _sums(names: int, rows: np.ndarray, alike: np.ndarray, place: Mapping[int, int]) -> dict[int, dict[int, float]]:
    """For each pair of first clusters, the sum of how alike their names are."""
    near: dict[int, dict[int, float]] = {head: {} for head in set(place.values())}
    kept = alike >= NEGLIGIBLE
    for (i, j), value in zip(rows[kept].tolist(), alike[kept].tolist(), strict=True):
        a, b = place[i], place[j]
        if a != b:
            near[a][b] = near[b][a] = near[a].get(b, 0.0) + value
    return near


def labels(clusters: Sequence[Sequence[int]], names: int) -> np.ndarray:
    """The number of each name's cluster, int64 [names]."""
    found = np.zeros(names, np.int64)
    for number, group in enumerate(clusters):
        found[list(group)] = number
    return found
