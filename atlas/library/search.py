"""Find concepts by id, by words, by meaning and by likeness."""

import difflib
from collections.abc import Callable, Sequence

import numpy as np

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form

SUGGESTED = 3
Embed = Callable[[Sequence[str]], np.ndarray]


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


def by_meaning(
    library: Library, words: str, embed: Embed, most: int, embed_library: Embed | None = None
) -> list[Concept]:
    """The concepts whose name and description are nearest to the words, nearest first.

    ``embed_library``, where given, reads the library: the same model, which may remember.
    """
    concepts = library.active
    if not concepts:
        return []
    vectors = (embed_library or embed)([f"{c.name}. {c.description}" for c in concepts])
    similarity = vectors @ embed([words])[0]
    return [concepts[int(i)] for i in np.argsort(-similarity, kind="stable")[:most]]


def called(library: Library, asked: str) -> list[Concept]:
    """Concepts with this id, else with this name, else with this alias; active ones before retired ones."""
    text = asked.strip()
    if text.isascii() and text.isdigit():
        return [library.by_id[int(text)]] if int(text) in library.by_id else []
    wanted = normal_form(text)
    order = sorted(library.concepts, key=lambda c: (not c.active, c.id))
    named = [c for c in order if normal_form(c.name) == wanted]
    return named or [c for c in order if any(normal_form(alias) == wanted for alias in c.aliases)]


def the(library: Library, asked: str) -> Concept:
    """The one concept that an id, name or alias means; an active one goes before retired ones.

    Raises:
        AtlasError: none, or more than one, is called so; names what is near.
    """
    found = called(library, asked)
    active = [concept for concept in found if concept.active]
    if len(active) == 1:
        return active[0]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(f"{c.id} ({c.facet}{'' if c.active else ', retired'})" for c in found)
        raise AtlasError(f"{asked!r} is the name of {several}; give the id")
    raise AtlasError(unknown(library, asked))


def unknown(library: Library, asked: str) -> str:
    """What to say of a name or id that no concept has."""
    near = ", ".join(f"{c.id} ({c.name!r})" for c in alike(library, asked))
    advice = f"did you mean {near}? " if near else ""
    return f"{asked!r}: no concept has this id, name or alias; {advice}`atlas library search` finds more"


def alike(library: Library, asked: str, most: int = SUGGESTED) -> list[Concept]:
    """Concepts with a name or alias that is spelt much like this, or holds its words; nearest first."""
    wanted = normal_form(asked)
    forms: dict[str, Concept] = {}
    for concept in library.active:
        for name in (concept.name, *concept.aliases):
            forms.setdefault(normal_form(name), concept)
    close = difflib.get_close_matches(wanted, forms, n=most, cutoff=0.75)
    found = {forms[form].id: forms[form] for form in close}
    found |= {concept.id: concept for concept in by_words(library, asked)[:most] if concept.id not in found}
    return list(found.values())[:most]


def neighbours(library: Library, concept: Concept, most: int) -> list[Concept]:
    """Active concepts of the same facet that share the most distinctive words with this one's names, most first.

    A word counts for one over the number of concepts that have it, so that common words count for little.
    """
    holders: dict[str, set[int]] = {}
    for other in library.active:
        if other.facet == concept.facet:
            for word in _words(other):
                holders.setdefault(word, set()).add(other.id)
    shared: dict[int, float] = {}
    for word in _words(concept):
        ids = holders.get(word, set())
        for id_ in ids - {concept.id}:
            shared[id_] = shared.get(id_, 0.0) + 1 / len(ids)
    best = sorted(shared, key=lambda id_: (-shared[id_], id_))[:most]
    return [library.by_id[id_] for id_ in best]


def _words(concept: Concept) -> set[str]:
    return {word for name in concept.names() for word in normal_form(name).split() if len(word) > 2}
