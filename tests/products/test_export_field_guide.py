"""The field guide: the best chunks and documents of each concept, in order."""

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from export_run import LABELLED, annotated, rows
from hypothesis import given
from hypothesis import strategies as st

from atlas.products.field_guide import field_guide
from atlas.products.field_guide import select as selecting
from atlas.products.field_guide.best import Entries, best, best_of_all


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return annotated(tmp_path_factory.mktemp("run"))


def table(folder: Path) -> list[dict[str, Any]]:
    return [row for file in sorted(folder.iterdir()) for row in pq.read_table(file).to_pylist()]


def test_chunks_are_the_best_of_each_concept_with_their_texts(run: Path, tmp_path: Path) -> None:
    field_guide(run, LABELLED, tmp_path, per_concept=5)
    expected, plain = [], rows(run)
    for id_ in range(1, 6):
        having = [
            (-row["scores"][row["concept_ids"].index(id_)], place)
            for place, row in enumerate(plain)
            if id_ in row["concept_ids"]
        ]
        for rank, (score, place) in enumerate(sorted(having)[:5], start=1):
            row = plain[place]
            own = {name: row[name] for name in ("doc_id", "source", "chunk_id", "text")}
            expected.append(
                {"concept_id": id_, "concept": LABELLED.by_id[id_].name, "rank": rank, "score": -score} | own
            )
    assert table(tmp_path / "chunks") == expected


def test_documents_rank_by_their_best_chunk(run: Path, tmp_path: Path) -> None:
    field_guide(run, LABELLED, tmp_path, per_concept=7)
    found = table(tmp_path / "documents")
    for id_ in range(1, 6):
        scores: dict[str, list[float]] = defaultdict(list)
        for row in rows(run):
            if id_ in row["concept_ids"]:
                scores[row["doc_id"]].append(row["scores"][row["concept_ids"].index(id_)])
        ranked = sorted(scores, key=lambda doc: (-max(scores[doc]), -len(scores[doc])))[:7]
        mine = [row for row in found if row["concept_id"] == id_]
        assert [row["doc_id"] for row in mine] == ranked
        assert [row["chunks"] for row in mine] == [len(scores[doc]) for doc in ranked]
        assert [row["score"] for row in mine] == [max(scores[doc]) for doc in ranked]


def test_counts_are_of_the_whole_run(run: Path, tmp_path: Path) -> None:
    field_guide(run, LABELLED, tmp_path, per_concept=1)
    plain = rows(run)
    for row in pq.read_table(tmp_path / "concepts.parquet").to_pylist():
        having = [chunk for chunk in plain if row["concept_id"] in chunk["concept_ids"]]
        assert row["chunks"] == len(having)
        assert row["documents"] == len({chunk["doc_id"] for chunk in having})


@pytest.mark.parametrize("most", [1, 5, 1000])
def test_little_memory_gives_the_same_guide(
    most: int, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    field_guide(run, LABELLED, tmp_path / "much", per_concept=most)
    monkeypatch.setattr(selecting, "TOGETHER", 3)
    field_guide(run, LABELLED, tmp_path / "little", per_concept=most, memory_mb=0)
    assert len(list((tmp_path / "little" / "chunks").iterdir())) >= 5
    for folder in ("chunks", "documents"):
        assert table(tmp_path / "little" / folder) == table(tmp_path / "much" / folder)


def test_run_without_texts_has_a_guide_without_them(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=4, files=1, text=False)
    field_guide(run, LABELLED, tmp_path / "out")
    assert "text" not in pq.read_schema(tmp_path / "out" / "chunks" / "00000.parquet").names


labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(1, 3)), max_size=60)


def entries(found: list[tuple[int, int, int]], row: int) -> Entries:
    concept, score, chunks = (np.array(column, np.int64) for column in zip(*found, strict=True)) if found else [[]] * 3
    places = row + np.arange(len(found))
    return Entries(
        np.asarray(concept, np.int64),
        np.asarray(score, np.float32),
        np.asarray(chunks, np.int64),
        places,
        places.astype(np.int32),
        places,
    )


@given(labels, st.integers(1, 5), st.lists(st.integers(0, 60), max_size=5))
def test_best_bit_by_bit_is_the_best_of_all(found: list[tuple[int, int, int]], most: int, cuts: list[int]) -> None:
    ordered = sorted(range(len(found)), key=lambda n: (found[n][0], -found[n][1], -found[n][2], n))
    expected = [n for place, n in enumerate(ordered) if sum(found[m][0] == found[n][0] for m in ordered[:place]) < most]
    whole, ranks = best(entries(found, 0), most)
    assert whole.row.tolist() == expected
    assert all(rank <= most for rank in ranks.tolist())
    bounds = [0, *sorted(min(cut, len(found)) for cut in cuts), len(found)]
    bits = (entries(found[a:b], a) for a, b in pairwise(bounds))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("atlas.products.field_guide.best.SLACK", 2)
        again, same = best_of_all(bits, most, 5)
    assert again.row.tolist() == expected
    assert same.tolist() == ranks.tolist()


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(0, 50))
def test_bands_take_every_concept_once_and_fit(sizes: list[int], room: int) -> None:
    found = list(selecting.bands(np.array(sizes, np.int64), room))
    assert [place for first, last in found for place in range(first, last)] == list(range(len(sizes)))
    for first, last in found:
        assert sum(sizes[first:last]) <= room or sum(size > 0 for size in sizes[first:last]) == 1
