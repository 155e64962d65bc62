"""Bring read concepts into a library: who is who, and what may change."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library
from atlas.library.exchange.records import NO_ID, Entry, Source
from atlas.library.names import normal_form

Forms = dict[tuple[str, str], int]  # concept id of a facet's normal form


@dataclass(frozen=True)
class Merged:
    """The library with what came in, the source of each concept, and what became of the entries."""

    library: Library
    sources: Mapping[str, tuple[int, Source]]
    became: Counter[str]


def merge(
    base: Library,
    sources: Mapping[str, tuple[int, Source]],
    entries: Sequence[Entry],
    *,
    next_id: int = 1,
    new_ids: bool = False,
    update: bool = False,
) -> Merged:
    """The library after an import.

    An entry with an id replaces the concept of that id. One without is the concept that has its source address, else
    the one that has its name as name, else a new one; an existing concept then gets further aliases and what it
    lacks, and with ``update`` also name, description and taxonomy. Locked concepts stay as they are, retired ones
    stay retired.

    Args:
        next_id: the least that a new concept gets: one above every id that the library ever had.
        new_ids: take the ids of entries for none: they are of another library.

    Raises:
        AtlasError: an id means something else in the library, or a concept is replaced by one that is not there.
    """
    work = _Work(base, sources, next_id)
    numbered = [] if new_ids else [entry for entry in entries if entry.concept.id != NO_ID]
    for entry in numbered:
        work.put(entry)
    joining = [entry for entry in entries if new_ids or entry.concept.id == NO_ID]
    # Names first, for all of them: an alias must not take the name of a concept further down.
    placed = [work.find_or_add(entry) for entry in joining]
    for entry, (number, is_new) in zip(joining, placed, strict=True):
        work.fill(number, entry.concept, is_new, update)
    renamed = {entry.concept.id: number for entry, (number, _) in zip(joining, placed, strict=True)}
    added = [number for number, is_new in placed if is_new]
    if new_ids:
        work.follow(added, renamed)
    concepts = work.concepts
    for concept in concepts.values():
        if concept.replaced_by is not None and concept.replaced_by not in concepts:
            raise AtlasError(
                f"concept {concept.id} ({concept.name!r}) is replaced by {concept.replaced_by}, which neither the file "
                "nor the library has; import a file that holds both"
            )
    return Merged(replace(base, concepts=tuple(concepts[i] for i in sorted(concepts))), work.sources, work.became)


class _Work:
    """A merge under way: the concepts so far, and who owns which name."""

    def __init__(self, base: Library, sources: Mapping[str, tuple[int, Source]], next_id: int) -> None:
        self.concepts = dict(base.by_id)
        self.sources = dict(sources)
        self.became: Counter[str] = Counter()
        self.next_id = max(next_id, base.next_id, *(number + 1 for number, _ in sources.values()), 1)
        self.claimed = {number for number, _ in sources.values()}
        self.by_name: Forms = {}
        self.by_alias: Forms = {}
        for concept in sorted(base.concepts, key=lambda c: (not c.active, c.id)):
            self._own(concept)

    def _own(self, concept: Concept) -> None:
        self.by_name.setdefault((concept.facet, normal_form(concept.name)), concept.id)
        for alias in concept.aliases:
            self.by_alias.setdefault((concept.facet, normal_form(alias)), concept.id)

    def put(self, entry: Entry) -> None:
        """An entry with an id of this library."""
        concept = entry.concept
        before = self.concepts.get(concept.id)
        if before is not None and not _same(before, concept):
            raise AtlasError(
                f"id {concept.id} is {before.name!r} ({before.facet}) in the library, but {concept.name!r} "
                f"({concept.facet}) in the file; ids never change meaning: if the file is of another library, "
                "give --new-ids"
            )
        if before == concept:
            self.became["unchanged"] += 1
        elif before is not None and before.locked:
            self.became["locked, kept as it is"] += 1
        else:
            self.became["new" if before is None else "changed"] += 1
            self.concepts[concept.id] = concept
            self._own(concept)
        self.next_id = max(self.next_id, concept.id + 1)
        if entry.source is not None:
            self._note(concept.id, entry.source)

    def find_or_add(self, entry: Entry) -> tuple[int, bool]:
        """Id of the concept that an entry without one is, and whether it is new; a new one has no aliases yet."""
        concept, source = entry.concept, entry.source
        number = self.sources[source.uri][0] if source is not None and source.uri in self.sources else None
        if number not in self.concepts:
            number = None  # a row that outlived its concept; the address gets a new one
        named = self.by_name.get((concept.facet, normal_form(concept.name)))
        if number is None and named is not None and (source is None or named not in self.claimed):
            number = named
        is_new = number is None
        if number is None:
            number = self.next_id
            self.next_id += 1
            name = concept.name
            if named is not None and source is not None:  # the name is another term's: of another thesaurus
                name = f"{name} ({source.uri})"
                self.became["names that another term has, followed by the address"] += 1
            self._store(replace(concept, id=number, name=name, aliases=()))
        if source is not None:
            self._note(number, source)
        return number, is_new

    def fill(self, number: int, concept: Concept, is_new: bool, update: bool) -> None:
        """Give a concept what it lacks of the one read, and with ``update`` what people see of it."""
        before = self.concepts[number]
        if is_new:
            self._store(replace(before, aliases=self._free(before, concept.aliases)))
            self.became["new"] += 1
            return
        if before.locked or not before.active:
            self.became["locked, kept as it is" if before.locked else "retired, kept as it is"] += 1
            return
        owner = self.by_name.get((before.facet, normal_form(concept.name)), number)
        placed = concept if concept.taxonomy and (update or not before.taxonomy) else before
        after = replace(
            before,
            name=concept.name if update and owner == number else before.name,
            description=(update and concept.description) or before.description or concept.description,
            question=before.question or concept.question,
            taxonomy=placed.taxonomy,
            confidence=placed.confidence,
            examples=before.examples or concept.examples,
        )
        after = replace(after, aliases=self._free(after, [concept.name, before.name, *concept.aliases]))
        self._store(after)
        self.became["unchanged" if after == before else "changed"] += 1

    def _free(self, concept: Concept, offered: Sequence[str]) -> tuple[str, ...]:
        """The concept's aliases and those offered that are new to it and no other concept's name or alias."""
        seen = {normal_form(name) for name in (concept.name, *concept.aliases)}
        free = list(concept.aliases)
        for alias in offered:
            form = normal_form(alias)
            if not form or form in seen:
                continue
            seen.add(form)
            key = concept.facet, form
            if concept.id != self.by_name.get(key, concept.id) or concept.id != self.by_alias.get(key, concept.id):
                self.became["aliases that mean another concept already, left out"] += 1
            else:
                free.append(alias)
        return tuple(free)

    def _store(self, concept: Concept) -> None:
        self.concepts[concept.id] = concept
        self._own(concept)

    def _note(self, number: int, source: Source) -> None:
        self.claimed.add(number)
        known = self.sources.get(source.uri)
        bare = not source.notation and not source.also_under  # a table's column holds the address alone
        self.sources[source.uri] = (number, known[1] if known and bare else source)

    def follow(self, added: Sequence[int], renamed: Mapping[int, int]) -> None:
        """Let the added concepts' replaced_by name their new ids."""
        for number in added:
            heir = self.concepts[number].replaced_by
            if heir is not None:
                self.concepts[number] = replace(self.concepts[number], replaced_by=renamed.get(heir))


def _same(before: Concept, after: Concept) -> bool:
    """Whether two concepts of one id can be one: they share facet and a name."""
    known = {normal_form(name) for name in before.names()}
    return before.facet == after.facet and any(normal_form(name) in known for name in after.names())
