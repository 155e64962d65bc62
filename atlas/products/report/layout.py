"""Where concepts stand on the map: near each other where their vectors are."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atlas.errors import AtlasError

MOST = 3_000  # dots that a page can hold and an eye can tell apart
FEWEST = 5  # below this there are no neighbourhoods to keep: a circle
PERPLEXITY = 30.0
SEED = 0


@dataclass(frozen=True, slots=True)
class Places:
    """Concept ids (C) and their positions (C x 2, from 0 to 1), most frequent concept first."""

    ids: tuple[int, ...]
    xy: np.ndarray
    left_out: int


def positions(ids: np.ndarray, matrix: np.ndarray, chunks: Mapping[int, int]) -> Places:
    """Place the most frequent concepts that the report knows, by t-SNE (van der Maaten and Hinton, 2008).

    Args:
        ids: concept ids, int32 (C).
        matrix: one vector a concept, float32 (C x d); only directions count.
        chunks: chunk count of every concept of the report; concepts that it lacks are passed over.
    """
    if matrix.ndim != 2 or ids.ndim != 1 or len(ids) != len(matrix):
        raise AtlasError(
            f"concept vectors: expected C ids and a C x d matrix, not {ids.shape} and {matrix.shape}; "
            "give one row for each concept id"
        )
    known = [row for row, id_ in enumerate(ids.tolist()) if id_ in chunks]
    ordered = sorted(known, key=lambda row: (-chunks[int(ids[row])], int(ids[row])))
    rows = ordered[:MOST]
    return Places(tuple(int(ids[row]) for row in rows), _place(matrix[rows]), len(ordered) - len(rows))


def _place(vectors: np.ndarray) -> np.ndarray:
    unit = np.nan_to_num(np.asarray(vectors, dtype=np.float64), posinf=0.0, neginf=0.0)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    if len(unit) < FEWEST or np.allclose(unit, unit[:1]):
        return _circle(len(unit))
    return _fit(_tsne(unit if unit.shape[1] > 1 else np.hstack([unit, np.zeros_like(unit)])))


def _circle(number: int) -> np.ndarray:
    angle = 2 * np.pi * np.arange(number) / max(number, 1) - np.pi / 2
    radius = 0.3 if number > 1 else 0.0
    return 0.5 + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _tsne(unit: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    model = TSNE(
        n_components=2,
        init="pca",
        perplexity=min(PERPLEXITY, (len(unit) - 1) / 3),
        random_state=SEED,
        n_jobs=1,
    )
    with threadpool_limits(1):  # sums over several threads differ in the last bit, and t-SNE amplifies it
        return model.fit_transform(unit)


def _fit(xy: np.ndarray) -> np.ndarray:
    """Stretch to the unit square; the axes mean nothing, so each has its own scale."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    return (xy - low) / np.maximum(high - low, 1e-12)
