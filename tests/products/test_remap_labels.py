"""New ids for labels: nothing is doubled, scores stay sorted, and two edits are one."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.library.successors import DROPPED, Translation
from atlas.products.remap.labels import groups, relabel, translated, without_given

IDS = list(range(1, 9))
Chunks = list[list[tuple[int, float]]]


def chunk(sort: bool) -> st.SearchStrategy[list[tuple[int, float]]]:
    scores = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
    labels = st.lists(st.tuples(st.sampled_from(IDS), scores), max_size=6, unique_by=lambda label: label[0])
    return labels.map(lambda found: sorted(found, key=lambda label: -label[1]) if sort else found)


@st.composite
def translations(draw: st.DrawFn) -> Translation:
    """Concepts that stay, and for the others one of these, or nothing."""
    stay = draw(st.sets(st.sampled_from(IDS)))
    targets = [i if i in stay else draw(st.sampled_from([DROPPED, *sorted(stay)])) for i in IDS]
    return Translation(np.array(IDS, np.int32), np.array(targets, np.int32))


def flat(chunks: Chunks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels = [label for chunk in chunks for label in chunk]
    ids = np.array([id_ for id_, _ in labels], np.int32)
    return ids, np.array([len(chunk) for chunk in chunks], np.int64), np.array([s for _, s in labels], np.float32)


def mapped(chunks: Chunks, translation: Translation) -> Chunks:
    ids, sizes, scores = flat(chunks)
    result = translated(ids, sizes, scores, translation)
    pairs = list(zip(result.ids.tolist(), scores[result.kept].tolist(), strict=True))
    ends = np.cumsum(result.sizes).tolist()
    return [pairs[end - size : end] for end, size in zip(ends, result.sizes.tolist(), strict=True)]


def by_hand(chunk: list[tuple[int, float]], translation: Translation) -> dict[int, float]:
    best: dict[int, float] = {}
    for id_, score in chunk:
        new = int(translation(np.array([id_], np.int32))[0])
        if new != DROPPED:
            best[new] = max(best.get(new, -1.0), score)
    return best


@settings(deadline=None)
@given(st.booleans().flatmap(lambda sort: st.lists(chunk(sort), max_size=5)), translations())
def test_each_concept_once_with_its_highest_score(chunks: Chunks, translation: Translation) -> None:
    found = mapped(chunks, translation)
    assert [dict(chunk) for chunk in found] == [by_hand(chunk, translation) for chunk in chunks]
    assert all(len(dict(chunk)) == len(chunk) for chunk in found)


@settings(deadline=None)
@given(st.lists(chunk(True), max_size=5), translations())
def test_scores_that_fall_still_fall(chunks: Chunks, translation: Translation) -> None:
    for chunk in mapped(chunks, translation):
        scores = [score for _, score in chunk]
        assert scores == sorted(scores, reverse=True)


@settings(deadline=None)
@given(st.lists(chunk(True), max_size=5), translations())
def test_second_time_changes_nothing(chunks: Chunks, translation: Translation) -> None:
    once = mapped(chunks, translation)
    assert mapped(once, translation) == once


@settings(deadline=None)
@given(st.lists(chunk(True), max_size=5), translations(), translations())
def test_two_edits_are_the_composed_one(chunks: Chunks, first: Translation, second: Translation) -> None:
    assert mapped(mapped(chunks, first), second) == mapped(chunks, first.then(second))


def test_unknown_id_is_named_with_what_to_do() -> None:
    translation = Translation(np.array([1], np.int32), np.array([1], np.int32))
    with pytest.raises(AtlasError, match="concept 7 is not in the library"):
        translated(np.array([1, 7], np.int32), np.array([2]), None, translation)


def test_columns_aligned_with_ids_go_with_them() -> None:
    ids = pa.array([[1, 2], [], [2]], pa.list_(pa.int32()))
    evidence = pa.array([[[3, 4], [5]], [], [[6]]])
    scores = pa.array([[0.5, 0.9], [], [0.1]], pa.list_(pa.float32()))
    translation = Translation(np.array([1, 2], np.int32), np.array([1, 1], np.int32))
    lists = {"concept_ids": ids, "scores": scores, "evidence": evidence}
    new = relabel(lists, "concept_ids", ["scores", "evidence"], translation)
    assert new["concept_ids"].to_pylist() == [[1], [], [1]]
    assert new["evidence"].to_pylist() == [[[5]], [], [[6]]]
    assert new["scores"].to_pylist() == [[pytest.approx(0.9)], [], [pytest.approx(0.1)]]


def test_evidence_goes_with_the_concepts() -> None:
    numbers = pa.list_(pa.int32())
    names = ("concept_ids", "evidence_starts", "evidence_ends", "rejected_ids")
    assert groups(pa.schema([(name, numbers) for name in names])) == {
        "concept_ids": ["evidence_starts", "evidence_ends"],
        "rejected_ids": [],
    }


def test_what_a_chunk_has_is_not_among_its_rejected() -> None:
    numbers = pa.list_(pa.int32())
    lists = {
        "concept_ids": pa.array([[1], [], [2, 3], [1]], numbers),
        "rejected_ids": pa.array([[2, 1], [1], [], None], numbers),
        "rejected_scores": pa.array([[0.2, 0.1], [0.3], [], None], pa.list_(pa.float32())),
    }
    new = without_given(lists, ["rejected_scores"])
    assert new["rejected_ids"].to_pylist() == [[2], [1], [], None]
    assert new["rejected_scores"].to_pylist() == [[pytest.approx(0.2)], [pytest.approx(0.3)], [], None]


def test_list_columns_belong_to_the_ids_of_their_name() -> None:
    numbers, floats = pa.list_(pa.int32()), pa.list_(pa.float32())
    schema = pa.schema(
        [("concept_ids", numbers), ("scores", floats), ("rejected_ids", numbers), ("rejected_scores", floats)]
    )
    assert groups(schema) == {"concept_ids": ["scores"], "rejected_ids": ["rejected_scores"]}
