"""Rules on descriptions."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from atlas.library.concept import Concept, Library

OVERLAP = 0.8  # share of words in common from which two descriptions say one thing
LEAST_WORDS = 6  # shorter descriptions overlap by chance
_WORD = re.compile(r"\w+")


def empty(library: Library) -> Iterator[tuple[int, str]]:
    """No description."""
    for concept in library.active:
        if not concept.description.strip():
            yield concept.id, "has no description; write one sentence"


def same(library: Library) -> Iterator[tuple[int, str]]:
    """Descriptions in the same words."""
    described: dict[str, Concept] = {}
    for concept in library.active:
        text = _plain(concept)
        first = described.setdefault(text, concept) if text else concept
        if first.id != concept.id:
            yield concept.id, f"is described in the words of {first.id} ({first.name!r}); say what is different"


def overlapping(library: Library) -> Iterator[tuple[int, str]]:
    """Descriptions of one facet that share four words of five, without those of the concepts' own names.

    Only descriptions that share one of their rarest words are compared: for two sets to have a Jaccard similarity of
    0.8, they must (prefix filter of AllPairs, Bayardo et al., WWW 2007).
    """
    words = {c.id: set(_WORD.findall(c.description.casefold())) for c in library.active}
    seen = Counter(word for found in words.values() for word in found)
    index: dict[tuple[str, str], list[Concept]] = defaultdict(list)
    for concept in library.active:
        ours = words[concept.id]
        if len(ours) < LEAST_WORDS:
            continue
        rare = sorted(ours, key=lambda word: (seen[word], word))[: len(ours) - int(OVERLAP * len(ours)) + 1]
        near: Concept | None = None
        for other in {other.id: other for word in rare for other in index[concept.facet, word]}.values():
            shared = len(ours & words[other.id])
            if shared >= OVERLAP * (len(ours) + len(words[other.id]) - shared) and _plain(concept) != _plain(other):
                near = other if near is None or other.id < near.id else near
        for word in rare:
            index[concept.facet, word].append(concept)
        if near is not None and not _template(concept, near):
            yield concept.id, f"is described almost as {near.id} ({near.name!r}) is; say what is different"


def _template(one: Concept, other: Concept) -> bool:
    """Whether two descriptions differ by just the concepts' names: one pattern, filled twice, is no overlap."""
    own = [set(_WORD.findall(f"{c.name} {' '.join(c.aliases)}".casefold())) for c in (one, other)]
    first, second = (set(_WORD.findall(c.description.casefold())) for c in (one, other))
    return bool(first - second) and bool(second - first) and first - second <= own[0] and second - first <= own[1]


def _plain(concept: Concept) -> str:
    return " ".join(concept.description.split()).casefold()
