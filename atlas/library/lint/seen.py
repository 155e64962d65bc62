"""Rules on how often concepts were seen."""

from collections.abc import Iterator

from atlas.library.concept import Library

UNIVERSAL_SHARE = 0.5  # a concept on more chunks than this says little about any of them


def universal(library: Library) -> Iterator[tuple[int, str]]:
    """Content on most chunks. How many chunks there are is told by the forms, of which each chunk has about one."""
    forms = sum(c.counts.chunks for c in library.active if c.facet == "form")
    if not forms:
        return
    total = max(forms, *(concept.counts.chunks for concept in library.active))
    for concept in library.active:
        if concept.facet == "content" and concept.counts.chunks > UNIVERSAL_SHARE * total:
            yield concept.id, f"is on {concept.counts.chunks} of about {total} chunks"


def dead(library: Library) -> Iterator[tuple[int, str]]:
    """Active concepts that no chunk had, in a library that was built. What people locked is theirs to judge."""
    if not any(concept.counts.chunks for concept in library.active):
        return
    for concept in library.active:
        if not concept.counts.chunks and not concept.locked:
            yield concept.id, "was on no chunk when the library was last built; give it aliases, retire it, or lock it"
