"""Find concepts by words and by meaning."""

from collections.abc import Callable, Sequence

import numpy as np

from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form


def by_words(library: Library, words: str) -> list[Concept]:
    """Concepts one of whose names holds the words: whole names first, then the frequent ones."""
    wanted = normal_form(words)
    if not wanted:
        return []
    found = []
    for concept in library.active:
        forms = [normal_form(name) for name in concept.names()]
        if any(wanted in form for form in forms):
            found.append((wanted != forms[0], wanted not in forms, -concept.counts.chunks, concept.id, concept))
    return [hit[-1] for hit in sorted(found, key=lambda hit: hit[:-1])]


def by_meaning(library: Library, words: str, embed: Callable[[Sequence[str]], np.ndarray], most: int) -> list[Concept]:
    """The concepts whose name and description are nearest to the words, nearest first."""
    concepts = library.active
    if not concepts:
        return []
    vectors = embed([f"{c.name}. {c.description}" for c in concepts])
    similarity = vectors @ embed([words])[0]
    return [concepts[int(i)] for i in np.argsort(-similarity, kind="stable")[:most]]
