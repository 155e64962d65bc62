"""Build a concept library from tags, or bring one up to date with more tags."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log10

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.canonical.config import CanonicalizeConfig
from atlas.canonical.describe import concept_name, described, stems, told_apart
from atlas.canonical.forms import Form, collect
from atlas.canonical.grow import BY_NAME, Corpus, Embed, Grown, grown
from atlas.canonical.lexicon import ALONE, lexicon
from atlas.canonical.neighbours import nearest_one
from atlas.canonical.strings import word_lists
from atlas.canonical.usage import Usage, usage
from atlas.library.concept import Concept, Counts, Library
from atlas.library.names import normal_form
from atlas.tables import FACETS

BLOCK = 262_144  # rare forms at a time, which bounds the memory


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of the tags, step by step.

    ``rare`` forms were too rare to be compared with all others; ``universal`` topics are on so many chunks that they
    say nothing of any one (their names are in ``attributes``); ``incoherent`` clusters mean too many things.
    """

    tags: int = 0
    forms: int = 0
    rare: int = 0
    linked: int = 0
    clustered: int = 0
    dropped: int = 0
    min_chunks: int = 0
    joined_by_use: int = 0
    universal: int = 0
    incoherent: int = 0
    concepts: int = 0
    new_concepts: int = 0
    attributes: tuple[str, ...] = ()


def build(
    tags: pa.Table,
    base: Library,
    config: CanonicalizeConfig,
    embed: Embed,
    quick: Embed | None = None,
    first_id: int | None = None,
    lender: Library | None = None,
) -> tuple[Library, Funnel]:
    """The library that the tags ask for.

    Concepts of ``base`` keep id, facet, name and status; forms that mean one of them become its members. The
    rest is clustered, and each cluster on enough chunks becomes a new concept with the next free id. Retired
    concepts stay as they are.

    Args:
        tags: schema TAGS.
        embed: sentence vectors, float32 [n, d], L2-normalised.
        quick: vectors of another kind that cost little, for forms beyond the ``compared`` most frequent; ``embed`` if
            there are none.
        first_id: id of the first new concept; one above the highest of ``base`` if not given.
        lender: a new concept that has the name of one of these takes its words, and its id where nobody has that.
    """
    forms = collect(tags)
    written = usage(tags)
    corpus = Corpus(_numbered(tags), config.min_chunks or max(2, round(log10(max(1, tags.num_rows)))))
    retired = _retired(base)
    closed = {concept.facet for concept in base.active} & set(config.closed)
    concepts = {concept.id: concept for concept in base.concepts}
    used = {(c.facet, normal_form(name)) for c in base.concepts for name in (c.name, *c.aliases)}
    members: dict[int, list[Form]] = defaultdict(list)
    results: list[Grown] = []
    made: set[int] = set()
    start = next_id = base.next_id if first_id is None else first_id
    linked = clustered = rare = 0
    for facet in FACETS:
        mine = [form for form in forms if form.facet == facet and retired.get((facet, form.form), 0) is not None]
        known = [concept for concept in base.active if concept.facet == facet]
        names = _names(known, facet, retired, base)
        result = grown(mine[: config.compared], names, facet, facet in closed, corpus, config, embed)
        ids = [concept.id for concept in known]
        for cluster in result.new:
            concept = Concept(next_id, facet, _free_name(cluster, facet, used, written), "")
            concept = _lent(concept, cluster, lender, concepts) if lender else concept
            next_id += concept.id == next_id
            used.add((facet, normal_form(concept.name)))
            concepts[concept.id] = concept
            made.add(concept.id)
            ids.append(concept.id)
        tail = mine[config.compared :]
        rare += len(tail)
        owner = {result.names[row]: ids[number] for row, number in result.owner.items()}
        owner |= _rare(tail, owner, facet, config.rare, quick or embed)
        for form in mine:
            if form.form in owner:
                members[owner[form.form]].append(form)
                is_new = owner[form.form] in made
                linked, clustered = linked + (not is_new), clustered + is_new
        results.append(result)
    in_order = [concepts[id_] for id_ in sorted(concepts)]
    library = Library(told_apart(described(in_order, members, tags, written, config.examples), start))
    return library, Funnel(
        tags=sum(form.tags for form in forms),
        forms=len(forms),
        rare=rare,
        linked=linked,
        clustered=clustered,
        dropped=len(forms) - linked - clustered,
        min_chunks=corpus.min_chunks,
        joined_by_use=sum(result.joined_by_use for result in results),
        universal=sum(len(result.universal) for result in results),
        incoherent=sum(result.incoherent for result in results),
        concepts=len(library.active),
        new_concepts=len(made),
        attributes=tuple(concept_name(cluster, written) for result in results for cluster in result.universal),
    )


