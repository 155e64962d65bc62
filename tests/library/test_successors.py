"""What every id means after edits, and that edits one after the other come to the same as together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library
from atlas.library.successors import DENSE_IDS, DROPPED, UNKNOWN, Translation, successor


def plain(ids: list[int]) -> Library:
    return Library(tuple(Concept(id_, "content", f"Concept {id_}", "One.") for id_ in sorted(ids)))


def edited(library: Library, heirs: dict[int, int | None]) -> Library:
    """The library with some concepts retired in favour of others, or of none."""
    return Library(
        tuple(
            replace(c, status="retired", replaced_by=heirs[c.id]) if c.id in heirs and c.active else c
            for c in library.concepts
        )
    )


@st.composite
def edits(draw: st.DrawFn) -> tuple[Library, Library, Library]:
    """A library, edited once, and edited again; heirs are later ids that stay active in their turn."""
    ids = sorted(draw(st.sets(st.integers(1, 60), min_size=3, max_size=12)))
    library = plain(ids)
    versions = [library]
    for _ in range(2):
        now = versions[-1]
        active = [c.id for c in now.active]
        gone = draw(st.lists(st.sampled_from(active), unique=True, max_size=len(active) - 1)) if active else []
        stay = [id_ for id_ in active if id_ not in gone]
        heirs = {id_: draw(st.none() | st.sampled_from(stay)) if stay else None for id_ in gone}
        versions.append(edited(now, heirs))
    return versions[0], versions[1], versions[2]


@given(edits())
def test_translation_applied_twice_is_translation(versions: tuple[Library, Library, Library]) -> None:
    once = Translation.of(versions[1])
    ids = once.ids
    assert (once.then(once).targets == once(ids)).all()


@given(edits())
def test_two_edits_one_after_the_other_are_the_last_library(versions: tuple[Library, Library, Library]) -> None:
    first, last = Translation.of(versions[1]), Translation.of(versions[2])
    assert (first.then(last).targets == last.targets).all()


@given(edits())
def test_every_target_is_active_or_nothing(versions: tuple[Library, Library, Library]) -> None:
    active = {concept.id for concept in versions[2].active}
    assert set(Translation.of(versions[2]).targets.tolist()) <= active | {DROPPED}


@pytest.mark.parametrize("big", [9, DENSE_IDS + 5])
def test_unknown_ids_are_told_apart_in_small_and_huge_libraries(big: int) -> None:
    translation = Translation.of(edited(plain([2, 5, big]), {5: 2}))
    ids = np.array([1, 2, 5, big, big + 1], np.int32)
    assert translation(ids).tolist() == [UNKNOWN, 2, 2, big, UNKNOWN]
    assert translation.changed.tolist() == [5]


def test_chain_of_heirs_is_followed_to_its_end() -> None:
    library = edited(edited(plain([1, 2, 3]), {1: 2}), {2: 3})
    assert successor(library, 1) == 3


def test_circle_is_named() -> None:
    with pytest.raises(AtlasError, match="1 → 2 → 1"):
        successor(edited(plain([1, 2]), {1: 2, 2: 1}), 1)
