"""Find the concepts that some words may mean, as a curator asks for them."""

from itertools import chain, zip_longest

from atlas.canonical.link import Embed, rank
from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form
from atlas.library.search import by_meaning, by_words

OTHER_NAMES = 3  # of a concept, beside its name, that are ranked; whole names are found among all


def by_name(library: Library, words: str, embed: Embed, quick: Embed, most: int) -> list[Concept]:
    """The concepts one of whose first names the words most likely mean, likeliest first (``atlas.canonical.link``)."""
    owner: dict[str, Concept] = {}
    for concept in sorted(library.active, key=lambda concept: (-concept.counts.chunks, concept.id)):
        for form in list(dict.fromkeys(filter(None, map(normal_form, concept.names()))))[: 1 + OTHER_NAMES]:
            owner.setdefault(form, concept)
    if not owner or not normal_form(words):
        return []
    names = list(owner)
    counts = [concept.counts.chunks for concept in owner.values()]
    rows = rank([words], names, embed, quick, counts, most * (1 + OTHER_NAMES)).rows[0]
    return list({owner[names[row]].id: owner[names[row]] for row in rows if row >= 0}.values())[:most]


def search(
    library: Library, words: str, embed: Embed, quick: Embed, most: int, embed_library: Embed | None = None
) -> list[Concept]:
    """Concepts that are called so; then, by turns, those of the likeliest names and of the nearest descriptions.

    ``embed_library`` as for ``by_meaning``.
    """
    wanted = normal_form(words)
    called = [c for c in by_words(library, words) if wanted in map(normal_form, c.names())]
    described = by_meaning(library, words, embed, most, embed_library)
    ranked = by_name(library, words, embed, quick, most), described
    turns = chain(called, *zip_longest(*ranked))
    return list({concept.id: concept for concept in turns if concept is not None}.values())[:most]
