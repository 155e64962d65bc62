"""Windows together, as arrays that go into a model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas.reader.labels import NONE
from atlas.reader.window import Window, best


@dataclass(frozen=True, slots=True)
class Batch:
    """B windows of T tokens, with S chunks in all.

    ``tokens`` int64 [B, T]; ``concept_ids`` int32 [B, T, K], −1: none; ``scores`` float32 [B, T, K], 0 where there is
    none; ``filled`` int64 [B]: tokens that are no padding; ``positions`` int64 [B]: global positions.

    ``spans`` int64 [S, 3]: row of the batch, first token, token behind the last; ``span_concepts`` int32 [S, N] and
    ``span_scores`` float32 [S, N]: all labels of each chunk, padded as above, N the most that a chunk here has.
    """

    tokens: np.ndarray
    concept_ids: np.ndarray
    scores: np.ndarray
    filled: np.ndarray
    positions: np.ndarray
    spans: np.ndarray
    span_concepts: np.ndarray
    span_scores: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """Where there is a concept, bool [B, T, K]."""
        return self.concept_ids != NONE


def batch_of(windows: Sequence[Window], positions: Sequence[int]) -> Batch:
    """Windows of one length as a batch."""
    chunks = [len(window.starts) for window in windows]
    starts, ends = (np.concatenate(each) for each in zip(*((w.starts, w.ends) for w in windows), strict=True))
    labels = [window.labels for window in windows]
    sizes = np.concatenate([each.sizes for each in labels])
    most = int(sizes.max(initial=0))
    return Batch(
        np.stack([window.tokens for window in windows]).astype(np.int64),
        np.stack([window.concept_ids for window in windows]),
        np.stack([window.scores for window in windows]),
        np.array([window.filled for window in windows]),
        np.array(positions),
        np.stack([np.repeat(np.arange(len(windows)), chunks), starts, ends], axis=1),
        best(sizes, np.concatenate([each.ids for each in labels]), most, NONE),
        best(sizes, np.concatenate([each.scores for each in labels]), most, 0),
    )
