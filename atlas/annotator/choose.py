"""Which of a chunk's candidates it is given, and which were considered and rejected."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas.annotator.model import Scored

MAX_LABELS = 24  # labels written per chunk at most
MOST_REJECTED = 16  # a chunk; what lies further down is hardly ever a near miss


@dataclass(frozen=True, slots=True)
class Chosen:
    """Concepts of chunks, chunk after chunk, most likely first within each."""

    columns: np.ndarray  # int32 [labels]: the concept's column
    scores: np.ndarray  # float32 [labels]
    sizes: np.ndarray  # int64 [chunks]: labels of each

    @property
    def rows(self) -> np.ndarray:
        """Chunk of each label, int64 [labels]."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @classmethod
    def joined(cls, parts: Sequence["Chosen"]) -> "Chosen":
        """The concepts of the chunks of all parts, one part after the other."""
        if not parts:
            return cls(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))
        fields = ("columns", "scores", "sizes")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def given(found: Scored, thresholds: np.ndarray, empty: np.ndarray) -> Chosen:
    """Candidates that reach their threshold, at most ``MAX_LABELS`` a chunk.

    Args:
        thresholds: of every concept, float32 [C]. empty: bool [chunks]; empty chunks have none.
    """
    reached = found.scores >= thresholds[found.columns]
    return _best(found, reached & ~empty[found.rows], MAX_LABELS)


def rejected(found: Scored, thresholds: np.ndarray, empty: np.ndarray) -> Chosen:
    """Candidates below their threshold, at most ``MOST_REJECTED`` a chunk; arguments as of ``given``."""
    missed = found.scores < thresholds[found.columns]
    return _best(found, missed & ~empty[found.rows], MOST_REJECTED)


def _best(found: Scored, wanted: np.ndarray, most: int) -> Chosen:
    rows = found.rows
    kept = np.flatnonzero(wanted)
    kept = kept[np.lexsort((found.columns[kept], -found.scores[kept], rows[kept]))]
    sizes = np.bincount(rows[kept], minlength=len(found.starts) - 1)
    place = np.arange(len(kept)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = kept[place < most]
    return Chosen(found.columns[kept], found.scores[kept], np.minimum(sizes, most))
