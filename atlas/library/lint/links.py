"""Rules on replaced_by."""

from collections.abc import Iterator

from atlas.library.concept import Library


def active(library: Library) -> Iterator[tuple[int, str]]:
    """replaced_by on an active concept."""
    for concept in library.active:
        if concept.replaced_by is not None:
            yield concept.id, "is active but has replaced_by; retire it"


def dangling(library: Library) -> Iterator[tuple[int, str]]:
    """replaced_by with an id that no concept has."""
    for concept in library.concepts:
        if concept.replaced_by is not None and concept.replaced_by not in library.by_id:
            yield concept.id, f"replaced_by names id {concept.replaced_by}, which no concept has"


def cycles(library: Library) -> Iterator[tuple[int, str]]:
    """replaced_by that leads in a circle."""
    for concept in library.concepts:
        seen = {concept.id}
        following = concept.replaced_by
        while following is not None:
            if following in seen:
                yield concept.id, "replaced_by leads in a circle; break it"
                break
            seen.add(following)
            following = library.by_id[following].replaced_by if following in library.by_id else None


def chains(library: Library) -> Iterator[tuple[int, str]]:
    """replaced_by that names a concept which is itself retired."""
    for concept in library.concepts:
        heir = library.by_id.get(concept.replaced_by or 0)
        if heir is None or heir.active:
            continue
        seen = {concept.id}
        last = heir
        while last.replaced_by in library.by_id and last.id not in seen:
            seen.add(last.id)
            last = library.by_id[last.replaced_by]
        if last.id in seen:
            continue  # a circle has its own rule
        named = f"{last.id} ({last.name!r})"
        if last.active:
            yield concept.id, f"replaced_by names {heir.id}, which is retired; write where it leads: {named}"
        else:
            yield concept.id, f"replaced_by leads to {named}, which is retired; name an active concept, or none"


def facets(library: Library) -> Iterator[tuple[int, str]]:
    """replaced_by that names a concept of another facet."""
    for concept in library.concepts:
        heir = library.by_id.get(concept.replaced_by or 0)
        if heir is not None and heir.facet != concept.facet:
            yield concept.id, f"is of facet {concept.facet}, but its heir {heir.id} ({heir.name!r}) of {heir.facet}"
