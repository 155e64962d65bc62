"""A library in numbers, and a sample of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

import numpy as np

from atlas.library.concept import Concept, Library
from atlas.tables import FACETS

UNPLACED = "(none)"


@dataclass(frozen=True, slots=True)
class FacetNumbers:
    """One facet: active concepts, how many of them were seen, member tags, median members, and the biggest."""

    facet: str
    concepts: int
    seen: int
    members: int
    median_members: float
    biggest: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """``dead`` are active concepts on no chunk; ``areas`` first steps of the taxonomy → concepts, most first.

    ``placed_by_people`` and ``placed_by_model`` are topics with a taxonomy; ``mean_confidence`` of the latter is the
    share of them that is likely to be right.
    """

    facets: tuple[FacetNumbers, ...]
    areas: tuple[tuple[str, int], ...]
    placed_by_people: int
    placed_by_model: int
    mean_confidence: float | None
    active: int
    retired: int
    dead: int
    biggest: tuple[tuple[int, str, int], ...]


def numbers(library: Library, chunks: Mapping[int, int] | None = None, most: int = 5) -> Numbers:
    """Count a library.

    Args:
        chunks: chunks of each id, such as of an annotated run; else those of the last build.
        most: how many of the biggest concepts to name.
    """
    seen = chunks if chunks is not None else {c.id: c.counts.chunks for c in library.concepts}

    def by_size(concepts: Sequence[Concept]) -> list[Concept]:
        return sorted(concepts, key=lambda concept: (-seen.get(concept.id, 0), concept.id))

    facets = []
    for facet in FACETS:
        ours = by_size([concept for concept in library.active if concept.facet == facet])
        if ours:
            members = [len(concept.members) for concept in ours]
            used = sum(seen.get(concept.id, 0) > 0 for concept in ours)
            facets.append(FacetNumbers(facet, len(ours), used, sum(members), median(members), ours[0].name))
    areas = Counter(
        concept.taxonomy.split("/", 1)[0].strip() if concept.taxonomy else UNPLACED
        for concept in library.active
        if concept.facet == "content"
    )
    topics = [concept for concept in library.active if concept.facet == "content" and concept.taxonomy]
    guesses = [concept.confidence for concept in topics if concept.confidence is not None]
    biggest = [c for c in by_size(library.active)[:most] if seen.get(c.id, 0)]
    return Numbers(
        tuple(sorted(facets, key=lambda found: -found.concepts)),
        tuple(areas.most_common()),
        len(topics) - len(guesses),
        len(guesses),
        mean(guesses) if guesses else None,
        len(library.active),
        len(library.concepts) - len(library.active),
        sum(not seen.get(concept.id, 0) for concept in library.active),
        tuple((concept.id, concept.name, seen[concept.id]) for concept in biggest),
    )


def sample(concepts: Sequence[Concept], number: int, seed: int | None = None) -> list[Concept]:
    """So many of the concepts, in id order: spread evenly, or drawn by a seed."""
    number = min(number, len(concepts))
    if seed is None:
        places = [position * len(concepts) // number for position in range(number)]
    else:
        places = sorted(np.random.default_rng(seed).permutation(len(concepts))[:number].tolist())
    return [concepts[place] for place in places]
