"""Training data: tags become labels, and no document is on both sides of a split."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from atlas.annotator.data import Labelled, document_position, label_matrix, labelled, split
from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library

Rows = Callable[..., pa.Table]
LIBRARY = Library(
    (
        Concept(4, "content", "Tides", "The rise and fall of water.", aliases=("ebb",), members={"flood": 1}),
        Concept(6, "content", "Fire", "Gone.", status="retired"),
        Concept(9, "tone", "Dry", "Without feeling."),
    )
)


def test_tags_become_labels_by_name_alias_and_member(tag_rows: Rows) -> None:
    tags = tag_rows([{"content": ["tide"]}, {"content": ["EBB", "x"]}, {"content": ["Floods"], "tone": ["dry"]}, {}])
    data = labelled(tags, LIBRARY, "cl100k_base", 0)
    assert data.labels.toarray().tolist() == [[True, False], [True, False], [True, True], [False, False]]


def test_tag_of_another_facet_is_no_label(tag_rows: Rows) -> None:
    data = labelled(tag_rows([{"tone": ["tides", "dry"]}]), LIBRARY, "cl100k_base", 0)
    assert data.labels.toarray().tolist() == [[False, True]]


def test_retired_concept_is_no_label(tag_rows: Rows) -> None:
    data = labelled(tag_rows([{"content": ["fire", "tides"]}]), LIBRARY, "cl100k_base", 0)
    assert data.labels.toarray().tolist() == [[True, False]]


@pytest.mark.parametrize("status", ["unparsed", "refused", "truncated"])
def test_chunk_that_was_not_tagged_well_is_left_out(tag_rows: Rows, status: str) -> None:
    tags = tag_rows([{"content": ["tides"]}, {"content": ["tides"], "tag_status": status}])
    data = labelled(tags, LIBRARY, "cl100k_base", 0)
    assert (len(data), data.doc_ids) == (1, ["d0"])


@pytest.mark.parametrize("rows", [[], [{}], [{"content": ["cats"]}], [{"content": ["tides"], "tag_status": "refused"}]])
def test_tags_that_mean_no_concept_are_refused(tag_rows: Rows, rows: list[dict[str, object]]) -> None:
    with pytest.raises(AtlasError, match="was the library built from these tags"):
        labelled(tag_rows(rows), LIBRARY, "cl100k_base", 0)


def test_split_never_parts_a_document(tag_rows: Rows) -> None:
    rows = [{"content": ["tides"], "doc_id": f"d{number // 3}"} for number in range(300)]
    data = labelled(tag_rows(rows), LIBRARY, "cl100k_base", 0)
    training, heldout = split(data, 0.2)
    assert not set(training.doc_ids) & set(heldout.doc_ids)
    assert len(training) + len(heldout) == 300
    assert 0.1 < len(heldout) / 300 < 0.3
    assert all(
        len(part.tokens) == len(part.texts) == part.labels.shape[0] == len(part.position)
        for part in (training, heldout)
    )


def test_label_matrix_has_each_chunks_columns_ascending() -> None:
    matrix = label_matrix([{3, 0}, [], [2]], 5)
    assert (matrix.dtype, matrix.shape) == (np.dtype(bool), (3, 5))
    assert matrix.indices.tolist() == [0, 3, 2]
    assert matrix.toarray().tolist() == [
        [True, False, False, True, False],
        [False] * 5,
        [False, False, True, False, False],
    ]


def test_label_matrix_of_no_chunk_has_its_width() -> None:
    assert label_matrix([], 4).shape == (0, 4)


def test_documents_place_is_its_own_and_moves_with_the_seed() -> None:
    places = [document_position(f"d{number}", 0) for number in range(2000)]
    assert all(0 <= place < 1 for place in places)
    assert np.histogram(places, bins=10, range=(0, 1))[0].min() > 140
    assert document_position("d1", 0) == places[1]
    assert document_position("d1", 1) != places[1]


def test_take_keeps_rows_in_the_order_asked(label_texts: Callable[..., Labelled]) -> None:
    data = label_texts(["a", "b b", "c c c"], ["x", "y", "z"], np.eye(3, dtype=bool))
    taken = data.take(np.array([2, 0]))
    assert (taken.texts, taken.doc_ids) == (["c c c", "a"], ["z", "x"])
    assert taken.labels.toarray().tolist() == [[False, False, True], [True, False, False]]
    assert [len(ids) for ids in taken.tokens] == [3, 1]
