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
    """B windows of T tokens, with S chunks in all. Everything is computed when first asked for."""

    windows: tuple[Window, ...] = field(repr=False)
    positions: np.ndarray  # int64 [B]: global positions

    @cached_property
    def tokens(self) -> np.ndarray:
        """Token ids, int64 [B, T]."""
        tokens = np.empty((len(self.windows), self.windows[0].length), np.int64)
        for row, window in zip(tokens, self.windows, strict=True):
            row[:] = window.tokens
        return tokens

    @cached_property
    def filled(self) -> np.ndarray:
        """Tokens that are no padding, int64 [B]."""
        return np.array([window.filled for window in self.windows])

    @cached_property
    def spans(self) -> np.ndarray:
        """Of each chunk: row of the batch, first token, token behind the last; int64 [S, 3]."""
        rows = np.repeat(np.arange(len(self.windows)), [len(window.starts) for window in self.windows])
        starts = np.concatenate([window.starts for window in self.windows])
        return np.stack([rows, starts, np.concatenate([window.ends for window in self.windows])], axis=1)

    @cached_property
    def labels(self) -> Labels:
        """All labels of each chunk, end to end."""
        return Labels(*(np.concatenate(each) for each in zip(*(window.labels for window in self.windows), strict=True)))

    @cached_property
    def concept_ids(self) -> np.ndarray:
        """The K best concepts of each token's chunk, int32 [B, T, K], −1: none."""
        return self._best(self.labels.ids, NONE)

    @cached_property
    def scores(self) -> np.ndarray:
        """Their scores, float32 [B, T, K], 0 where there is none."""
        return self._best(self.labels.scores, 0)

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

    def _best(self, values: np.ndarray, padding: int) -> np.ndarray:
        """The first K values of each token's chunk, [B, T, K]."""
        count, length = len(self.windows), self.windows[0].length
        rows = best(self.labels.sizes, values, self.windows[0].concepts_per_token, padding)
        start = self.spans[:, 0] * length
        wide = spread(rows, start + self.spans[:, 1], start + self.spans[:, 2], count * length, padding)
        return wide.reshape(count, length, -1)


def batch_of(windows: Sequence[Window], positions: Sequence[int]) -> Batch:
    """Windows of one length as a batch."""
    return Batch(tuple(windows), np.array(positions))
