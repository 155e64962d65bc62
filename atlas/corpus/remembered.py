"""Units of files as they were planned before, so that a file that has not changed is not read again to plan."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from atlas.corpus.files import File
from atlas.corpus.units import Unit

SETTLED_SECONDS = 2.0  # a file changed later than that may change once more within its store's tick of time

Stamp = tuple[str, str]


@dataclass
class Remembered:
    """Units by file and stamp. ``new`` counts the files that were planned anew and may be remembered.

    A stamp is: the settings that units depend on; the file's label, size and time of change (of its inode, where there
    is one: that can't be set back).
    """

    units: dict[str, tuple[Stamp, tuple[Unit, ...]]] = field(default_factory=dict)
    new: int = 0
    bytes: int = 0

    def of(self, file: File, settings: str, plan: Callable[[], Iterable[Unit]]) -> Iterator[Unit]:
        """A file's units: those remembered, or as ``plan`` makes them."""
        stamp = (settings, f"{file.label}\0{file.size}\0{file.changed_ns}")
        before = self.units.get(file.path)
        if before is not None and before[0] == stamp:
            return iter(before[1])
        started = time.time_ns()
        units = tuple(replace(unit, path=file.path, label=file.label) for unit in plan())
        if file.changed_ns is not None and file.changed_ns < started - SETTLED_SECONDS * 1e9:
            self.units[file.path] = (stamp, units)
            self.new += 1
            self.bytes += file.size
        return iter(units)
