"""Split a concept: its aliases and member tags are divided between new concepts, and at most one keeps the id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from atlas.errors import AtlasError
from atlas.library.checks import named, put, refuse_retired, refuse_taken, tidy, unlike
from atlas.library.concept import Concept, Library
from atlas.library.edit import Edit
from atlas.library.names import normal_form
from atlas.library.search import the

REST = "*"
_OPENINGS = {
    "content": "Passages about {}",
    "entity": "Passages that name {}",
    "tone": "Passages whose tone is {}",
    "form": "Passages of the form {}",
}
DESCRIBED = 3  # member tags that a description without one of its own names


@dataclass(frozen=True, slots=True)
class Part:
    """A concept that comes out of a split: its name, what of the old one's names it takes, and its description.

    ``takes`` may hold ``*``: what no other part takes.
    """

    name: str
    takes: tuple[str, ...]
    description: str = ""


def parse(text: str, descriptions: Mapping[str, str]) -> Part:
    """A part as it is typed: ``name: tag, tag``. Descriptions are by name."""
    name, colon, listed = text.partition(":")
    takes = tuple(tag.strip() for tag in listed.split(",") if tag.strip())
    if not colon or not takes:
        raise AtlasError(f"{text!r}: write a part as 'name: tag, tag', with '*' for all tags that no other part takes")
    return Part(tidy(name), takes, descriptions.get(normal_form(name), ""))


def split(library: Library, concept: str, parts: Sequence[Part], new_id: int, keep: str | None = None) -> Edit:
    """Divide a concept's aliases and member tags between parts.

    An id never changes meaning: without ``keep`` the old id is retired, with no heir, as none of the parts means what
    it meant. With ``keep``, the part of this name is what the concept always meant, and keeps the id.

    Args:
        new_id: the first of the new ids (``history.next_id``).

    Raises:
        AtlasError: fewer than two parts; a tag that the concept lacks, two parts take or none does; a name that is
            another concept's, or the old one's on a part that does not keep the id.
    """
    old = the(library, concept)
    refuse_retired([old])
    if len(parts) < 2:
        raise AtlasError("a split takes at least two parts: give --into twice or more")
    names = [normal_form(part.name) for part in parts]
    if len(set(names)) < len(names):
        raise AtlasError("two parts have the same name; choose names that tell them apart")
    if keep is not None and normal_form(keep) not in names:
        raise AtlasError(f"--keep {keep!r} is none of the parts ({', '.join(part.name for part in parts)})")
    kept = None if keep is None else names.index(normal_form(keep))
    for number, part in enumerate(parts):
        if number != kept and normal_form(part.name) == normal_form(old.name):
            raise AtlasError(
                f"the part {part.name!r} has the name of the split concept; if it means the same as ever, give "
                f"--keep {part.name!r}, else another name"
            )
        refuse_taken(library, old.facet, part.name, but=old.id)
    divided = _divided(old, parts)
    made, concepts, ids = [], [], []
    for number, (part, taken) in enumerate(zip(parts, divided, strict=True)):
        aliases = [alias for alias in (*old.aliases, old.name) if alias in taken]
        members = {tag: chunks for tag, chunks in old.members.items() if tag in taken}
        if number == kept:
            if all(old.name not in others for others in divided):
                aliases.append(old.name)
            same = replace(old, name=part.name, aliases=unlike(aliases, [part.name]), members=members)
            concepts.append(replace(same, description=part.description or old.description))
            ids.append(old.id)
            continue
        words = part.description or _description(old.facet, part.name, members)
        new = Concept(new_id, old.facet, part.name, words, aliases=unlike(aliases, [part.name]), members=members)
        concepts.append(replace(new, taxonomy=old.taxonomy, confidence=old.confidence))
        ids.append(new_id)
        made.append(new_id)
        new_id += 1
    if kept is None:
        concepts.append(replace(old, status="retired", replaced_by=None))
    into = " and ".join(f"{id_} ({part.name!r})" for id_, part in zip(ids, parts, strict=True))
    what = f"split {named(old)} into {into}"
    touched = tuple(dict.fromkeys((old.id, *ids)))
    return Edit(put(library, *concepts), "split", what, touched, tuple(made), {old.id: tuple(ids)})


def _divided(old: Concept, parts: Sequence[Part]) -> list[set[str]]:
    """Which of the old concept's names each part takes, as the old concept spells them."""
    spelt: dict[str, list[str]] = {}
    for name in old.names():
        spelt.setdefault(normal_form(name), []).append(name)
    owner: dict[str, int] = {}
    for number, part in enumerate(parts):
        for tag in part.takes:
            form = normal_form(tag)
            if tag == REST:
                continue
            if form not in spelt:
                raise AtlasError(f"{tag!r} is no alias or member tag of {named(old)}; it has {_some(old, spelt)}")
            if owner.setdefault(form, number) != number:
                raise AtlasError(f"{tag!r} is in two parts ({parts[owner[form]].name!r}, {part.name!r}); choose")
    rest = [number for number, part in enumerate(parts) if REST in part.takes]
    if len(rest) > 1:
        raise AtlasError("'*' is in two parts; what is left can go to one part alone")
    left = [form for form in spelt if form not in owner and form != normal_form(old.name)]
    if left and not rest:
        names = ", ".join(spelt[form][0] for form in left[:8])
        raise AtlasError(f"no part takes {names}{' …' if len(left) > 8 else ''}; add them to a part, or '*' to one")
    for form in left:
        owner[form] = rest[0]
    # The old name as a tag: with the first part that means it, were it among the members.
    name = normal_form(old.name)
    if name not in owner and any(normal_form(tag) == name for tag in (*old.aliases, *old.members)):
        if not rest:
            raise AtlasError(f"no part takes {old.name!r}, which is a tag too; add it to a part, or '*' to one")
        owner[name] = rest[0]
    taken: list[set[str]] = [set() for _ in parts]
    for form, number in owner.items():
        taken[number].update(spelt[form])
    empty = [part.name for part, names in zip(parts, taken, strict=True) if not names]
    if empty:
        raise AtlasError(f"nothing is left for the part {empty[0]!r}; a part needs at least one tag or alias")
    return taken


def _some(old: Concept, spelt: Mapping[str, list[str]]) -> str:
    names = [name for form, (name, *_) in spelt.items() if form != normal_form(old.name)]
    return (", ".join(names[:12]) + (" …" if len(names) > 12 else "")) or "none, so it can't be split: add new concepts"


def _description(facet: str, name: str, members: Mapping[str, int]) -> str:
    tags = sorted(members, key=lambda tag: (-members[tag], tag))
    also = [tag for tag in tags if normal_form(tag) != normal_form(name)][:DESCRIBED]
    covers = f", including {' and '.join([', '.join(also[:-1]), also[-1]] if also[1:] else also)}" if also else ""
    spelt = next((tag for tag in tags if normal_form(tag) == normal_form(name)), name)  # as within a sentence
    return f"{_OPENINGS[facet].format(spelt)}{covers}."
