"""What concepts' use tells: two that sit on the same chunks are one; one that sits on most chunks tells nothing."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from atlas.canonical.forms import Form, support

Cluster = list[Form]


def merged_by_use(clusters: Sequence[Cluster], least: float, chunks: int) -> list[Cluster]:
    """Clusters, those joined that are on the same chunks.

    Args:
        least: chunks that two clusters share, of those that either is on (Jaccard's index), from which they are one.
        chunks: clusters on fewer chunks than this are left alone, as chance could do it.
    """
    rows = [support(cluster) for cluster in clusters]
    on: dict[int, list[int]] = {}
    for number, found in enumerate(rows):
        if len(found) >= chunks:
            for row in found.tolist():
                on.setdefault(row, []).append(number)
    shared = Counter((a, b) for listed in on.values() for i, a in enumerate(listed) for b in listed[i + 1 :])
    heir = list(range(len(clusters)))
    for (a, b), both in sorted(shared.items(), key=lambda entry: (-entry[1], entry[0])):
        if both >= least * (len(rows[a]) + len(rows[b]) - both):
            first, last = sorted((_root(heir, a), _root(heir, b)))
            heir[last] = first
    joined: dict[int, Cluster] = {}
    for number, cluster in enumerate(clusters):
        joined.setdefault(_root(heir, number), []).extend(cluster)
    return [in_order(cluster) for cluster in joined.values()]


def _root(heir: list[int], number: int) -> int:
    while heir[number] != number:
        number = heir[number]
    return number


def in_order(cluster: Sequence[Form]) -> Cluster:
    """Most frequent form first."""
    return sorted(cluster, key=lambda form: (-len(form.chunks), form.form))


def is_supported(cluster: Sequence[Form], doc_of: np.ndarray, min_chunks: int) -> bool:
    """On enough chunks, and not all of one document; ``doc_of`` numbers the document of each chunk, int [chunks]."""
    if sum(len(form.chunks) for form in cluster) < min_chunks:
        return False
    rows = support(cluster)
    return len(rows) >= min_chunks and bool((doc_of[rows] != doc_of[rows[0]]).any())


def spread(vectors: np.ndarray, weights: np.ndarray) -> float:
    """Mean cosine of a cluster's vectors, float32 [n, d], with their weighted mean: 1 where all are alike."""
    centre = weights @ vectors
    return float((vectors @ centre).mean() / max(float(np.linalg.norm(centre)), 1e-9))