def _numbered(tags: pa.Table) -> np.ndarray:
    """A number for the document of each row, int32 [rows]."""
    column = pc.dictionary_encode(tags.column("doc_id")).combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # what a table without rows gives
        return np.zeros(0, np.int32)
    return column.indices.to_numpy(zero_copy_only=False)


def _names(
    known: Sequence[Concept], facet: str, retired: Mapping[tuple[str, str], int | None], base: Library
) -> list[list[str]]:
    """Normal forms that mean each of the concepts: its names, aliases and members, and what was merged into it."""
    merged: dict[int, list[str]] = defaultdict(list)
    for (its_facet, form), heir in retired.items():
        if its_facet == facet and heir is not None:
            merged[heir].append(form)
    return [
        [
            *(form for form in map(normal_form, concept.names()) if base.link(facet, form) == concept.id),
            *merged[concept.id],
        ]
        for concept in known
    ]


def _retired(base: Library) -> dict[tuple[str, str], int | None]:
    """For each (facet, form) of a retired concept: the active concept that it was merged into, or None.

    What a curator retired must not come back as a new concept.
    """
    found: dict[tuple[str, str], int | None] = {}
    for concept in base.concepts:
        if concept.active:
            continue
        seen, heir = {concept.id}, concept.replaced_by
        while heir is not None and heir not in seen and not base.by_id[heir].active:
            seen.add(heir)
            heir = base.by_id[heir].replaced_by
        for name in concept.names():
            key = (concept.facet, normal_form(name))
            if base.link(concept.facet, name) is None and found.get(key) is None:
                found[key] = None if heir in seen else heir
    return found


def _rare(tail: Sequence[Form], owner: Mapping[str, int], facet: str, least: float, embed: Embed) -> dict[str, int]:
    """Concepts of the forms that were too rare to be compared: by spelling, else that of a name that is very near."""
    free = [form.form for form in tail if form.form not in owner]
    if not free or not owner or facet not in BY_NAME:
        return {}
    names = list(owner)
    known = embed(names)
    found: dict[str, int] = {}
    for start in range(0, len(free), BLOCK):
        block = free[start : start + BLOCK]
        positions, cosines = nearest_one(embed(block), known)
        near = zip(block, positions.tolist(), cosines.tolist(), strict=True)
        found |= {form: owner[names[position]] for form, position, cosine in near if cosine >= least}
    return found


def _lent(concept: Concept, cluster: Sequence[Form], lender: Library, taken: Container[int]) -> Concept:
    """A new concept in the lender's words, where an active one there has its name; with its id where that is free.

    The name, or a member of the same stems (*psychology* for what is *psychological* mostly) or that the lexicon holds
    for the same (*mathematics* for *math*). By names alone, as an alias may be a word of several senses, of which the
    lender's corpus had one; and without its aliases, as each may be a concept of its own here.
    """
    own = normal_form(concept.name)
    same = {letters for letters, how in lexicon().variants(word_lists([own])[0]) if how == ALONE}
    alike = [
        form.form for form in cluster if stems(form.form) == stems(own) or "".join(word_lists([form.form])[0]) in same
    ]
    for name in (own, *alike):
        known = lender.by_id.get(lender.link(concept.facet, name) or 0)
        if known is not None and normal_form(known.name) == name:
            own_id = concept.id if known.id in taken else known.id
            return replace(known, id=own_id, aliases=(), members={}, examples=(), counts=Counts())
    return concept


def _free_name(cluster: Sequence[Form], facet: str, used: set[tuple[str, str]], written: Usage) -> str:
    """The cluster's name; its next member's where another concept of the facet has that name already."""
    names = [concept_name(cluster[start:], written) for start in range(len(cluster))]
    return next((name for name in names if (facet, normal_form(name)) not in used), names[0])
