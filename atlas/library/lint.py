"""What is wrong, or looks wrong, with a library that loads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form

UNIVERSAL_SHARE = 0.5  # a concept on more chunks than this says little about any of them


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: its rule's name, how bad it is, which concept, and what to do."""

    rule: str
    severity: Literal["error", "warning"]
    concept_id: int
    message: str


def lint(library: Library) -> list[Finding]:
    """All findings, in concept order."""
    findings = [*_twins(library), *_replacements(library), *_texts(library), *_universal(library)]
    return sorted(findings, key=lambda finding: (finding.concept_id, finding.rule))


def _twins(library: Library) -> Iterator[Finding]:
    """Names and aliases of one facet that differ by case, number or hyphen alone."""
    owner: dict[tuple[str, str], Concept] = {}
    for concept in library.active:
        for name in (concept.name, *concept.aliases):
            form = (concept.facet, normal_form(name))
            first = owner.setdefault(form, concept) if form[1] else concept
            if first.id != concept.id:
                yield Finding(
                    "twin",
                    "error",
                    concept.id,
                    f"{name!r} is also a name of {first.id} ({first.name!r}); merge the two, or rename one",
                )


def _replacements(library: Library) -> Iterator[Finding]:
    for concept in library.concepts:
        if concept.active and concept.replaced_by is not None:
            yield Finding("replaced-active", "error", concept.id, "is active but has replaced_by; retire it")
        seen = {concept.id}
        following = concept.replaced_by
        while following is not None:
            if following in seen:
                yield Finding("cycle", "error", concept.id, "replaced_by leads in a circle; break it")
                break
            seen.add(following)
            following = library.by_id[following].replaced_by


def _texts(library: Library) -> Iterator[Finding]:
    described: dict[str, Concept] = {}
    for concept in library.active:
        if concept.name != " ".join(concept.name.split()):
            yield Finding("untidy-name", "error", concept.id, f"{concept.name!r} has stray spaces")
        text = " ".join(concept.description.split()).casefold()
        if not text:
            yield Finding("empty-description", "error", concept.id, "has no description; write one sentence")
            continue
        first = described.setdefault(text, concept)
        if first.id != concept.id:
            yield Finding(
                "same-description", "warning", concept.id, f"is described in the words of {first.id} ({first.name!r})"
            )


def _universal(library: Library) -> Iterator[Finding]:
    """Content on most chunks. How many chunks there are is told by the forms, of which each chunk has about one."""
    forms = sum(c.counts.chunks for c in library.active if c.facet == "form")
    if not forms:
        return
    total = max(forms, *(concept.counts.chunks for concept in library.active))
    for concept in library.active:
        if concept.facet == "content" and concept.counts.chunks > UNIVERSAL_SHARE * total:
            yield Finding(
                "near-universal", "warning", concept.id, f"is on {concept.counts.chunks} of about {total} chunks"
            )
