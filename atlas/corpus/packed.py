"""Many rows of plain values, held in a tenth of the memory that Python objects take: packed, some at a time."""

import pickle
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

AT_ONCE = 1_024  # rows that are Python objects at a time
LEVEL = 1  # of zlib; rows of units of small files take some 40 bytes each, of 500 as objects

Row = tuple[Any, ...]


class Packed:
    """Rows, in the order in which they were added."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        # Not as Arrow columns: they take ten times as much, and to make one imports pandas where it is installed.
        self._packs: list[bytes] = []
        self._last: list[Row] = []
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        self._last.append(row)
        if len(self._last) == AT_ONCE:
            self._packs.append(zlib.compress(pickle.dumps(self._last, pickle.HIGHEST_PROTOCOL), LEVEL))
            self._last = []

    def __len__(self) -> int:
        return len(self._packs) * AT_ONCE + len(self._last)

    def __iter__(self) -> Iterator[Row]:
        for pack in self._packs:
            yield from _unpacked(pack)
        yield from self._last

    def picked(self, wanted: np.ndarray) -> Iterator[Row]:
        """Rows by their numbers, which ascend."""
        for number in np.unique(wanted // AT_ONCE).tolist():
            rows = _unpacked(self._packs[number]) if number < len(self._packs) else self._last
            yield from (rows[row % AT_ONCE] for row in wanted[wanted // AT_ONCE == number].tolist())


def _unpacked(pack: bytes) -> list[Row]:
    rows: list[Row] = pickle.loads(zlib.decompress(pack))
    return rows
