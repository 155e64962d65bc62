"""The digest of a library changes with what its concepts mean, and with nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from atlas.library.concept import Concept, Counts, Example, Library

CONCEPT = Concept(3, "content", "Tides", "Rise and fall of the sea.", aliases=("tide",), members={"a": 1, "b": 2})
OTHER = Concept(4, "tone", "Calm", "Without haste.")


def digest(*concepts: Concept) -> str:
    return Library(concepts).digest


@pytest.mark.parametrize(
    "change",
    [
        {"counts": Counts(5, 4, 3)},
        {"examples": (Example("The tide is out.", "a#1"),)},
        {"members": {"b": 7, "a": 9}},
        {"question": "Is it of tides?"},
        {"taxonomy": "Science/Oceanography"},
        {"confidence": 0.9},
        {"locked": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_digest_ignores_what_annotations_do_not_depend_on(change: dict[str, Any]) -> None:
    assert digest(replace(CONCEPT, **change), OTHER) == digest(CONCEPT, OTHER)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 2},
        {"facet": "entity"},
        {"name": "Tide"},
        {"description": "Rise of the sea."},
        {"aliases": ("tide", "ebb")},
        {"members": {"a": 1}},
        {"status": "retired"},
        {"replaced_by": 4},
    ],
    ids=lambda change: next(iter(change)),
)
def test_digest_changes_with_meaning(change: dict[str, Any]) -> None:
    assert digest(replace(CONCEPT, **change), OTHER) != digest(CONCEPT, OTHER)


def test_digest_changes_with_a_concept_more_or_less() -> None:
    assert len({digest(), digest(CONCEPT), digest(OTHER), digest(CONCEPT, OTHER)}) == 4
