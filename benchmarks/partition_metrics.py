"""How well a partition of names agrees with the concepts that people put them into."""

import numpy as np


def agreement(found: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    """Pairwise and B-cubed (Bagga & Baldwin, 1998) precision, recall and F1; both arguments are int [names]."""
    _, f = np.unique(found, return_inverse=True)
    _, g = np.unique(gold, return_inverse=True)
    cells, counts = np.unique(np.stack([f, g]), axis=1, return_counts=True)
    ours, theirs = np.bincount(f), np.bincount(g)
    both = _pairs(counts)
    precision = both / _pairs(ours) if _pairs(ours) else 1.0
    recall = both / _pairs(theirs) if _pairs(theirs) else 1.0
    b3_precision = float((counts**2 / ours[cells[0]]).sum() / len(f))
    b3_recall = float((counts**2 / theirs[cells[1]]).sum() / len(f))
    return {
        "precision": precision,
        "recall": recall,
        "f1": _f1(precision, recall),
        "b3_precision": b3_precision,
        "b3_recall": b3_recall,
        "b3_f1": _f1(b3_precision, b3_recall),
    }


def false_merges(found: np.ndarray, heads: np.ndarray, neighbour: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    """Wrong merges, where they are easiest to make.

    Args:
        heads: rows of the concepts' preferred names, int [concepts].
        neighbour: for each head, the row of the nearest head of another concept.

    Returns:
        ``near_merged``: share of concepts that are in one cluster with their nearest different concept;
        ``mixed_per_1000``: concepts, of a thousand, whose preferred name shares a cluster with another concept's name.
    """
    return {
        "near_merged": float(np.mean(found[heads] == found[neighbour])),
        "mixed_per_1000": 1000 * float(np.mean(np.isin(found[heads], _mixed(found, gold)))),
    }


def _mixed(found: np.ndarray, gold: np.ndarray) -> np.ndarray:
    pairs = np.unique(np.stack([found, gold]), axis=1)
    clusters, concepts = np.unique(pairs[0], return_counts=True)
    return clusters[concepts > 1]


def _pairs(sizes: np.ndarray) -> float:
    return float((sizes.astype(np.int64) * (sizes - 1) // 2).sum())


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
