"""The units of a run with their keys, and what they count: columns, as a run may have 100,000 units and more."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, overload

import numpy as np

from atlas.corpus.packed import Packed
from atlas.corpus.units import Unit, check_names, packed, unpacked
from atlas.runner.counts import Counts
from atlas.runner.part import Task

_NUMBERS = tuple(field.name for field in fields(Counts) if field.name != "sums")
_NAME, _PATH = Unit.__slots__.index("name"), Unit.__slots__.index("path")


class Tasks(Sequence[Task]):
    """Every unit of a run with its key, in order. ``names`` and ``keys``, ASCII, are those of all, by row."""

    def __init__(self, units: Iterable[Unit]) -> None:
        """Tasks without keys.

        Raises:
            AtlasError: what ``units`` raises; units of two inputs have one name.
        """
        self._units = Packed(map(packed, units))
        longest = max((len(row[_NAME]) for row in self._units), default=1)
        self.names = np.fromiter((row[_NAME].encode() for row in self._units), f"S{longest}", len(self._units))
        self.keys = np.zeros(len(self._units), "S32")
        self._order = np.argsort(self.names)
        in_order = self.names[self._order]
        if (in_order[1:] == in_order[:-1]).any():
            check_names((row[_NAME], row[_PATH]) for row in self._units)

    def keyed(self, key: Callable[[Unit], str]) -> "Tasks":
        """The tasks with their keys."""
        keys = (key(unpacked(row)) for row in self._units)
        self.keys = np.fromiter((each.encode() for each in keys), "S32", len(self))
        return self

    def __len__(self) -> int:
        return len(self._units)

    def __iter__(self) -> Iterator[Task]:
        return (Task(unpacked(row), key.decode()) for row, key in zip(self._units, self.keys, strict=True))

    @overload
    def __getitem__(self, at: int) -> Task: ...

    @overload
    def __getitem__(self, at: slice) -> "Sequence[Task]": ...

    def __getitem__(self, at: int | slice) -> "Task | Sequence[Task]":
        rows = np.arange(len(self))[at]
        return Some(self, rows) if isinstance(at, slice) else next(self.picked(np.array([rows])))

    def picked(self, rows: np.ndarray) -> Iterator[Task]:
        """Tasks by their rows, which ascend."""
        units = self._units.picked(rows)
        return (Task(unpacked(unit), key.decode()) for unit, key in zip(units, self.keys[rows], strict=True))

    def rows(self, names: Iterable[str]) -> np.ndarray:
        """The row of each of many names; -1 where there is none."""
        asked = np.array([name.encode() for name in names], np.bytes_)
        if not len(self):
            return np.full(len(asked), -1)
        at = np.searchsorted(self.names, asked, sorter=self._order)
        rows = self._order[np.minimum(at, len(self) - 1)]
        return np.where(self.names[rows] == asked, rows, -1)


class Some(Sequence[Task]):
    """The tasks of some rows."""

    def __init__(self, tasks: Tasks, rows: np.ndarray) -> None:
        self._tasks, self._rows = tasks, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Task]:
        return self._tasks.picked(self._rows)

    @overload
    def __getitem__(self, at: int) -> Task: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Task]: ...

    def __getitem__(self, at: int | slice) -> Task | Sequence[Task]:
        rows = self._rows[at]
        return Some(self._tasks, rows) if isinstance(at, slice) else next(self._tasks.picked(np.array([rows])))


class Done(Mapping[str, Counts]):
    """What units that are done count, by name. ``there`` tells of each row of the tasks whether it is done."""

    def __init__(self, tasks: Tasks) -> None:
        self.tasks = tasks
        self.there = np.zeros(len(tasks), bool)
        self._numbers = np.zeros((len(tasks), len(_NUMBERS)), np.int64)
        self._sums: dict[int, dict[str, int]] = {}  # of rows that have any

    def put(self, row: int, counts: Counts) -> None:
        self.there[row] = True
        self._numbers[row] = [getattr(counts, name) for name in _NUMBERS]
        self._sums.pop(row, None)
        if counts.sums:
            self._sums[row] = counts.sums

    def at(self, row: int) -> Counts:
        return _counts(self._numbers[row], self._sums.get(row, {}))

    def only(self, kept: np.ndarray) -> "Done":
        """Those of the rows where ``kept`` holds."""
        some = Done(self.tasks)
        some.there, some._numbers, some._sums = self.there & kept, self._numbers.copy(), dict(self._sums)
        return some

    def column(self, name: str) -> np.ndarray:
        """One of the counts, of all rows; of rows that are not done it says nothing."""
        return self._numbers[:, _NUMBERS.index(name)]

    def total(self) -> Counts:
        sums: dict[str, int] = {}
        for row, of_row in self._sums.items():
            if self.there[row]:
                sums = {name: sums.get(name, 0) + of_row.get(name, 0) for name in {**sums, **of_row}}
        return _counts(self._numbers[self.there].sum(axis=0), sums)

    def rows(self) -> np.ndarray:
        """Rows that are done, in order."""
        return np.flatnonzero(self.there)

    def found(self, names: Iterable[str]) -> np.ndarray:
        """The row of each of many names; -1 where no unit of this name is done."""
        rows = self.tasks.rows(names)
        known = rows >= 0
        known[known] = self.there[rows[known]]
        return np.where(known, rows, -1)

    def __len__(self) -> int:
        return int(np.count_nonzero(self.there))

    def __iter__(self) -> Iterator[str]:
        return (self.tasks.names[row].decode() for row in self.rows())

    def __getitem__(self, name: str) -> Counts:
        (row,) = self.found([name])
        if row < 0:
            raise KeyError(name)
        return self.at(row)

    def __eq__(self, other: Any) -> bool:
        return dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]


def _counts(numbers: np.ndarray, sums: dict[str, int]) -> Counts:
    return Counts(**dict(zip(_NUMBERS, numbers.tolist(), strict=True)), sums=sums)
