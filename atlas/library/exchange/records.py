"""A concept as it travels: one flat record, and what is read from a file before it joins a library."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Counts, Example
from atlas.tables import FACETS

NO_ID = 0  # of a concept whose file gives none: it gets its id when it joins a library
MAX_ID = 2**31 - 1

# Columns in the order of the YAML, and the type of each. A record has them all.
COLUMNS: dict[str, type] = {
    "id": int,
    "facet": str,
    "name": str,
    "description": str,
    "question": str,
    "aliases": list,
    "taxonomy": str,
    "confidence": float,
    "status": str,
    "replaced_by": int,
    "locked": bool,
    "members": dict,
    "examples": list,
    "tags": int,
    "chunks": int,
    "documents": int,
    "uri": str,
}
_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping of tags to counts",
    bool: "true or false",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a concept is from: its address in a thesaurus, its code there, and its further places in the hierarchy."""

    uri: str
    notation: str = ""
    also_under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A concept read from a file; its id is NO_ID where the file gives none."""

    concept: Concept
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds, and how much of it a library has no place for, by kind of loss."""

    entries: tuple[Entry, ...]
    losses: Counter[str] = field(default_factory=Counter)


def record(concept: Concept, uri: str = "") -> dict[str, Any]:
    """The concept as a flat record of plain values, with all of COLUMNS."""
    return {
        **concept.plain(),
        "tags": concept.counts.tags,
        "chunks": concept.counts.chunks,
        "documents": concept.counts.documents,
        "uri": uri,
    }


def entry(values: Mapping[str, Any], where: str, facet: str) -> Entry:
    """The concept of a record; what the record leaves out, or has as None, is empty.

    Args:
        where: file and row, for messages.
        facet: that of a record without one.

    Raises:
        AtlasError: a value of another type, or one that no concept may have.
    """
    given = {key: value for key, value in values.items() if value is not None}
    for key, value in given.items():
        wanted = COLUMNS.get(key)
        if wanted is None:
            raise AtlasError(f"{where}: unknown column {key!r}; a concept has {', '.join(COLUMNS)}")
        if not isinstance(value, int | float if wanted is float else wanted) or (
            wanted in (int, float) and isinstance(value, bool)
        ):
            raise AtlasError(f"{where}: {key} must be {_WORDS[wanted]}, not {value!r}")
    number = given.get("id", NO_ID)
    if not NO_ID <= number <= MAX_ID:
        raise AtlasError(f"{where}: id must be from 1 to {MAX_ID}, not {number}")
    if not given.get("name", "").strip():
        raise AtlasError(f"{where}: has no name; every concept needs one")
    if given.setdefault("facet", facet) not in FACETS:
        raise AtlasError(f"{where}: facet must be one of {', '.join(FACETS)}, not {given['facet']!r}")
    if given.setdefault("status", "active") not in ("active", "retired"):
        raise AtlasError(f"{where}: status must be active or retired, not {given['status']!r}")
    if not all(isinstance(alias, str) for alias in given.get("aliases", ())):
        raise AtlasError(f"{where}: aliases must be a list of text")
    if not all(isinstance(tag, str) and _is_count(count) for tag, count in given.get("members", {}).items()):
        raise AtlasError(f"{where}: members map a tag to the number of its chunks")
    confidence = given.get("confidence")
    if confidence is not None and not 0 <= confidence <= 1:
        raise AtlasError(f"{where}: confidence must be from 0 to 1, not {confidence}")
    concept = Concept(
        id=number,
        facet=given["facet"],
        name=given["name"],
        description=given.get("description", ""),
        question=given.get("question", ""),
        aliases=tuple(given.get("aliases", ())),
        taxonomy=given.get("taxonomy") or None,
        confidence=None if confidence is None else float(confidence),
        status=given["status"],
        replaced_by=given.get("replaced_by"),
        locked=given.get("locked", False),
        members=dict(given.get("members", {})),
        examples=tuple(_example(value, where) for value in given.get("examples", ())),
        counts=Counts(*(_count(given.get(key, 0), key, where) for key in ("tags", "chunks", "documents"))),
    )
    return Entry(concept, Source(given["uri"]) if given.get("uri") else None)


def _example(value: Any, where: str) -> Example:
    if not isinstance(value, dict) or set(value) != {"quote", "doc_id"}:
        raise AtlasError(f"{where}: an example has exactly the keys quote and doc_id")
    if not all(isinstance(text, str) for text in value.values()):
        raise AtlasError(f"{where}: quote and doc_id of an example are text")
    return Example(**value)


def _count(value: int, key: str, where: str) -> int:
    if not _is_count(value):
        raise AtlasError(f"{where}: {key} must be a whole number from 0 on, not {value}")
    return value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
