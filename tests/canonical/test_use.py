"""What concepts' use tells: twins on the same chunks, enough chunks, more than one document."""

import numpy as np
import pytest

from atlas.canonical.forms import Form, support
from atlas.canonical.use import is_supported, merged_by_use


def form(name: str, *chunks: int) -> Form:
    return Form("content", name, {name: len(chunks)}, np.array(chunks, np.int64))


def named(clusters: list[list[Form]]) -> list[list[str]]:
    return [[form.form for form in cluster] for cluster in clusters]


def test_support_holds_each_chunk_once_in_order() -> None:
    assert support([form("a", 2, 5, 9), form("b", 1, 5), form("c", 9)]).tolist() == [1, 2, 5, 9]
    assert support([form("a", 3, 4)]).tolist() == [3, 4]
    assert support([]).tolist() == []


def test_clusters_on_the_same_chunks_are_one_and_the_more_frequent_form_leads() -> None:
    jaguar, cat, car = (
        form("jaguar", 0, 1, 2, 3, 4),
        form("panthera onca", 0, 1, 2, 3, 4, 5),
        form("car", 0, 6, 7, 8, 9),
    )
    assert named(merged_by_use([[jaguar], [car], [cat]], 0.8, 5)) == [["panthera onca", "jaguar"], ["car"]]


def test_twins_of_twins_come_together() -> None:
    clusters = [[form(name, *range(start, start + 10))] for name, start in (("a", 0), ("b", 1), ("c", 2), ("d", 9))]
    assert named(merged_by_use(clusters, 0.8, 5)) == [["a", "b", "c"], ["d"]]


@pytest.mark.parametrize("least", [0.5, 0.8, 1.0])
def test_shares_are_those_of_sets(least: float) -> None:
    random = np.random.default_rng(0)
    clusters = [[form(str(n), *np.flatnonzero(random.random(20) < 0.5).tolist())] for n in range(40)]
    sets = [set(cluster[0].chunks.tolist()) for cluster in clusters]
    wanted = {(a, b) for b in range(40) for a in range(b) if len(sets[a] & sets[b]) >= least * len(sets[a] | sets[b])}
    together = merged_by_use(clusters, least, 1)
    group = {int(form.form): number for number, cluster in enumerate(together) for form in cluster}
    assert all(group[a] == group[b] for a, b in wanted)
    assert len(together) >= 40 - len(wanted)


def test_rare_clusters_and_none_are_left_alone() -> None:
    assert named(merged_by_use([[form("a", 1, 2)], [form("b", 1, 2)]], 0.8, 5)) == [["a"], ["b"]]
    assert merged_by_use([], 0.8, 5) == []


def test_a_concept_needs_chunks_of_more_than_one_document() -> None:
    doc_of = np.array([0, 0, 0, 1])
    assert not is_supported([form("a", 0, 1, 2)], doc_of, 3)
    assert is_supported([form("a", 0, 1), form("b", 3)], doc_of, 3)
    assert not is_supported([form("a", 0, 3), form("b", 3)], doc_of, 3)
