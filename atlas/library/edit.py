"""A curator's edits: a library in, an edited one out. Ids are permanent, and tombstones stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from atlas.errors import AtlasError
from atlas.library.checks import named, put, refuse_other_facet, refuse_retired, refuse_taken, tidy, unlike
from atlas.library.concept import Concept, Library
from atlas.library.search import the
from atlas.tables import FACETS


@dataclass(frozen=True, slots=True)
class Edit:
    """An edited library and what was done: in a sentence, by ids, and for a split which id became which."""

    library: Library
    command: str
    what: str
    ids: tuple[int, ...]
    made: tuple[int, ...] = ()
    split_into: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


def merge(library: Library, concepts: Sequence[str], into: str | None = None) -> Edit:
    """Merge concepts into one of them, the first unless ``into`` says which: the others are retired in its favour.

    It takes over their names and aliases as aliases, and their member tags. Its description and counts stay as they
    are: the next build counts anew.

    Args:
        concepts: ids, names or aliases.

    Raises:
        AtlasError: fewer than two concepts, a retired one, or different facets.
    """
    asked = list(dict.fromkeys(the(library, text).id for text in concepts))
    heir = the(library, into if into is not None else concepts[0])
    losers = [library.by_id[id_] for id_ in asked if id_ != heir.id]
    if not losers:
        raise AtlasError(f"a merge takes two different concepts; {heir.id} ({heir.name!r}) is the only one named")
    refuse_retired([*losers, heir])
    for loser in losers:
        refuse_other_facet(loser, heir)
    aliases = [*heir.aliases, *(name for loser in losers for name in (loser.name, *loser.aliases))]
    members = dict(heir.members)
    for loser in losers:
        for tag, chunks in loser.members.items():
            members[tag] = members.get(tag, 0) + chunks
    grown = replace(heir, aliases=unlike(aliases, [heir.name]), members=members)
    tombstones = [replace(loser, status="retired", replaced_by=heir.id) for loser in losers]
    what = f"merged {_listed(losers)} into {named(heir)}"
    return Edit(put(library, grown, *tombstones), "merge", what, (*(c.id for c in losers), heir.id))


def retire(library: Library, concept: str, replaced_by: str | None = None) -> Edit:
    """Retire a concept; its chunks go to the one that takes over, or lose the label.

    Raises:
        AtlasError: it is retired already; the heir is retired, itself, or of another facet.
    """
    gone = the(library, concept)
    refuse_retired([gone])
    heir = None if replaced_by is None else the(library, replaced_by)
    if heir is not None:
        if heir.id == gone.id:
            raise AtlasError(f"{named(gone)} can't be replaced by itself; leave --replaced-by out, or name another")
        refuse_retired([heir])
        refuse_other_facet(gone, heir)
    tombstone = replace(gone, status="retired", replaced_by=None if heir is None else heir.id)
    what = f"retired {named(gone)}" + ("" if heir is None else f", replaced by {named(heir)}")
    ids = (gone.id,) if heir is None else (gone.id, heir.id)
    return Edit(put(library, tombstone), "retire", what, ids)


def rename(library: Library, concept: str, name: str) -> Edit:
    """Give a concept another name; the old one becomes an alias where it is not the same but for case or number.

    Raises:
        AtlasError: the name is empty, the concept's own, or another one's.
    """
    old = the(library, concept)
    refuse_retired([old])
    new = tidy(name)
    if new == old.name:
        raise AtlasError(f"{named(old)} has this name already")
    refuse_taken(library, old.facet, new, but=old.id)
    renamed = replace(old, name=new, aliases=unlike([*old.aliases, old.name], [new]))
    return Edit(put(library, renamed), "rename", f"renamed {named(old)} to {new!r}", (old.id,))


def add(
    library: Library,
    new_id: int,
    facet: str,
    name: str,
    description: str,
    *,
    aliases: Sequence[str] = (),
    question: str = "",
    taxonomy: str | None = None,
) -> Edit:
    """Add a concept under an id that none ever had (``history.next_id``).

    Raises:
        AtlasError: no such facet; no name or description; a name or alias that is another concept's.
    """
    if facet not in FACETS:
        raise AtlasError(f"{facet!r} is no facet; choose one of {', '.join(FACETS)}")
    plain = tidy(name)
    if not description.strip():
        raise AtlasError(f"{plain!r} needs a description: one sentence that says which passages it is on")
    others = [tidy(alias) for alias in aliases]
    for each in (plain, *others):
        refuse_taken(library, facet, each)
    concept = Concept(
        new_id,
        facet,
        plain,
        " ".join(description.split()),
        question=" ".join(question.split()),
        aliases=unlike(others, [plain]),
        taxonomy=taxonomy,
        locked=True,
    )
    return Edit(put(library, concept), "add", f"added {named(concept)} to {facet}", (new_id,), (new_id,))


def _listed(concepts: Sequence[Concept]) -> str:
    names = [named(concept) for concept in concepts]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
