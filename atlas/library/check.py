"""From YAML nodes to concepts: every key has a reader, and every mistake is told with its line."""

from collections.abc import Callable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from atlas.library.concept import Concept, Counts, Example
from atlas.tables import FACETS
from atlas.yaml_nodes import Node

MAX_ID = 2**31 - 1
STATUSES = ("active", "retired")
REQUIRED = ("id", "facet", "name", "description")
COUNTS = ("tags", "chunks", "documents")
EXAMPLE = ("quote", "doc_id")
FILE_KEYS = ("area", "concepts")

Report = Callable[[int, str], None]  # line, message


MOST_SHOWN = 60  # characters of a wrong value


class _Wrong(Exception):
    """What is said of a value, and the line where it is not that of the key."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def _shown(value: Any) -> str:
    if isinstance(value, list):
        value = [child.value for child in value]
    if isinstance(value, dict):
        value = {key: child.value for key, child in value.items()}
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _quote(value: Any) -> str:
    """What to do about a bare word that YAML reads as something else."""
    if isinstance(value, bool):
        return "; YAML reads yes, no, on, off, true and false so: put it in quotes"
    return "; put it in quotes" if isinstance(value, int | float | date) else ""


def _text(node: Node, key: str) -> str:
    if not isinstance(node.value, str):
        raise _Wrong(f"{key} must be text, not {_shown(node.value)}{_quote(node.value)}")
    return node.value


def _id(node: Node, key: str) -> int:
    value = node.value
    if not isinstance(value, int) or isinstance(value, bool):
        bare = "; take the quotes off" if isinstance(value, str) and value.strip().isdecimal() else ""
        raise _Wrong(f"{key} must be a whole number, not {_shown(value)}{bare}")
    if not 0 < value <= MAX_ID:
        raise _Wrong(f"{key} must be from 1 to {MAX_ID}, not {value}")
    return value


def _one_of(words: tuple[str, ...]) -> Callable[[Node, str], str]:
    def read(node: Node, key: str) -> str:
        if node.value not in words:
            listed = ", ".join(words[:-1]) + " or " + words[-1] if len(words) == 2 else "one of " + ", ".join(words)
            raise _Wrong(f"{key} must be {listed.replace(', or', ' or')}, not {_shown(node.value)}")
        return str(node.value)

    return read


def _name(node: Node, key: str) -> str:
    if not (name := _text(node, key)).strip():
        raise _Wrong("the name is empty; write what people call it")
    return name


def _probability(node: Node, key: str) -> float:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _Wrong(f"{key} must be a number from 0 to 1, not {_shown(value)}")
    return float(value)


def _flag(node: Node, key: str) -> bool:
    if not isinstance(node.value, bool):
        raise _Wrong(f"{key} must be true or false, not {_shown(node.value)}")
    return node.value


def _aliases(node: Node, key: str) -> tuple[str, ...]:
    if not isinstance(node.value, list):
        raise _Wrong(f"{key} must be a list, not {_shown(node.value)}; one name a line, each after a dash and a space")
    for child in node.value:
        if not isinstance(child.value, str):
            said = _quote(child.value) or "; an alias is one name"
            raise _Wrong(f"alias {_shown(child.value)} is not text{said}", child.line)
    return tuple(child.value for child in node.value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _members(node: Node, key: str) -> dict[str, int]:
    if not isinstance(node.value, dict):
        raise _Wrong(f"{key} must be a mapping, not {_shown(node.value)}; one 'tag: number of chunks' a line")
    members = {}
    for tag, count in node.value.items():
        if not isinstance(tag, str) or not _is_count(count.value):
            shown = f"not {tag!r}: {_shown(count.value)}"
            raise _Wrong(f"members map a tag (text, quoted if need be) to a count, {shown}", count.line)
        members[tag] = count.value
    return members


def _examples(node: Node, key: str) -> tuple[Example, ...]:
    if not isinstance(node.value, list):
        raise _Wrong(f"{key} must be a list, not {_shown(node.value)}; each item has quote and doc_id")
    examples = []
    for child in node.value:
        entry = child.value
        if not isinstance(entry, dict) or entry.keys() != set(EXAMPLE):
            raise _Wrong("an example has exactly the keys quote and doc_id", child.line)
        quote, doc_id = entry["quote"].value, entry["doc_id"].value
        if not isinstance(quote, str) or not isinstance(doc_id, str):
            raise _Wrong("quote and doc_id are text; put them in quotes", child.line)
        examples.append(Example(quote, doc_id))
    return tuple(examples)


def _counts(node: Node, key: str) -> Counts:
    if not isinstance(node.value, dict):
        raise _Wrong(f"{key} must be a mapping, not {_shown(node.value)}; it has the keys {', '.join(COUNTS)}")
    values = {name: child.value for name, child in node.value.items()}
    if not values.keys() <= set(COUNTS) or not all(map(_is_count, values.values())):
        raise _Wrong("counts has the keys tags, chunks, documents, each a whole number")
    return Counts(**values)


READERS: Mapping[str, Callable[[Node, str], Any]] = {
    "id": _id,
    "facet": _one_of(tuple(FACETS)),
    "name": _name,
    "description": _text,
    "question": _text,
    "aliases": _aliases,
    "taxonomy": _text,
    "confidence": _probability,
    "status": _one_of(STATUSES),
    "replaced_by": _id,
    "locked": _flag,
    "members": _members,
    "examples": _examples,
    "counts": _counts,
}


def concept(entry: Node, report: Report) -> Concept | None:
    """The concept that an entry describes; None, with each mistake reported, where it describes none."""
    if not isinstance(entry.value, dict):
        report(entry.line, "a concept must be a mapping with id, facet, name and description")
        return None
    values: dict[str, Any] = {}
    good = True
    for key, node in entry.value.items():
        reader = READERS.get(key)
        if reader is None:
            report(node.line, _unknown(key, tuple(READERS), "a concept"))
            good = False
        elif node.value is not None or key in REQUIRED:
            try:
                values[key] = reader(node, key)
            except _Wrong as wrong:
                report(wrong.line or node.line, str(wrong))
                good = False
    for key in REQUIRED:
        if key not in entry.value:
            report(entry.line, f"this concept has no {key}; add a line '{key}: …'")
            good = False
    return Concept(**values) if good else None


def document(root: Node, report: Report) -> list[Any]:
    """What the list ``concepts`` of a file holds; anything else that is wrong with the file is reported."""
    if not isinstance(root.value, dict) or "concepts" not in root.value:
        report(root.line, "expected the keys 'area' and 'concepts'; a library file is 'area: NAME' and 'concepts:'")
        return []
    for key, node in root.value.items():
        if key not in FILE_KEYS:
            report(node.line, _unknown(key, FILE_KEYS, "a file"))
    area, entries = root.value.get("area"), root.value["concepts"]
    if area is not None and not isinstance(area.value, str | None):
        report(area.line, f"area must be text, not {_shown(area.value)}{_quote(area.value)}")
    if not isinstance(entries.value, list | None):
        report(entries.line, "'concepts' must be a list; each concept begins with '- id: NUMBER'")
        return []
    return entries.value or []


def _unknown(key: Any, known: tuple[str, ...], owner: str) -> str:
    near = get_close_matches(str(key), known, 1)
    listed = "'area' and 'concepts'" if known == FILE_KEYS else ", ".join(known)
    return f"unknown key {key!r}; {owner} has {listed}" + (f"; did you mean {near[0]}?" if near else "")
