"""Find each concept's place in the Library of Congress Classification, or none.

Every concept gives votes to the subjects nearest to it in meaning, near concepts lend each other theirs, and votes
count for every subject above, too. The class with most votes wins, and in it the deepest subject that more than half
of the class's votes are under. The numbers below were chosen on the tune half of ``benchmarks/placement.py``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from atlas.canonical.outline import Outline
from atlas.library.concept import Concept
from atlas.library.names import normal_form

Embed = Callable[[Sequence[str]], np.ndarray]

OTHER_NAMES = 3
MADE = "Passages "  # how descriptions begin that are made of names, and say no more than these
VOTERS = 80  # subjects that a concept gives votes to; with 40 it is about as good
SOFTNESS = 0.1  # of similarity: a subject this much farther away gets 1/e of the votes
SCOPE_VOTES = 3.0  # our words for what is in a field weigh more than the outline's own; with 1, 2 points worse
NEIGHBOURS, NEAR, LENT = 10, 0.6, 10.0  # concepts that lend votes, from which similarity, and how many
DEEP = 0.5  # from half on, the subjects that carry this part of their class's votes are one chain
LEAST_CONFIDENCE = 0.8  # of a placement; from here on 90 % of classes were right on every set of the tune half
SLOPE, SHIFT = 1.01, 1.28  # from the class's part of the votes (as log odds) to the log odds that the class is right
BLOCK = 1024  # concepts compared at a time: 28 MB of similarities to the outline, 135 MB among 33,000 concepts


@dataclass(frozen=True, slots=True)
class Placement:
    """A place: the path from the class down, the code of its last step, and the probability that the class is right."""

    path: tuple[str, ...]
    code: str
    confidence: float

    @property
    def taxonomy(self) -> str:
        """As ``Concept.taxonomy`` holds it."""
        return " / ".join(self.path)


def words(concept: Concept) -> str:
    """What places a concept: its name, up to three other names, and its description where a person wrote one."""
    seen = {normal_form(concept.name)}
    others: list[str] = []
    for name in concept.names():
        if normal_form(name) not in seen and len(others) < OTHER_NAMES:
            seen.add(normal_form(name))
            others.append(name)
    also = f". Also called {', '.join(others)}" if others else ""
    written = f". {concept.description}" if not concept.description.startswith(MADE) else ""
    return f"{concept.name}{also}{written}"


def place(
    concepts: Sequence[str],
    outline: Outline,
    embed: Embed,
    *,
    subjects: np.ndarray | None = None,
    least: float = LEAST_CONFIDENCE,
) -> list[Placement | None]:
    """The place of each concept in the outline; None where it is not known well enough.

    Args:
        concepts: what is known of each, as ``words`` has it.
        embed: sentence vectors, float32 [n, d], L2-normalised.
        subjects: what ``embed`` makes of the outline's voters, where that is known (``atlas.canonical.subjects``).
        least: confidence from which a concept is placed; 0 places all.
    """
    if subjects is None:
        subjects = embed([text for _, text in outline.voters])
    return place_vectors(embed(concepts), subjects, outline, least)


def place_vectors(vectors: np.ndarray, voters: np.ndarray, outline: Outline, least: float) -> list[Placement | None]:
    """``place`` for vectors that are there: float32 [n, d] of concepts, [len(outline.voters), d] of the outline."""
    if not len(vectors):
        return []
    votes = _votes(
        vectors, voters, np.array([i >= len(outline.voters) - len(outline.scope) for i in range(len(voters))])
    )
    votes = votes + LENT * (_lenders(vectors) @ votes)
    tree = _Tree(outline)
    parts = (votes @ tree.above).tocoo()
    found = np.zeros((len(vectors), len(tree.classes)), dtype=np.float32)
    of_class = parts.col < len(tree.classes)
    found[parts.row[of_class], parts.col[of_class]] = parts.data[of_class]
    best, most = found.argmax(axis=1), found.max(axis=1)
    confidence = _confidence(most / np.maximum(found.sum(axis=1), 1e-9))
    deep = (tree.class_of[parts.col] == best[parts.row]) & (parts.data > DEEP * most[parts.row])
    rows, nodes = parts.row[deep], parts.col[deep]
    order = np.lexsort((tree.depth[nodes], rows))
    deepest = dict(zip(rows[order].tolist(), nodes[order].tolist(), strict=True))  # the last of a row stays
    return [
        tree.placement(deepest[row], float(confidence[row])) if confidence[row] >= least else None
        for row in range(len(vectors))
    ]


def _votes(vectors: np.ndarray, voters: np.ndarray, is_scope: np.ndarray) -> sparse.csr_array:
    """Votes of each concept for its nearest subjects, adding up to 1: [concepts, voters]."""
    most = min(VOTERS, len(voters))
    weight = np.where(is_scope, SCOPE_VOTES, 1.0).astype(np.float32)
    columns, data = [], []
    for start in range(0, len(vectors), BLOCK):
        similar = vectors[start : start + BLOCK] @ voters.T
        nearest = np.argpartition(-similar, most - 1, axis=1)[:, :most]
        values = np.take_along_axis(similar, nearest, axis=1)
        given = np.exp((values - values.max(axis=1, keepdims=True)) / SOFTNESS) * weight[nearest]
        columns.append(nearest.ravel())
        data.append((given / given.sum(axis=1, keepdims=True)).ravel())
    rows = np.arange(0, len(vectors) * most + 1, most)
    return sparse.csr_array((np.concatenate(data), np.concatenate(columns), rows), shape=(len(vectors), len(voters)))


def _lenders(vectors: np.ndarray) -> sparse.csr_array:
    """How much of each other concept's votes a concept borrows: [concepts, concepts], for the nearest few."""
    rows, columns, data = [], [], []
    for start in range(0, len(vectors), BLOCK):
        similar = vectors[start : start + BLOCK] @ vectors.T
        similar[np.arange(len(similar)), np.arange(start, start + len(similar))] = -1
        row, column = np.nonzero(similar > NEAR)
        value = similar[row, column]
        order = np.lexsort((-value, row))
        row, column, value = row[order], column[order], value[order]
        first = np.searchsorted(row, np.arange(len(similar)))
        kept = np.arange(len(row)) - first[row] < NEIGHBOURS
        rows.append(row[kept] + start)
        columns.append(column[kept])
        data.append(np.exp((value[kept] - 1) / SOFTNESS))
    where = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array((np.concatenate(data), where), shape=(len(vectors), len(vectors)))


