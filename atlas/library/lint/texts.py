"""Rules on descriptions."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from atlas.library.concept import Concept, Library

OVERLAP = 0.8  # share of words in common from which two descriptions say one thing
LEAST_WORDS = 6  # shorter descriptions overlap by chance
BLOCK = 2048  # descriptions at a time, which bounds the memory
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
    listed = [set(_WORD.findall(concept.description.casefold())) for concept in library.active]
    seen = Counter(word for words in listed for word in words)
    rank = {word: place for place, word in enumerate(sorted(seen, key=lambda word: (seen[word], word)))}
    compared = [(c, words) for c, words in zip(library.active, listed, strict=True) if len(words) >= LEAST_WORDS]
    concepts = [concept for concept, _ in compared]
    near: dict[int, Concept] = {}
    for first, last in _alike([(c.facet, sorted(rank[word] for word in words)) for c, words in compared]):
        one, known = concepts[first], near.get(last)
        if (known is None or one.id < known.id) and _plain(one) != _plain(concepts[last]):
            near[last] = one
    for place in sorted(near):
        concept, other = concepts[place], near[place]
        if not _template(concept, other):
            yield concept.id, f"is described almost as {other.id} ({other.name!r}) is; say what is different"


def _alike(described: Sequence[tuple[str, list[int]]]) -> Iterator[tuple[int, int]]:
    """Places (i, j), i < j, of sets of one facet with a Jaccard similarity of ``OVERLAP`` or more; sets are ascending,
    rarest words first."""
    from scipy import sparse

    def held(sets: Sequence[Sequence[int]], width: int) -> sparse.csr_matrix:
        ends, words = np.cumsum([0, *map(len, sets)]), np.fromiter(chain.from_iterable(sets), np.int64)
        return sparse.csr_matrix((np.ones(len(words), np.int32), words, ends), (len(sets), width))

    if not described:
        return
    facets = {facet: place for place, facet in enumerate(dict.fromkeys(facet for facet, _ in described))}
    width = 1 + max(words[-1] for _, words in described)
    rare = [
        [facets[facet] * width + word for word in words[: len(words) - int(OVERLAP * len(words)) + 1]]
        for facet, words in described
    ]
    sets, prefixes = held([words for _, words in described], width), held(rare, width * len(facets))
    size = np.diff(sets.indptr)
    for start in range(0, len(described), BLOCK):
        near = sparse.triu(prefixes[start : start + BLOCK] @ prefixes.T, start + 1, "coo")
        first, last = near.row + start, near.col
        likely = np.minimum(size[first], size[last]) >= OVERLAP * np.maximum(size[first], size[last])
        first, last = first[likely], last[likely]
        shared = sets[first].multiply(sets[last]).sum(axis=1).A1
        alike = shared >= OVERLAP * (size[first] + size[last] - shared)
        yield from zip(first[alike].tolist(), last[alike].tolist(), strict=True)


def _template(one: Concept, other: Concept) -> bool:
    """Whether two descriptions differ by just the concepts' names: one pattern, filled twice, is no overlap."""
    own = [set(_WORD.findall(f"{c.name} {' '.join(c.aliases)}".casefold())) for c in (one, other)]
    first, second = (set(_WORD.findall(c.description.casefold())) for c in (one, other))
    return bool(first - second) and bool(second - first) and first - second <= own[0] and second - first <= own[1]


def _plain(concept: Concept) -> str:
    return " ".join(concept.description.split()).casefold()
