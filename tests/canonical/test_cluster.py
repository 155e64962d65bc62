"""Clusters: what is alike is together, what is not is apart, and the order of rows does not matter."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.canonical.cluster import average_linkage, labels


def clusters(names: int, alike: dict[tuple[int, int], float], least: float, **more: dict[int, int]) -> list[list[int]]:
    rows = np.array(list(alike), np.int64).reshape(-1, 2)
    return average_linkage(names, rows, np.array(list(alike.values()), np.float32), least, **more)


def test_groups_that_are_alike_are_found() -> None:
    assert clusters(6, {(0, 1): 0.9, (1, 2): 0.9, (0, 2): 0.8, (3, 4): 0.7}, 0.5) == [[0, 1, 2], [3, 4], [5]]


def test_chain_of_likenesses_does_not_tie_its_ends_together() -> None:
    chain = {(row, row + 1): 0.9 for row in range(9)}
    assert max(map(len, clusters(10, chain, 0.5))) <= 3


def test_most_alike_join_first() -> None:
    assert clusters(3, {(0, 1): 0.6, (1, 2): 0.9}, 0.5) == [[0], [1, 2]]


def test_names_of_two_owners_never_meet() -> None:
    alike = {(0, 1): 0.9, (1, 2): 0.95, (0, 2): 0.9}
    assert clusters(3, alike, 0.3, owners={0: 7, 2: 8}) == [[0], [1, 2]]


def test_names_of_one_owner_are_together_from_the_start() -> None:
    assert clusters(4, {(0, 1): 0.9}, 0.3, owners={0: 7, 3: 7}) == [[0, 1, 3], [2]]


def test_no_pair_leaves_everything_alone() -> None:
    assert clusters(3, {}, 0.5) == [[0], [1], [2]]
    assert clusters(0, {}, 0.5) == []


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, dict[tuple[int, int], float]]:
    names = draw(st.integers(2, 12))
    pairs = [(a, b) for a in range(names) for b in range(a + 1, names)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True))
    return names, {pair: draw(st.floats(0.0625, 1, width=32)) for pair in chosen}


@settings(deadline=None)
@given(graphs(), st.floats(0.1, 0.9))
def test_every_name_is_in_one_cluster_and_clusters_are_alike(
    graph: tuple[int, dict[tuple[int, int], float]], least: float
) -> None:
    names, alike = graph
    found = clusters(names, alike, least)
    assert sorted(row for group in found for row in group) == list(range(names))
    for group in found:
        ends = [(a, b) for a in group for b in group if a < b]
        # Average linkage joins halves whose mean is at least the threshold, so the mean over all pairs is so too.
        assert not ends or np.mean([alike.get(pair, 0.0) for pair in ends]) >= least - 1e-4


def test_labels_number_the_clusters() -> None:
    assert labels([[0, 2], [1]], 3).tolist() == [0, 1, 0]
