"""Build a concept library from tags, or bring one up to date with more tags."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log10

import numpy as np
import pyarrow as pa

from atlas.canonical.cluster import centroid_linkage, nearest, neighbour_graph
from atlas.canonical.config import CanonicalizeConfig
from atlas.canonical.describe import concept_name, description, question, quotes
from atlas.canonical.forms import Form, collect, support
from atlas.library.concept import Concept, Counts, Library
from atlas.library.names import normal_form
from atlas.tables import FACETS

Embed = Callable[[Sequence[str]], np.ndarray]

DESCRIBED_MEMBERS = 3
BESIDE_LIFT = 2.0  # a neighbour worth naming is on the concept's chunks this many times as often as elsewhere


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of the tags, step by step."""

    tags: int
    forms: int
    linked: int
    clustered: int
    dropped_rare: int
    min_chunks: int
    concepts: int
    new_concepts: int


def build(tags: pa.Table, base: Library, config: CanonicalizeConfig, embed: Embed) -> tuple[Library, Funnel]:
    """The library that the tags ask for.

    Concepts of ``base`` keep id, facet, name and status; forms that mean one of them become its members. The
    rest is clustered, and each cluster on enough chunks becomes a new concept with the next free id. Retired
    concepts stay as they are.

    Args:
        tags: schema TAGS.
        embed: sentence vectors, float32 [n, d], L2-normalised.
    """
    forms = collect(tags)
    min_chunks = config.min_chunks or max(2, round(log10(max(1, tags.num_rows))))
    members: dict[int, list[Form]] = defaultdict(list)
    concepts = {concept.id: concept for concept in base.concepts}
    used = {(c.facet, normal_form(name)) for c in base.concepts for name in (c.name, *c.aliases)}
    retired = _retired(base)
    doc_ids = tags.column("doc_id").to_pylist()
    linked = clustered = new = 0
    closed = {concept.facet for concept in base.active} & set(config.closed)
    for facet in FACETS:
        rest = [form for form in forms if form.facet == facet and retired.get((facet, form.form), 0) is not None]
        vectors = embed([form.surface for form in rest])
        least = getattr(config.similarity, facet)
        library, embed_name = base, _once(embed)
        while rest:
            left = []
            for row, concept_id in enumerate(_link(rest, vectors, library, retired, facet, least, embed_name)):
                if concept_id is None:
                    left.append(row)
                else:
                    members[concept_id].append(rest[row])
                    linked += 1
            rest, vectors = [rest[row] for row in left], vectors[left]
            if facet in closed:
                break
            clusters = _clusters(rest, vectors, config.neighbours, least)
            kept = [cluster for cluster in clusters if _supported(cluster, doc_ids, min_chunks)]
            if not kept:
                break
            for cluster in kept:
                name = _free_name(cluster, facet, used)
                used.add((facet, normal_form(name)))
                concept_id = base.next_id + new
                new += 1
                concepts[concept_id] = Concept(concept_id, facet, name, "")
                members[concept_id] += cluster
                clustered += len(cluster)
            # What was too rare for a concept of its own may be another word for one of the new ones, or make
            # one with others that are left. To the end, so that a build from the same tags changes nothing.
            placed = {form.form for cluster in kept for form in cluster}
            left = [row for row, form in enumerate(rest) if form.form not in placed]
            rest, vectors = [rest[row] for row in left], vectors[left]
            library = Library(tuple(concepts[i] for i in sorted(concepts)))
    described = _describe(concepts, members, tags, config)
    funnel = Funnel(
        tags=sum(form.surfaces.total() for form in forms),
        forms=len(forms),
        linked=linked,
        clustered=clustered,
        dropped_rare=len(forms) - linked - clustered,
        min_chunks=min_chunks,
        concepts=len([c for c in described if c.active]),
        new_concepts=new,
    )
    return Library(tuple(described)), funnel


def _once(embed: Embed) -> Embed:
    """``embed`` that computes each text once: known names are looked at again whenever there are new ones."""
    known: dict[str, np.ndarray] = {}

    def remembering(texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, embed(new), strict=True))
        return np.stack([known[text] for text in texts])

    return remembering


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


