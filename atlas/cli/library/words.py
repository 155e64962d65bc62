"""Changes of a library, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from atlas.library.concept import Library
from atlas.library.diff import Change

SHOWN = 8  # tags or aliases in one line


def sentence(change: Change, old: Library, new: Library) -> str:
    """One change as a line, such as ``merged    2 'Recipe' → 1 'Tutorial'``."""
    names = ", ".join(_name(id_, old, new) for id_ in change.ids)
    into = ", ".join(_name(id_, new, old) for id_ in change.into)
    return f"{change.kind:<10} {_DETAILS.get(change.kind, _plain)(change, names, into)}"


def _plain(change: Change, names: str, into: str) -> str:
    return f"{names} → {into}" if into else names


def _values(change: Change, names: str, into: str) -> str:
    return f"{names}: {change.key} {_value(change.before)} → {_value(change.after)}".replace(":  ", ": ")


def _renamed(change: Change, names: str, into: str) -> str:
    return f"{change.ids[0]} {change.before!r} → {change.after!r}"


def _lists(change: Change, names: str, into: str) -> str:
    if into:
        return f"{names} → {into}: {_few(change.after)}"
    signs = [f"{sign} {_few(tags)}" for sign, tags in (("−", change.before), ("+", change.after)) if tags]
    return f"{names}: {'; '.join(signs)}"


def _deleted(change: Change, names: str, into: str) -> str:
    return f"{names}: ids are permanent; put the entry back, with status: retired if it is to go"


_DETAILS = {
    "renamed": _renamed,
    "redefined": _values,
    "facet": _values,
    "taxonomy": _values,
    "locked": _values,
    "redirected": _values,
    "aliases": _lists,
    "members": _lists,
    "deleted": _deleted,
}


def _name(id_: int, library: Library, other: Library) -> str:
    concept = library.by_id.get(id_) or other.by_id[id_]
    return f"{id_} {concept.name!r}"


def _value(value: Any) -> str:
    return "nothing" if value in (None, "") else str(value) if isinstance(value, bool | int | float) else f"{value!r}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def as_json(change: Change, old: Library, new: Library, chunks: int | None) -> Mapping[str, Any]:
    """One change as a JSON object."""
    return {
        "kind": change.kind,
        "ids": list(change.ids),
        "names": [_concept_name(id_, old, new) for id_ in change.ids],
        "into": list(change.into),
        "into_names": [_concept_name(id_, new, old) for id_ in change.into],
        "key": change.key,
        "before": change.before,
        "after": change.after,
        "chunks": chunks,
    }


def _concept_name(id_: int, library: Library, other: Library) -> str:
    return (library.by_id.get(id_) or other.by_id[id_]).name
