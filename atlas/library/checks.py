"""What every edit of a library minds: tidy names, names that are taken, retired concepts, facets."""

from collections.abc import Iterable
from dataclasses import replace

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form


def put(library: Library, *concepts: Concept) -> Library:
    """The library with some concepts put in place of those with their ids, or added."""
    by_id = library.by_id | {concept.id: concept for concept in concepts}
    return replace(library, concepts=tuple(by_id[id_] for id_ in sorted(by_id)))


def unlike(names: Iterable[str], taken: Iterable[str]) -> tuple[str, ...]:
    """Names in their order, without any that is the same name as an earlier one or one that is taken."""
    seen = {normal_form(name) for name in taken}
    kept = []
    for name in names:
        if (form := normal_form(name)) not in seen:
            seen.add(form)
            kept.append(name)
    return tuple(kept)


def tidy(name: str) -> str:
    """A name without stray spaces."""
    plain = " ".join(name.split())
    if not normal_form(plain):
        raise AtlasError(f"{name!r} is no name; give one with letters or digits in it")
    return plain


def refuse_taken(library: Library, facet: str, name: str, but: int | None = None) -> None:
    """A name or alias of another concept of the facet, retired ones too: a name, like an id, keeps its meaning."""
    form = normal_form(name)
    for concept in sorted(library.concepts, key=lambda c: not c.active):
        if concept.facet != facet or concept.id == but:
            continue
        if concept.active and form in map(normal_form, (concept.name, *concept.aliases)):
            raise AtlasError(f"{name!r} is a name of {named(concept)}; merge the two, or choose another name")
        if not concept.active and form == normal_form(concept.name) and (but is None or concept.replaced_by != but):
            raise AtlasError(
                f"{name!r} is the name of the retired concept {concept.id}; choose another name, or bring that one "
                "back: take status and replaced_by out of its entry in the YAML"
            )


def refuse_retired(concepts: Iterable[Concept]) -> None:
    for concept in concepts:
        if not concept.active:
            heir = "" if concept.replaced_by is None else f", replaced by {concept.replaced_by}"
            raise AtlasError(f"{named(concept)} is retired{heir}; only active concepts can be edited")


def refuse_other_facet(one: Concept, heir: Concept) -> None:
    if one.facet != heir.facet:
        raise AtlasError(
            f"{named(one)} is of facet {one.facet}, but {named(heir)} of {heir.facet}; "
            "concepts of different facets say different things: retire one without a heir"
        )


def named(concept: Concept) -> str:
    return f"{concept.id} ({concept.name!r})"
