"""Units of files as they were planned before, so that a file that has not changed is not read again to plan."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

from atlas.corpus.files import File
from atlas.corpus.packed import Packed, Row
from atlas.corpus.units import Unit
from atlas.digest import of_bytes

SETTLED_SECONDS = 2.0  # a file changed later than that may change once more within its store's tick of time

REMEMBERED = pa.schema(
    [
        ("path", pa.string()),
        ("stamp", pa.string()),
        ("label", pa.string()),
        ("name", pa.string()),  # null of a file without a unit
        ("format", pa.string()),
        ("start", pa.int64()),
        ("stop", pa.int64()),
        ("fingerprint", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
    ]
)


class Remembered:
    """Units by file and stamp, one row of REMEMBERED a unit; a file without units has a row too.

    A stamp is the digest of: the settings that units depend on; the file's label, size and time of change (of its
    inode, where there is one: that can't be set back).

    ``before`` are rows of an earlier time, ``new`` those of files that were planned anew and may be remembered:
    ``files`` in number, of ``bytes``. Both are in the order of paths, in which files are to be asked for.
    """

    def __init__(self, before: Iterable[Row] = ()) -> None:
        self._before = InOrder(before)
        self.new = Packed()
        self.files = 0
        self.bytes = 0

    def of(self, file: File, settings: str, plan: Callable[[], Iterable[Unit]]) -> Iterator[Unit]:
        """A file's units: those remembered, or as ``plan`` makes them."""
        stamp = of_bytes([f"{settings}\0{file.label}\0{file.size}\0{file.changed_ns}".encode()])
        rows = self._before.at(file.path)
        if rows and rows[0][1] == stamp:
            return (_unit(row) for row in rows if row[3] is not None)
        started = time.time_ns()
        units = tuple(plan())
        if file.changed_ns is not None and file.changed_ns < started - SETTLED_SECONDS * 1e9:
            self.files += 1
            self.bytes += file.size
            for row in [_row(file, unit) for unit in units] or [(file.label, *(None,) * 7)]:
                self.new.add((file.path, stamp, *row))
        return iter(units)


def _row(file: File, unit: Unit) -> Row:
    return file.label, unit.name, unit.format, unit.start, unit.stop, unit.fingerprint, unit.rows, unit.bytes


def _unit(row: Row) -> Unit:
    path, _, label, name, kind, *numbers = row
    return Unit(name, kind, path, label, *numbers)


class InOrder:
    """Rows in the order of their first value, to be asked for by it in that order."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._groups = groupby(rows, itemgetter(0))
        self._next = next(self._groups, None)

    def at(self, key: str) -> list[Row]:
        while self._next is not None and self._next[0] < key:
            self._next = next(self._groups, None)
        return list(self._next[1]) if self._next is not None and self._next[0] == key else []
