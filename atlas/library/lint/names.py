"""Rules on names, aliases and member tags."""

import re
from collections.abc import Iterator

from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff\x00-\x08\x0e-\x1f\x7f-\x9f]")
_WRAPPED = re.compile(r"""^["'“‘«`(\[].*["'”’»`)\]]$|[,;:]$|^[,;:.\-–—*•#]\s""")


def twins(library: Library) -> Iterator[tuple[int, str]]:
    """Names and aliases of one facet that differ by case, number, hyphen or British spelling alone."""
    owner: dict[tuple[str, str], Concept] = {}
    for concept in library.active:
        for name in (concept.name, *concept.aliases):
            form = (concept.facet, normal_form(name))
            first = owner.setdefault(form, concept) if form[1] else concept
            if first.id != concept.id:
                message = f"{name!r} is also a name of {first.id} ({first.name!r}); merge the two, or rename one"
                yield concept.id, message


def members(library: Library) -> Iterator[tuple[int, str]]:
    """Tags that are listed as members of two concepts of a facet: the build can put them in one only."""
    owner: dict[tuple[str, str], Concept] = {}
    for concept in library.active:
        for tag in concept.members:
            first = owner.setdefault((concept.facet, normal_form(tag)), concept)
            if first.id != concept.id:
                message = f"member {tag!r} is also one of {first.id} ({first.name!r}); take it out of one of the two"
                yield concept.id, message


def untidy(library: Library) -> Iterator[tuple[int, str]]:
    """Stray spaces in a name."""
    for concept in library.active:
        if concept.name != (tidy := " ".join(concept.name.split())):
            yield concept.id, f"{concept.name!r} has stray spaces; write {tidy!r}"


def odd(library: Library) -> Iterator[tuple[int, str]]:
    """Marks that a name was not meant to have: quotes around it, a comma at its end, characters that nobody sees."""
    for concept in library.active:
        for name in (concept.name, *concept.aliases):
            if _INVISIBLE.search(name):
                yield concept.id, f"{name!r} has invisible characters; type it anew"
            elif _WRAPPED.search(name.strip()):
                yield concept.id, f"{name!r} has marks around it that belong to no name; take them out"
            elif not normal_form(name):
                yield concept.id, f"{name!r} has no letter or digit; write a name that people can say"
