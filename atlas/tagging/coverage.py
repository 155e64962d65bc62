"""Choose chunks that between them speak of as many different things as possible.

A feature-based submodular function (Wei, Iyer & Bilmes, ICML 2015) over the words of a pool of chunks: a word counts
in full where it is chosen for the first time, half the second time, then a third … The greedy choice is within 1 - 1/e
of the best one (Nemhauser, Wolsey & Fisher, 1978). It needs no model, and being all counts and logarithms it is the
same on every machine. docs/decisions says what else was tried.
"""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# Words of fewer chunks of the pool count nothing: typing errors, hashes, names that nobody else uses. With 3 or 8 in
# place of 5, 1 to 4 % fewer labels were found.
COMMON = 5
# A chunk costs its own tokens and about so many more for the answer. Without a cost the longest chunks are chosen.
ANSWER_TOKENS = 60


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk of the pool. ``words``: numbers of the different words in it, sorted, int32."""

    doc_id: str
    source: str
    tokens: int
    words: np.ndarray


def cover(pool: Sequence[Candidate], quotas: Mapping[str, int], per_document: int) -> list[int]:
    """Positions of the chosen candidates, in order of choice.

    Of each source as many as its quota (or all it has), of each document at most ``per_document``. Equally good
    candidates are taken in the order of the pool, so the same pool gives the same choice everywhere.
    """
    if not pool:
        return []
    weights = word_weights([candidate.words for candidate in pool])
    seen = np.zeros(len(weights))
    left, used = dict(quotas), Counter[str]()
    chosen: list[int] = []

    def gain(position: int) -> float:
        words = pool[position].words
        return float(weights[words] @ (1.0 / (seen[words] + 1.0))) / (pool[position].tokens + ANSWER_TOKENS)

    # Lazy greedy (Minoux, 1978): gains only fall, so what is on top and was worked out since the last choice is best.
    heap = [(-gain(position), position, 0) for position in range(len(pool))]
    heapq.heapify(heap)
    while heap:
        _, position, as_of = heapq.heappop(heap)
        candidate = pool[position]
        if left.get(candidate.source, 0) == 0 or used[candidate.doc_id] == per_document:
            continue  # full for good
        if as_of < len(chosen):
            heapq.heappush(heap, (-gain(position), position, len(chosen)))
            continue
        chosen.append(position)
        left[candidate.source] -= 1
        used[candidate.doc_id] += 1
        seen[candidate.words] += 1.0
    return chosen


def word_weights(chunks: Sequence[np.ndarray]) -> np.ndarray:
    """Weight of every word, float64 [words]: ln(chunks / chunks with it), and 0 for one of fewer than COMMON chunks.

    What nearly all chunks have weighs next to nothing; what few but several have, most.
    """
    flat = np.concatenate([*chunks, np.zeros(0, np.int32)]).astype(np.int64)
    counts = np.bincount(flat, minlength=1)
    weights = np.log(max(1, len(chunks)) / np.maximum(counts, 1))
    return np.where(counts >= COMMON, weights, 0.0)
