"""Which labels come out: translated, chosen, above a score, numbered."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.library import edit, store
from atlas.library.concept import Concept, Library
from atlas.reader import NONE, read_windows
from atlas.reader.block import Labels
from atlas.reader.labels import label_filter, translation_of
from atlas.reader.window import best

LIBRARY = Library(tuple(Concept(number, "content", f"Name {number}", "About it.") for number in range(1, 10)))
MERGED = edit.retire(edit.merge(LIBRARY, ["Name 2", "Name 3"]).library, "Name 5").library  # 3 went to 2

chunks = st.lists(
    st.lists(st.tuples(st.integers(1, 9), st.floats(0, 1, width=32)), max_size=6, unique_by=lambda pair: pair[0]),
    max_size=8,
)


def labels_of(rows: list[list[tuple[int, float]]]) -> Labels:
    flat = [pair for row in rows for pair in row]
    ids, scores = np.array([one for one, _ in flat], np.int32), np.array([score for _, score in flat], np.float32)
    return Labels(np.array([len(row) for row in rows], np.int64), ids, scores)


@settings(deadline=None)
@given(
    rows=chunks,
    least=st.sampled_from([0.0, 0.3, 0.9]),
    chosen=st.sets(st.sampled_from([1, 2, 4, 6, 7, 8, 9]), min_size=1),
)
def test_every_setting_at_once_does_what_a_loop_does(rows: Any, least: float, chosen: set[int]) -> None:
    rows = [sorted(row, key=lambda pair: -pair[1]) for row in rows]
    found = label_filter(MERGED, chosen, least, dense=True)(labels_of(rows), "here")
    numbers = {concept: number for number, concept in enumerate(sorted(chosen))}
    at = 0
    for row, size in zip(rows, found.sizes, strict=True):
        expected: dict[int, float] = {}
        for concept, score in row:
            today = {3: 2, 5: None}.get(concept, concept)
            if today in chosen and score >= np.float32(least):
                expected.setdefault(numbers[today], score)
        assert found.ids[at : at + size].tolist() == list(expected)
        assert found.scores[at : at + size].tolist() == list(expected.values())
        at += size
    assert at == len(found.ids)


def test_a_library_in_any_form_translates_alike(tmp_path: Path) -> None:
    store.save(MERGED, tmp_path / "library")
    pq.write_table(MERGED.table(), tmp_path / "concepts.parquet")
    compiled = MERGED.table().rename_columns({"concept_id": "id"})
    forms = [MERGED, MERGED.table(), compiled, tmp_path / "library", str(tmp_path / "concepts.parquet")]
    for form in forms:
        found = translation_of(form)
        assert dict(zip(found.ids.tolist(), found.targets.tolist(), strict=True)) == {
            **{number: number for number in range(1, 10)},
            3: 2,
            5: -1,
        }


def test_a_mapping_changes_what_it_names_along_the_chain() -> None:
    keep = label_filter({1: 2, 2: 3, 4: None})
    found = keep(labels_of([[(1, 0.9), (9, 0.8), (4, 0.7), (3, 0.6)]]), "here")
    assert found.ids.tolist() == [3, 9]
    np.testing.assert_array_equal(found.scores, np.float32([0.9, 0.8]))


def test_what_is_no_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="in a circle or nowhere"):
        translation_of({1: 2, 2: 1})
    with pytest.raises(AtlasError, match="in a circle or nowhere"):
        translation_of(pa.table({"id": [1], "status": ["retired"], "replaced_by": [7]}))
    with pytest.raises(AtlasError, match="columns concept_id"):
        translation_of(pa.table({"a": [1]}))
    with pytest.raises(AtlasError, match="no library folder and no Parquet table"):
        translation_of(tmp_path / "none.parquet")
    with pytest.raises(AtlasError, match="3 is no active concept"):
        label_filter(MERGED, [3])


def test_windows_show_the_labels_that_are_left(run: Path, stream: Path) -> None:
    for path in (run, stream):
        every = read_windows(path, 30, order="sequential")
        some = read_windows(path, 30, order="sequential", library=MERGED, concepts=[2, 4], min_score=0.4, dense=True)
        assert some.concepts is not None
        assert some.concepts.tolist() == [2, 4]
        seen = set()
        for one, other in zip(every, some, strict=True):
            assert one.tokens.tolist() == other.tokens.tolist()
            there = (np.isin(one.concept_ids, [2, 3, 4]) & (one.scores >= np.float32(0.4))).any(axis=1)
            assert (other.mask.any(axis=1) == there).all()
            seen |= set(other.concept_ids[other.mask].tolist())
        assert seen == {0, 1}


def test_best_cuts_and_pads() -> None:
    found = best(np.array([3, 0, 1]), np.array([5, 6, 7, 8], np.int32), 2, NONE)
    assert found.tolist() == [[5, 6], [NONE, NONE], [8, NONE]]
    assert best(np.array([], np.int64), np.array([], np.int32), 2, NONE).shape == (0, 2)
