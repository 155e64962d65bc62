"""More of some concepts: how often each window is read in an epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from atlas.digest import of_bytes
from atlas.errors import AtlasError
from atlas.reader.block import Corpus
from atlas.reader.labels import LabelFilter
from atlas.reader.permutation import mix
from atlas.reader.segments import Segments

TOGETHER = 1 << 20  # tokens whose labels are looked at together


@dataclass
class Sampling:
    """A window of weight w is read ⌊w⌋ times in an epoch, and once more with probability w − ⌊w⌋.

    ``weights`` float32 [windows]. What is kept besides is 8 bytes a window, for one epoch.
    """

    weights: np.ndarray
    seed: int
    _epoch: int = -1
    _behind: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def digest(self) -> str:
        return of_bytes([self.weights.tobytes()])

    def size(self, epoch: int) -> int:
        """Windows of an epoch, repeated ones with them."""
        return int(self._turn(epoch)[-1])

    def windows(self, slots: np.ndarray, epoch: int) -> np.ndarray:
        """The window of each of an epoch's ``0 … size − 1``, int64."""
        return self._turn(epoch).searchsorted(slots, "right").astype(np.int64)

    def _turn(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            numbers = np.arange(len(self.weights), dtype=np.uint64)
            chance = mix(mix(numbers + mix(np.array([self.seed], np.uint64))) + np.uint64(epoch)) >> np.uint64(40)
            whole = np.floor(self.weights)
            times = whole.astype(np.int64) + (chance < (self.weights - whole) * 2.0**24)
            self._epoch, self._behind = epoch, np.cumsum(times)
        return self._behind


def sampling(
    corpus: Corpus,
    segments: Segments,
    length: int,
    windows: int,
    keep: LabelFilter,
    weights: Mapping[int, float],
    default: float,
    seed: int,
) -> Sampling:
    """Weights of windows from weights of concepts: of those on its chunks, the greatest; ``default`` where none is.

    Reads the labels of the whole corpus once, not its tokens where it is a token stream.

    Raises:
        AtlasError: a weight below 0, or so small that no window is left.
    """
    if not weights or min(weights.values()) < 0 or default < 0:
        raise AtlasError("weights: name concepts with weights of 0 or more, and a default weight of 0 or more")
    ids = np.array(sorted(weights), np.int64)
    values = np.array([weights[one] for one in ids.tolist()], np.float32)
    found = np.full(windows, -1.0, np.float32)
    reach = windows * length
    for start in range(0, min(segments.tokens, reach), TOGETHER):
        before = start
        for block_number, first, stop in segments.cut(start, min(start + TOGETHER, segments.tokens, reach)):
            block = corpus.block(block_number)
            begin, behind = block.chunks(first, stop)
            labels = keep(block.labels(begin, behind), corpus.url)
            place = np.minimum(ids.searchsorted(labels.ids), len(ids) - 1)
            heavy = np.flatnonzero(ids[place] == labels.ids)
            owner = np.repeat(np.arange(behind - begin), labels.sizes)[heavy]
            starts, ends = (edge + (before - first) for edge in block.bounds(begin, behind))
            low = np.maximum(starts[owner], before) // length
            high = (np.minimum(ends[owner], before + stop - first) - 1) // length
            _raise(found, low, high, values[place[heavy]])
            before += stop - first
    result = Sampling(np.where(found < 0, np.float32(default), found), seed)
    if result.weights.sum() == 0 or not result.size(0):
        raise AtlasError(
            f"{corpus.url}: no window is left by these weights; give concepts that occur more weight, or a default"
        )
    return result


def _raise(found: np.ndarray, low: np.ndarray, high: np.ndarray, values: np.ndarray) -> None:
    """Raise windows ``low … high`` of each label to its value."""
    counts = np.maximum(high - low + 1, 0)
    windows = np.arange(int(counts.sum())) + np.repeat(low - (np.cumsum(counts) - counts), counts)
    np.maximum.at(found, windows, np.repeat(values, counts))
