"""Pairs of concepts: exact counts, whatever the memory."""

from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from export_run import LABELLED, annotated, rows
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.products.cooccurrence import cooccurrence
from atlas.products.cooccurrence.count import add_pairs, bands
from atlas.products.export.association import log_likelihood, pmi


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return annotated(tmp_path_factory.mktemp("run"))


def pairs(out: Path) -> list[dict[str, Any]]:
    return [row for file in sorted((out / "pairs").iterdir()) for row in pq.read_table(file).to_pylist()]


def test_pairs_are_counted_as_one_would_by_hand(run: Path, tmp_path: Path) -> None:
    cooccurrence(run, LABELLED, tmp_path, min_count=1)
    chunks = [sorted(row["concept_ids"]) for row in rows(run)]
    both = Counter(pair for ids in chunks for pair in combinations(ids, 2))
    one = Counter(id_ for ids in chunks for id_ in ids)
    found = pairs(tmp_path)
    assert [(row["concept_a"], row["concept_b"]) for row in found] == sorted(both)
    for row in found:
        a, b = row["concept_a"], row["concept_b"]
        assert (row["count"], row["count_a"], row["count_b"]) == (both[a, b], one[a], one[b])
        counts = (np.array([both[a, b]]), np.array([one[a]]), np.array([one[b]]), len(chunks))
        assert row["pmi"] == pytest.approx(pmi(*counts)[0], rel=1e-6)
        assert row["llr"] == pytest.approx(log_likelihood(*counts)[0], rel=1e-6, abs=1e-9)
        assert (row["name_a"], row["facet_b"]) == (LABELLED.by_id[a].name, LABELLED.by_id[b].facet)


def test_rare_pairs_are_left_out(run: Path, tmp_path: Path) -> None:
    cooccurrence(run, LABELLED, tmp_path / "all", min_count=1)
    counts = [row["count"] for row in pairs(tmp_path / "all")]
    least = int(np.median(counts)) + 1
    cooccurrence(run, LABELLED, tmp_path / "some", min_count=least)
    assert [row["count"] for row in pairs(tmp_path / "some")] == [count for count in counts if count >= least]


def test_run_without_a_pair_gives_a_file_without_rows(run: Path, tmp_path: Path) -> None:
    assert cooccurrence(run, LABELLED, tmp_path, min_count=100_000).rows("pairs/") == 0
    assert pairs(tmp_path) == []


def test_little_memory_gives_the_same_pairs(run: Path, tmp_path: Path) -> None:
    cooccurrence(run, LABELLED, tmp_path / "much")
    cooccurrence(run, LABELLED, tmp_path / "little", memory_mb=0)
    assert len(list((tmp_path / "little" / "pairs").iterdir())) == 4
    assert pairs(tmp_path / "little") == pairs(tmp_path / "much")


def test_count_below_one_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="must be at least 1"):
        cooccurrence(run, LABELLED, tmp_path, min_count=0)


@given(st.integers(0, 60), st.integers(0, 20_000))
def test_bands_follow_each_other_and_fit(concepts: int, memory: int) -> None:
    found = list(bands(concepts, memory))
    assert [first for first, _ in found] + [concepts - 1] == [0] + [last for _, last in found] or concepts < 2
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert all(last - first == 1 or (last - first) * (concepts - first) * 8 <= memory for first, last in found)


@given(st.lists(st.sets(st.integers(-1, 9)), max_size=20), st.integers(0, 9), st.integers(1, 9))
def test_a_band_counts_the_pairs_whose_lower_concept_is_in_it(chunks: list[set[int]], first: int, size: int) -> None:
    size = min(size, 10 - first)
    counts = np.zeros((size, 10 - first), np.int64)
    labels = [sorted(ids, key=lambda id_: (id_ * 7) % 11) for ids in chunks]
    places = np.array([id_ for ids in labels for id_ in ids], np.int64)
    add_pairs(places, np.array([len(ids) for ids in labels], np.int64), first, counts)
    expected = Counter(pair for ids in chunks for pair in combinations(sorted(i for i in ids if i >= 0), 2))
    for a in range(size):
        for b in range(10 - first):
            assert counts[a, b] == (expected[first + a, first + b] if b > a else 0)
