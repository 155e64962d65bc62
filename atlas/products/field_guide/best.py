"""The best few of each concept out of any number of candidates, in bounded memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

SLACK = 1 << 18  # candidates gathered before they are thinned out


@dataclass(frozen=True, slots=True)
class Entries:
    """Candidates, arrays of one length.

    ``concept``: its place in the library, int64. ``score``: float32. ``chunks``: of the document with the concept (1
    for a chunk), int64. ``row``: of the (best) chunk in the run, int64; ``chunk``: its number in its document, int32;
    ``document``: its number in the run, int64.
    """

    concept: np.ndarray
    score: np.ndarray
    chunks: np.ndarray
    row: np.ndarray
    chunk: np.ndarray
    document: np.ndarray

    def take(self, which: np.ndarray) -> "Entries":
        """Some of them, by places or a mask."""
        return Entries(*(getattr(self, each.name)[which] for each in fields(self)))

    def __len__(self) -> int:
        return len(self.concept)


def joined(parts: Sequence[Entries]) -> Entries:
    return Entries(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Entries)))


def best(entries: Entries, most: int) -> tuple[Entries, np.ndarray]:
    """The best of each concept and their ranks from 1, int64; concept after concept, best first.

    By score, then by how many chunks, then by place in the run, so that there are no ties.
    """
    order = np.lexsort((entries.row, -entries.chunks, -entries.score, entries.concept))
    concept = entries.concept[order]
    ranks = np.arange(len(order)) - np.searchsorted(concept, concept) + 1
    kept = ranks <= most
    return entries.take(order[kept]), ranks[kept]


def best_of_all(candidates: Iterable[Entries], most: int, concepts: int) -> tuple[Entries, np.ndarray]:
    """As ``best``, of candidates that come bit by bit.

    What is held is at most twice what is kept, and SLACK. A candidate that is below the last of a full concept is
    passed over at once.
    """
    floor = np.full(concepts, -np.inf, np.float32)
    held: list[Entries] = []
    size, room = 0, SLACK
    for entries in candidates:
        some = entries.take(entries.score >= floor[entries.concept])
        held.append(some)
        size += len(some)
        if size > room:
            kept, ranks = best(joined(held), most)
            full = ranks == most
            floor[kept.concept[full]] = kept.score[full]
            held, size, room = [kept], len(kept), 2 * len(kept) + SLACK
    return best(joined(held), most) if held else (NONE, np.zeros(0, np.int64))


NONE = Entries(*(np.zeros(0, kind) for kind in (np.int64, np.float32, np.int64, np.int64, np.int32, np.int64)))
