"""Clusters: what is close is together, what is far is apart, and the order of rows does not matter."""

import numpy as np
import pytest

from atlas.canonical.cluster import centroid_linkage, nearest, neighbour_graph


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def on_circle(degrees: list[float]) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def clusters(vectors: np.ndarray, least: float, neighbours: int = 24) -> list[list[int]]:
    edges = neighbour_graph(vectors, neighbours, least)
    return centroid_linkage(vectors, [1.0] * len(vectors), edges, least)


def test_groups_that_lie_apart_are_found() -> None:
    assert clusters(on_circle([0, 2, 4, 90, 91, 200]), 0.95) == [[0, 1, 2], [3, 4], [5]]


def test_chain_of_small_steps_does_not_tie_its_ends_together() -> None:
    chain = on_circle([20.0 * step for step in range(9)])  # each 20° from the next, the ends 160° apart
    found = clusters(chain, float(np.cos(np.radians(25))))
    assert len(found) > 1
    for rows in found:
        assert all(chain[i] @ chain[j] >= np.cos(np.radians(50)) for i in rows for j in rows)


def test_heavy_row_draws_the_centroid() -> None:
    vectors = on_circle([0, 20, 45])
    edges = neighbour_graph(vectors, 2, 0.85)
    least = float(np.cos(np.radians(30)))
    assert centroid_linkage(vectors, [1, 100, 1], edges, least) == [[0, 1, 2]]
    assert centroid_linkage(vectors, [100, 1, 1], edges, least) == [[0, 1], [2]]


@pytest.mark.parametrize("seed", range(8))
def test_permuted_rows_give_the_same_clusters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng.standard_normal((14, 3)))
    order = rng.permutation(len(vectors))
    straight = {frozenset(rows) for rows in clusters(vectors, 0.7)}
    assert {frozenset(int(order[row]) for row in rows) for rows in clusters(vectors[order], 0.7)} == straight
    assert len(straight) < len(vectors)


@pytest.mark.parametrize("seed", range(4))
def test_clusters_are_a_partition_in_order_of_their_first_rows(seed: int) -> None:
    vectors = unit(np.random.default_rng(seed).standard_normal((40, 4)))
    found = clusters(vectors, 0.6)
    assert sorted(row for rows in found for row in rows) == list(range(40))
    assert found == sorted((sorted(rows) for rows in found), key=lambda rows: rows[0])


def test_members_of_a_cluster_are_as_close_to_its_centroid_as_asked() -> None:
    vectors = unit(np.random.default_rng(5).standard_normal((60, 4)))
    for rows in clusters(vectors, 0.8):
        centroid = vectors[rows].sum(axis=0)
        assert (vectors[rows] @ (centroid / np.linalg.norm(centroid))).mean() >= 0.8


def test_equal_vectors_are_one_cluster() -> None:
    assert clusters(np.tile(on_circle([30]), (5, 1)), 1.0 - 1e-6) == [[0, 1, 2, 3, 4]]


def test_no_vector_and_one_vector_have_no_edge() -> None:
    assert neighbour_graph(np.zeros((0, 2), dtype=np.float32), 3, 0.5) == []
    assert clusters(on_circle([10]), 0.5) == [[0]]


def test_edges_are_strongest_first_and_never_below_the_least() -> None:
    edges = neighbour_graph(unit(np.random.default_rng(1).standard_normal((30, 3))), 6, 0.3)
    similarities = [similarity for similarity, _, _ in edges]
    assert similarities == sorted(similarities, reverse=True)
    assert min(similarities) >= 0.3 - 1e-5
    assert len({(i, j) for _, i, j in edges}) == len(edges)
    assert all(i < j for _, i, j in edges)


def test_nearest_known_vector_is_found_with_its_similarity() -> None:
    positions, similarities = nearest(on_circle([5, 170]), on_circle([0, 90, 180]))
    assert positions.tolist() == [0, 2]
    assert similarities == pytest.approx(np.cos(np.radians([5, 10])), abs=1e-6)


def test_nothing_known_is_nearest_to_nothing() -> None:
    positions, _ = nearest(on_circle([5, 170]), np.zeros((0, 0), dtype=np.float32))
    assert positions.tolist() == [-1, -1]
