"""Windows together, as arrays that go into a model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from atlas.reader.block import Labels
from atlas.reader.labels import NONE
from atlas.reader.window import Window, best, spread


@dataclass(frozen=True)
class Batch:
    """B windows of T tokens, with S chunks in all. Tables of concepts are computed when first asked for.

    ``tokens`` int64 [B, T]; ``filled`` int64 [B]: tokens that are no padding; ``positions`` int64 [B]: global
    positions; ``spans`` int64 [S, 3]: row of the batch, first token, token behind the last; ``labels``: all labels of
    each chunk, end to end.
    """

    tokens: np.ndarray
    filled: np.ndarray
    positions: np.ndarray
    spans: np.ndarray
    labels: Labels = field(repr=False)
    concepts_per_token: int

    @cached_property
    def concept_ids(self) -> np.ndarray:
        """The K best concepts of each token's chunk, int32 [B, T, K], −1: none."""
        return self._spread(best(self.labels.sizes, self.labels.ids, self.concepts_per_token, NONE), NONE)

    @cached_property
    def scores(self) -> np.ndarray:
        """Their scores, float32 [B, T, K], 0 where there is none."""
        return self._spread(best(self.labels.sizes, self.labels.scores, self.concepts_per_token, 0), 0)

    @property
    def mask(self) -> np.ndarray:
        """Where there is a concept, bool [B, T, K]."""
        return self.concept_ids != NONE

    @cached_property
    def span_concepts(self) -> np.ndarray:
        """All concepts of each chunk, int32 [S, N], padded with −1; N is the most that a chunk here has."""
        return best(self.labels.sizes, self.labels.ids, int(self.labels.sizes.max(initial=0)), NONE)

    @cached_property
    def span_scores(self) -> np.ndarray:
        """Their scores, float32 [S, N], padded with 0."""
        return best(self.labels.sizes, self.labels.scores, int(self.labels.sizes.max(initial=0)), 0)

    def _spread(self, rows: np.ndarray, padding: int) -> np.ndarray:
        windows, length = self.tokens.shape
        start = self.spans[:, 0] * length
        wide = spread(rows, start + self.spans[:, 1], start + self.spans[:, 2], windows * length, padding)
        return wide.reshape(windows, length, -1)


def batch_of(windows: Sequence[Window], positions: Sequence[int]) -> Batch:
    """Windows of one length as a batch."""
    tokens = np.empty((len(windows), windows[0].length), np.int64)
    for row, window in zip(tokens, windows, strict=True):
        row[:] = window.tokens
    chunks = [len(window.starts) for window in windows]
    return Batch(
        tokens,
        np.array([window.filled for window in windows]),
        np.array(positions),
        np.stack(
            [
                np.repeat(np.arange(len(windows)), chunks),
                np.concatenate([window.starts for window in windows]),
                np.concatenate([window.ends for window in windows]),
            ],
            axis=1,
        ),
        Labels(*(np.concatenate(each) for each in zip(*(window.labels for window in windows), strict=True))),
        windows[0].concepts_per_token,
    )