def _confidence(part: np.ndarray) -> np.ndarray:
    """The probability that the class is right, given its part of the votes (Platt, 1999)."""
    part = np.clip(part, 1e-6, 1 - 1e-6)
    return 1 / (1 + np.exp(-(SLOPE * np.log(part / (1 - part)) + SHIFT)))


class _Tree:
    """The outline as arrays; columns are the classes (by name, as two share one), then the nodes."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.classes = list(dict.fromkeys(node.path[0] for node in outline.nodes))
        first = len(self.classes)
        of_node = [self.classes.index(node.path[0]) for node in outline.nodes]
        self.class_of = np.array([*range(first), *of_node])
        self.depth = np.array([*[0] * first, *(len(node.path) for node in outline.nodes)])
        rows, columns = [], []
        for voter, (node, _) in enumerate(outline.voters):
            above = [of_node[node]]
            while node >= 0:
                above.append(first + node)
                node = outline.nodes[node].parent
            rows += [voter] * len(above)
            columns += above
        ones = np.ones(len(rows), dtype=np.float32)
        shape = (len(outline.voters), first + len(outline.nodes))
        self.above = sparse.csr_array((ones, (rows, columns)), shape=shape)

    def placement(self, column: int, confidence: float) -> Placement:
        """The place of a column; up to the next subject above where it is a mere division."""
        node = column - len(self.classes)
        while node >= 0 and self.outline.nodes[node].is_division:
            node = self.outline.nodes[node].parent
        if node < 0:
            name = self.classes[self.class_of[column]]
            code = next(n.letter for n in self.outline.nodes if n.path[0] == name)
            return Placement((name,), code, confidence)
        return Placement(self.outline.steps(node), self.outline.nodes[node].code, confidence)
