"""What concepts' use tells: two that sit on the same chunks are one; one that sits on most chunks tells nothing."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from atlas.canonical.forms import Form, support

Cluster = list[Form]


def merged_by_use(clusters: Sequence[Cluster], least: float, chunks: int) -> list[Cluster]:
    """Clusters, those joined that are on the same chunks.

    Args:
        least: chunks that two clusters share, of those that either is on (Jaccard's index), from which they are one.
        chunks: clusters on fewer chunks than this are left alone, as chance could do it.
    """
    rows = [support(cluster) for cluster in clusters]
    heir = list(range(len(clusters)))
    for a, b in _together([found if len(found) >= chunks else found[:0] for found in rows], least):
        first, last = sorted((_root(heir, a), _root(heir, b)))
        heir[last] = first
    joined: dict[int, Cluster] = {}
    for number, cluster in enumerate(clusters):
        joined.setdefault(_root(heir, number), []).extend(cluster)
    return [in_order(cluster) for cluster in joined.values()]


def _together(rows: Sequence[np.ndarray], least: float) -> list[tuple[int, int]]:
    """Pairs of clusters that share so many of their rows, those that share most first; by their numbers among equals.

    Args:
        rows: of each cluster, ascending, each once, int64.
    """
    size = np.array([len(found) for found in rows], np.int64)
    if not size.any():
        return []
    columns = np.concatenate(rows)
    ends = np.concatenate([[0], np.cumsum(size)])
    on = sparse.csr_matrix((np.ones(len(columns), np.int32), columns, ends), (len(rows), int(columns.max()) + 1))
    both = sparse.triu(on @ on.T, 1, "coo")
    a, b, shared = both.row, both.col, both.data
    kept = np.flatnonzero(shared >= least * (size[a] + size[b] - shared))
    order = kept[np.lexsort((b[kept], a[kept], -shared[kept]))]
    return list(zip(a[order].tolist(), b[order].tolist(), strict=True))


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