def _link(
    forms: list[Form],
    vectors: np.ndarray,
    library: Library,
    retired: dict[tuple[str, str], int | None],
    facet: str,
    least: float,
    embed: Embed,
) -> list[int | None]:
    """The concept of the library that each form means: by spelling, else by its nearest known name."""
    ids = [library.link(facet, form.surface) or retired.get((facet, form.form)) for form in forms]
    names = [(name, c.id) for c in library.active if c.facet == facet for name in (c.name, *c.aliases)]
    positions, similarities = nearest(vectors, embed([name for name, _ in names]) if names else np.zeros((0, 0)))
    return [
        spelled if spelled is not None else (names[p][1] if p >= 0 and s >= least else None)
        for spelled, p, s in zip(ids, positions, similarities, strict=True)
    ]


def _clusters(forms: list[Form], vectors: np.ndarray, neighbours: int, least: float) -> list[list[Form]]:
    """Clusters of forms, members most frequent first."""
    if not forms:
        return []
    weights = [float(len(form.chunks)) for form in forms]
    rows = centroid_linkage(vectors, weights, neighbour_graph(vectors, neighbours, least), least)
    return [sorted((forms[r] for r in group), key=lambda f: (-len(f.chunks), f.form)) for group in rows]


def _supported(cluster: list[Form], doc_ids: Sequence[str], min_chunks: int) -> bool:
    """Enough chunks, and not all of one document."""
    rows = support(cluster)
    return len(rows) >= min_chunks and len({doc_ids[row] for row in rows}) > 1


def _free_name(cluster: list[Form], facet: str, used: set[tuple[str, str]]) -> str:
    """The cluster's name; its next member's where another concept of the facet has that name already."""
    names = [concept_name(cluster[start:]) for start in range(len(cluster))]
    return next((name for name in names if (facet, normal_form(name)) not in used), names[0])


def _describe(
    concepts: dict[int, Concept], members: dict[int, list[Form]], tags: pa.Table, config: CanonicalizeConfig
) -> list[Concept]:
    texts = tags.column("text").to_pylist()
    doc_ids = tags.column("doc_id").to_pylist()
    rows_of = {concept_id: support(forms) for concept_id, forms in members.items()}
    on_row: dict[int, list[int]] = defaultdict(list)
    for concept_id, rows in rows_of.items():
        if concepts[concept_id].facet == "content":
            for row in rows:
                on_row[row].append(concept_id)
    described = []
    for concept_id in sorted(concepts):
        concept = concepts[concept_id]
        if not concept.active:
            described.append(concept)
            continue
        forms = sorted(members.get(concept_id, ()), key=lambda f: (-len(f.chunks), f.form))
        rows = rows_of.get(concept_id, set())
        counted = replace(
            concept,
            members={form.surface: len(form.chunks) for form in forms},
            counts=Counts(sum(f.surfaces.total() for f in forms), len(rows), len({doc_ids[r] for r in rows})),
        )
        if not concept.locked:
            beside = _beside(concept_id, rows, on_row, rows_of, len(texts))
            also = [f.surface for f in forms if normal_form(f.surface) != normal_form(concept.name)]
            spelt = forms[0].surface if forms and concept_name(forms) == concept.name else concept.name
            words = description(concept.facet, spelt, also[:DESCRIBED_MEMBERS], [concepts[c].name for c in beside])
            counted = replace(
                counted,
                description=concept.description or words,
                question=concept.question or question(concept.facet, spelt),
                examples=concept.examples or quotes(forms, texts, doc_ids, config.examples),
            )
        described.append(counted)
    return described


def _beside(
    concept_id: int, rows: set[int], on_row: dict[int, list[int]], rows_of: dict[int, set[int]], total: int
) -> list[int]:
    """Up to two content concepts that share the concept's chunks more often than chance would have it."""
    together = Counter(other for row in rows for other in on_row[row] if other != concept_id)
    lifted = [
        (n, other)
        for other, n in together.items()
        if n >= 2 and n * total >= BESIDE_LIFT * len(rows) * len(rows_of[other])
    ]
    return [other for _, other in sorted(lifted, key=lambda pair: (-pair[0], pair[1]))[:2]]
