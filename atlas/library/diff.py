"""What differs between two libraries, in a curator's words."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from atlas.library.concept import Concept, Library
from atlas.library.successors import successor

Names = Callable[[Concept], Iterable[str]]
KINDS = (
    "deleted", "merged", "split", "retired", "redirected", "revived", "added", "renamed", "facet", "redefined",
    "aliases", "members", "taxonomy", "locked",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened.

    ``ids`` are the concepts it happened to, by ids of the older library (of the newer where they are new); ``into``
    those that took over: the heir of a merge, the parts of a split, who got the members. ``before`` and ``after`` are
    what was changed: words, or a list of them.
    """

    kind: str
    ids: tuple[int, ...]
    into: tuple[int, ...] = ()
    before: Any = None
    after: Any = None
    key: str = ""


def diff(old: Library, new: Library, splits: Mapping[int, Sequence[int]] | None = None) -> list[Change]:
    """All changes from one library to another, by kind, then by id. Counts and examples are no changes.

    Args:
        splits: id → ids of its parts, from the history; without it a split is told by where the members went.

    Raises:
        AtlasError: ``replaced_by`` of the newer library leads in a circle.
    """
    moved = _moved(old, new, lambda concept: concept.members)
    split = _splits(old, new, [*moved, *_moved(old, new, lambda concept: concept.aliases)], splits or {})
    merged = _merged(old, new)
    parts = {part for ids in split.values() for part in ids}
    found = [Change("split", (id_,), ids) for id_, ids in split.items()]
    found += [Change("merged", tuple(ids), (heir,)) for heir, ids in merged.items()]
    for concept in old.concepts:
        after = new.by_id.get(concept.id)
        if after is None:
            found.append(Change("deleted", (concept.id,), before=concept.name))
        else:
            found += _status(concept, after, successor(new, concept.id), split)
            found += _words(concept, after)
            found += _aliases(concept, after, {n for id_ in merged.get(concept.id, ()) for n in old.by_id[id_].names()})
    for concept in new.concepts:
        if concept.id not in old.by_id and concept.id not in parts:
            found.append(Change("added", (concept.id,), after=concept.name))
    found += _member_changes(old, new, moved, split)
    return sorted(found, key=lambda change: (KINDS.index(change.kind), change.ids, change.into, change.key))


def _merged(old: Library, new: Library) -> dict[int, list[int]]:
    """Heir → concepts that went to it since."""
    into: dict[int, list[int]] = defaultdict(list)
    for concept in old.active:
        after = new.by_id.get(concept.id)
        if after is not None and not after.active and (heir := successor(new, after.id)) is not None:
            into[heir].append(concept.id)
    return into


def _status(before: Concept, after: Concept, heir: int | None, split: Mapping[int, Sequence[int]]) -> Iterator[Change]:
    if before.active and heir is None and before.id not in split:
        yield Change("retired", (before.id,))
    elif not before.active and after.active:
        yield Change("revived", (before.id,))
    elif not before.active and before.replaced_by != after.replaced_by:
        yield Change("redirected", (before.id,), before=before.replaced_by, after=after.replaced_by)


def _words(before: Concept, after: Concept) -> Iterator[Change]:
    id_ = (before.id,)
    if before.name != after.name:
        yield Change("renamed", id_, before=before.name, after=after.name)
    for key in ("description", "question"):
        if getattr(before, key) != getattr(after, key):
            yield Change("redefined", id_, before=getattr(before, key), after=getattr(after, key), key=key)
    for key in ("facet", "taxonomy", "locked"):
        if getattr(before, key) != getattr(after, key):
            yield Change(key, id_, before=getattr(before, key), after=getattr(after, key), key=key)
    if before.taxonomy == after.taxonomy and before.confidence != after.confidence:
        yield Change("taxonomy", id_, before=before.confidence, after=after.confidence, key="confidence")


def _aliases(before: Concept, after: Concept, inherited: Set[str]) -> Iterator[Change]:
    """Aliases that came or went; not those that a merge or a new name explains."""
    gone = [alias for alias in before.aliases if alias not in (*after.aliases, after.name)]
    come = [alias for alias in after.aliases if alias not in (*before.aliases, before.name) and alias not in inherited]
    if gone or come:
        yield Change("aliases", (before.id,), before=gone, after=come)


def _moved(old: Library, new: Library, names: Names) -> dict[tuple[int, int], list[str]]:
    """Names that another concept has now: (from, to) → names. Of the newer library, active concepts alone count."""
    owners: dict[tuple[str, str], int] = {}
    for concept in new.active:
        for tag in names(concept):
            owners.setdefault((concept.facet, tag), concept.id)
    moved: dict[tuple[int, int], list[str]] = defaultdict(list)
    for concept in old.active:
        stay = new.by_id.get(concept.id)
        for tag in names(concept):
            owner = owners.get((concept.facet, tag))
            if owner is not None and owner != concept.id and not (stay and stay.active and tag in names(stay)):
                moved[concept.id, owner].append(tag)
    return moved


def _splits(
    old: Library, new: Library, moved: Iterable[tuple[int, int]], told: Mapping[int, Sequence[int]]
) -> dict[int, tuple[int, ...]]:
    """Id → its parts: as the history tells, else those new concepts that have its members or aliases now.

    One that went to an heir was merged; a retired one needs two parts to count as split.
    """
    parts: dict[int, list[int]] = defaultdict(list)
    for id_, told_parts in told.items():
        known = [part for part in told_parts if part in new.by_id]
        if id_ in old.by_id and any(part not in old.by_id for part in known):
            parts[id_] += known
    for one, other in dict.fromkeys(moved):
        if other not in old.by_id and one not in told:
            parts[one].append(other)
    found = {}
    for id_, ids in parts.items():
        after = new.by_id.get(id_)
        if not old.by_id[id_].active or after is None or (not after.active and successor(new, id_) is not None):
            continue
        whole = ids if id_ in ids or not after.active else [id_, *ids]
        if len(whole) > 1:
            found[id_] = tuple(sorted(set(whole)))
    return found


def _member_changes(
    old: Library, new: Library, moved: Mapping[tuple[int, int], list[str]], split: Mapping[int, Sequence[int]]
) -> Iterator[Change]:
    """Tags that moved between concepts that stay, and tags that came or went; not what a merge or split explains."""
    explained: dict[int, Counter[str]] = defaultdict(Counter)
    for (one, other), tags in moved.items():
        explained[one].update(tags)
        explained[other].update(tags)
        after = new.by_id.get(one)
        if other not in split.get(one, ()) and after is not None and after.active:
            yield Change("members", (one,), (other,), before=sorted(tags), after=sorted(tags))
    for concept in old.active:
        after = new.by_id.get(concept.id)
        if after is None or not after.active:
            continue
        gone = sorted(set(concept.members) - set(after.members) - set(explained[concept.id]))
        come = sorted(set(after.members) - set(concept.members) - set(explained[concept.id]))
        if gone or come:
            yield Change("members", (concept.id,), before=gone, after=come)
