"""What a diff says, in a curator's words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.library import edit
from atlas.library.concept import Concept, Library
from atlas.library.diff import Change, diff
from atlas.library.split import parse, split

OLD = Library(
    (
        Concept(1, "content", "Tides", "The sea.", members={"tides": 3, "ebb": 2}),
        Concept(2, "content", "High water", "Much sea.", aliases=("flood tide",), members={"high water": 1}),
        Concept(3, "content", "Boats", "Vessels.", members={"rowing": 2, "sailing": 3, "boats": 4}),
        Concept(4, "tone", "Calm", "No haste."),
        Concept(5, "content", "Lamps", "Light.", status="retired"),
    )
)


def hand(id_: int, **words: object) -> Library:
    return replace(OLD, concepts=tuple(replace(c, **words) if c.id == id_ else c for c in OLD.concepts))


def kinds(new: Library, **told: dict[int, tuple[int, ...]]) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    return [(change.kind, change.ids, change.into) for change in diff(OLD, new, told.get("splits"))]


def test_merge_is_one_change_and_its_aliases_and_tags_are_no_others() -> None:
    assert kinds(edit.merge(OLD, ["1", "2"]).library) == [("merged", (2,), (1,))]


def test_many_into_one_are_one_change() -> None:
    assert kinds(edit.merge(OLD, ["1", "2", "3"]).library) == [("merged", (2, 3), (1,))]


def test_merge_by_hand_through_a_chain_is_told_by_its_end() -> None:
    once = edit.retire(OLD, "2", "1").library
    assert kinds(edit.retire(once, "1", "3").library) == [("merged", (1, 2), (3,))]


@pytest.mark.parametrize("keep", [None, "Boats"])
@pytest.mark.parametrize("told", [True, False])
def test_split_is_told_from_history_or_from_where_the_tags_went(keep: str | None, told: bool) -> None:
    parts = [parse("Rowing: rowing", {}), parse(f"{keep or 'Ships'}: *", {})]
    done = split(OLD, "3", parts, 6, keep)
    found = kinds(done.library, splits=dict(done.split_into)) if told else kinds(done.library)
    assert found == [("split", (3,), (3, 6) if keep else (6, 7))]


def test_rename_is_no_change_of_aliases() -> None:
    assert kinds(edit.rename(OLD, "1", "Tidal movement").library) == [("renamed", (1,), ())]


def test_retired_added_revived_and_deleted() -> None:
    assert kinds(edit.retire(OLD, "1").library) == [("retired", (1,), ())]
    assert kinds(edit.add(OLD, 9, "content", "Oars", "Wood.").library) == [("added", (9,), ())]
    assert kinds(hand(5, status="active")) == [("revived", (5,), ())]
    assert kinds(replace(OLD, concepts=OLD.concepts[1:])) == [("deleted", (1,), ())]


def test_words_facet_and_taxonomy_changed_by_hand() -> None:
    assert diff(OLD, hand(1, description="Ebb and flow.")) == [
        Change("redefined", (1,), before="The sea.", after="Ebb and flow.", key="description")
    ]
    assert kinds(hand(1, question="Is it?")) == [("redefined", (1,), ())]
    assert kinds(hand(1, facet="entity")) == [("facet", (1,), ())]
    assert kinds(hand(1, taxonomy="G/GC")) == [("taxonomy", (1,), ())]
    assert kinds(hand(1, taxonomy="G/GC", confidence=0.9)) == [("taxonomy", (1,), ())]
    assert kinds(hand(1, confidence=0.9)) == [("taxonomy", (1,), ())]
    assert kinds(hand(2, aliases=("flood",))) == [("aliases", (2,), ())]


def test_member_that_moved_names_both_concepts() -> None:
    moved = replace(
        OLD,
        concepts=(
            replace(OLD.by_id[1], members={"tides": 3}),
            replace(OLD.by_id[2], members={"high water": 1, "ebb": 2}),
            *OLD.concepts[2:],
        ),
    )
    assert diff(OLD, moved) == [Change("members", (1,), (2,), before=["ebb"], after=["ebb"])]


def test_counts_and_examples_are_no_change() -> None:
    assert diff(OLD, hand(1, members={"tides": 99, "ebb": 1})) == []


@given(st.permutations(["1", "2", "3"]), st.integers(0, 3))
def test_library_does_not_differ_from_itself(order: list[str], steps: int) -> None:
    library = OLD
    for name in order[: max(0, steps - 1)]:
        library = edit.retire(library, name).library
    assert diff(library, library) == []
