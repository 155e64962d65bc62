"""From the forms of one facet, and the concepts there are, to the forms of every concept, old and new."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from atlas.canonical.cluster import average_linkage
from atlas.canonical.config import CanonicalizeConfig
from atlas.canonical.forms import Form, support
from atlas.canonical.lexicon import known_pairs
from atlas.canonical.neighbours import near_in_meaning, nearest_one, pairs
from atlas.canonical.same import probabilities
from atlas.canonical.strings import taken_apart
from atlas.canonical.use import in_order, is_supported, merged_by_use, spread

Embed = Callable[[Sequence[str]], np.ndarray]
BY_NAME = ("content", "entity")  # facets where two words for one thing are one concept; tones and forms are broader
INCOHERENT_FROM = 3  # forms of a cluster from which its spread tells something
UNIVERSAL_FROM = 200  # tagged chunks from which a share of them tells something
USE_LEAST_CHUNKS = 5  # two concepts on fewer chunks may share them by chance


@dataclass(slots=True)
class Grown:
    """Concepts of a facet by number: those that were there, then new ones. ``names`` are the normal forms that rows
    of ``vectors`` belong to; ``owner`` the concept of each row that has one."""

    known: int
    names: list[str]
    vectors: np.ndarray
    owner: dict[int, int]
    new: list[list[Form]] = field(default_factory=list)
    universal: list[list[Form]] = field(default_factory=list)
    incoherent: int = 0
    joined_by_use: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """What a cluster needs to be on: ``doc_of`` numbers the document of each tagged chunk, int [chunks]."""

    doc_of: np.ndarray
    min_chunks: int


def grown(
    forms: Sequence[Form],
    known: Sequence[Sequence[str]],
    facet: str,
    closed: bool,
    corpus: Corpus,
    config: CanonicalizeConfig,
    embed: Embed,
) -> Grown:
    """Give every form its concept, old or new, where it has one.

    Known concepts keep what is spelt like one of their names. The rest is clustered together with them; a cluster
    without a known concept that is on enough chunks is a new one. What is left joins the concept of the nearest name,
    if that is near enough (a narrower variant, mostly). To the end, so that a build from the same tags changes nothing.

    Args:
        known: normal forms of the names of each concept that is there.
        closed: whether the facet gets no new concept.
    """
    place: dict[str, int] = {}
    owner: dict[int, int] = {}
    for number, names in enumerate(known):
        for name in names:
            owner.setdefault(place.setdefault(name, len(place)), number)
    form_at = {place.setdefault(form.form, len(place)): form for form in forms}
    names = list(place)
    vectors = embed(names)
    found = Grown(len(known), names, vectors, owner)
    rows, alike, least = _compared(names, vectors, facet, config)
    near = config.similarity.of(facet)
    barred: set[int] = set()
    nearest = Nearest(vectors)
    before = -1
    while before != len(owner) + len(barred):
        before = len(owner) + len(barred)
        clusters = average_linkage(len(names), rows, alike, least, owner)
        loose = []
        for cluster in clusters:
            owned = next((owner[row] for row in cluster if row in owner), None)
            if owned is not None:
                owner.update(dict.fromkeys(cluster, owned))
            elif not barred & set(cluster):
                loose.append([form_at[row] for row in cluster])
        if not closed:
            for made in _new(loose, found, place, barred, corpus, config, facet):
                owner.update({place[form.form]: found.known + len(found.new) for form in made})
                found.new.append(made)
        _join_nearest(found, form_at, near, barred, nearest)
    return found


def _compared(
    names: Sequence[str], vectors: np.ndarray, facet: str, config: CanonicalizeConfig
) -> tuple[np.ndarray, np.ndarray, float]:
    """Pairs of names, how alike they are, and from which mean on they are one concept."""
    if facet in BY_NAME:
        if len(names) < 2:
            return np.zeros((0, 2), np.int64), np.zeros(0, np.float32), config.same
        strings = taken_apart(names, vectors)
        held = known_pairs(strings)
        rows = pairs(strings, config.neighbours, held)
        return rows, probabilities(strings, rows, held), config.same
    near = near_in_meaning(vectors, vectors, config.neighbours + 1)
    rows = np.stack([np.repeat(np.arange(len(near)), near.shape[1]), near.ravel()], axis=1)
    rows = np.unique(np.sort(rows[rows[:, 0] != rows[:, 1]], axis=1), axis=0)
    return rows, np.einsum("ij,ij->i", vectors[rows[:, 0]], vectors[rows[:, 1]]), config.similarity.of(facet)


def _new(
    loose: Sequence[list[Form]],
    found: Grown,
    place: dict[str, int],
    barred: set[int],
    corpus: Corpus,
    config: CanonicalizeConfig,
    facet: str,
) -> list[list[Form]]:
    """The clusters that become concepts, most frequent first; others are noted, or left for later."""
    supported = [in_order(cluster) for cluster in loose if is_supported(cluster, corpus.doc_of, corpus.min_chunks)]
    merged = merged_by_use(supported, config.same_use, USE_LEAST_CHUNKS) if facet in BY_NAME else supported
    found.joined_by_use += len(supported) - len(merged)
    kept = []
    for cluster in merged:
        rows = [place[form.form] for form in cluster]
        if facet == "content" and _is_universal(cluster, len(corpus.doc_of), config):
            found.universal.append(cluster)
            barred.update(rows)
            continue
        weights = np.array([len(form.chunks) for form in cluster], np.float32)
        if len(cluster) >= INCOHERENT_FROM and spread(found.vectors[rows], weights) < config.coherent:
            found.incoherent += 1
            barred.update(rows)
            continue
        kept.append(cluster)
    return sorted(kept, key=lambda cluster: (-len(support(cluster)), cluster[0].form))


def _is_universal(cluster: Sequence[Form], chunks: int, config: CanonicalizeConfig) -> bool:
    if chunks < UNIVERSAL_FROM or any(form.form in config.waived_forms for form in cluster):
        return False
    return len(support(cluster)) > config.universal * chunks


def _join_nearest(found: Grown, form_at: dict[int, Form], near: float, barred: set[int], nearest: "Nearest") -> None:
    """Forms without a concept join that of the nearest name that has one, where it is near enough."""
    free = np.array([row for row in form_at if row not in found.owner and row not in barred], np.int64)
    rows, cosines = nearest.of(free, found.owner)
    for row, owned, cosine in zip(free.tolist(), rows.tolist(), cosines.tolist(), strict=True):
        if owned >= 0 and cosine >= near:
            found.owner[row] = found.owner[owned]


class Nearest:
    """For each row the nearest owned one, kept from call to call, so that each pair of rows is compared once."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors
        self._row = np.full(len(vectors), -1, np.int64)
        self._cosine = np.full(len(vectors), -1, np.float32)
        self._seen: set[int] = set()

    def of(self, free: np.ndarray, owned: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """Rows int64 (−1: none) and cosines float32 of the owned rows nearest to the free ones; what is owned stays
        so, and no row becomes free again."""
        added = np.array(sorted(set(owned) - self._seen), np.int64)
        self._seen.update(added.tolist())
        if len(added):
            positions, cosines = nearest_one(self._vectors[free], self._vectors[added])
            nearer = cosines > self._cosine[free]
            self._row[free[nearer]] = added[positions[nearer]]
            self._cosine[free[nearer]] = cosines[nearer]
        return self._row[free], self._cosine[free]
