"""Group vectors that mean the same: centroid linkage over a nearest-neighbour graph."""

from collections.abc import Sequence

import numpy as np


def neighbour_graph(vectors: np.ndarray, neighbours: int, least: float) -> list[tuple[float, int, int]]:
    """Edges (similarity, i, j), i < j, between each vector and its nearest, strongest first.

    Args:
        vectors: float32 [n, d], L2-normalised.
        neighbours: how many nearest each vector is compared with.
        least: cosine similarity below which there is no edge.
    """
    import faiss

    n, dimensions = vectors.shape
    if n < 2:
        return []
    index = faiss.IndexFlatIP(dimensions)
    index.add(vectors)
    similarities, found = index.search(vectors, min(neighbours + 1, n))
    edges = {
        (min(i, int(j)), max(i, int(j))): float(s)
        for i in range(n)
        for s, j in zip(similarities[i], found[i], strict=True)
        if j >= 0 and j != i and s >= least
    }
    # Rounded, so that the order does not hang on the last bits of a similarity.
    return sorted(((round(s, 5), i, j) for (i, j), s in edges.items()), key=lambda e: (-e[0], e[1], e[2]))


def centroid_linkage(
    vectors: np.ndarray, weights: Sequence[float], edges: list[tuple[float, int, int]], least: float
) -> list[list[int]]:
    """Clusters grown along edges, strongest first; two join while their weighted centroids stay similar enough.

    Unlike single linkage, a chain of small steps does not tie its ends together.

    Returns:
        Lists of row numbers, ascending, ordered by their first row; single rows included.
    """
    owner = list(range(len(vectors)))
    members = {i: [i] for i in owner}
    sums = {i: vectors[i] * weights[i] for i in owner}
    for _, i, j in edges:
        a, b = owner[i], owner[j]
        if a == b:
            continue
        similarity = float(sums[a] @ sums[b] / (np.linalg.norm(sums[a]) * np.linalg.norm(sums[b])))
        if similarity < least:
            continue
        if len(members[a]) < len(members[b]):
            a, b = b, a
        for row in members[b]:
            owner[row] = a
        members[a] += members.pop(b)
        sums[a] = sums[a] + sums.pop(b)
    return sorted((sorted(rows) for rows in members.values()), key=lambda rows: rows[0])


def nearest(vectors: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each vector the nearest of the known ones: positions int64 [n] and similarities float32 [n]."""
    import faiss

    if not len(vectors) or not len(known):
        return np.full(len(vectors), -1, dtype=np.int64), np.zeros(len(vectors), dtype=np.float32)
    index = faiss.IndexFlatIP(known.shape[1])
    index.add(known)
    similarities, found = index.search(vectors, 1)
    return found[:, 0], similarities[:, 0]
