"""The balance of a run: that every record of its source is accounted for, once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from typing import overload

import numpy as np
import pyarrow.parquet as pq

from atlas.digest import of_json
from atlas.runner.counts import Counts
from atlas.runner.folder import RETRY_ENDING, SUMMARY, RunFolder, unit_of
from atlas.runner.part import Source
from atlas.runner.plan import Plan
from atlas.runner.repeats import NAMED, repeated_ids
from atlas.runner.tasks import Done

AT_ONCE = 1_000  # parts digested together: what they count would else be in memory twice more


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    counts: Counts
    units: int
    units_done_before: int
    failures: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    uneven: tuple[str, ...] = ()
    superseded: int = 0  # units that inputs have no more, of which what was made is cleared away
    waiting: int = 0  # units that other shards have not done yet
    refused: str = ""  # why the first record is in quarantine, where every one is
    parts: Sequence[str] = field(default=(), repr=False)

    @property
    def balanced(self) -> bool:
        """Whether every record is accounted for: it came out once, or is in quarantine."""
        return self.counts.holds and not (self.failures or self.duplicates or self.stale or self.uneven)

    @property
    def sound(self) -> bool:
        """Whether the run may be built upon: in balance, and not without any record that came out."""
        return self.balanced and not self.refused

    def problems(self) -> list[str]:
        """One line for each thing that keeps the run from being sound."""
        lines = [f"not done: {line}" for line in self.failures]
        if not self.counts.holds:
            lines.append(f"records {_sides(self.counts)}")
        lines += [f"records lost or doubled in {line}" for line in self.uneven]
        lines += [f"doc_id in more than one unit: {line}" for line in self.duplicates]
        lines += [f"of an input that is gone, or behind a limit: {path} (delete it)" for path in self.stale]
        if self.refused:
            lines.append(f"every record is in quarantine: {self.refused}")
        return lines


class Parts(Sequence[str]):
    """Paths of the parts of a run, in the order of its units; a unit's retry part, where it has one, follows it."""

    def __init__(self, folder: RunFolder, done: Done) -> None:
        self._folder, self._names = folder, done.tasks.names
        rows, retried = [], []
        names = iter(folder.names("parts"))
        while some := list(islice(names, 8 * AT_ONCE)):
            ending = [name.endswith(RETRY_ENDING) for name in some]
            units = done.found(map(unit_of, some))
            rows.append(units[units >= 0])
            retried.append(np.array(ending)[units >= 0])
        units, again = (np.concatenate([np.zeros(0, np.int64), *each]) for each in (rows, retried))
        order = np.lexsort((again, units))
        self._rows, self._retried = units[order].astype(np.int32), again[order].astype(bool)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> list[str]: ...

    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        name = self._names[self._rows[at]].decode()
        return self._folder.retry_part(name) if self._retried[at] else self._folder.part(name)


def settle(folder: RunFolder, source: Source, planned: Plan, counts: Done, failures: Iterable[str] = ()) -> Result:
    """Add up, check, and write the summary.

    What a summary of the very same parts found out is not looked for again: of many parts, that takes long.
    """
    total = counts.total()
    state = _state(counts)
    before = folder.read(SUMMARY) or {}
    if before.get("state") == state and before.get("sound"):
        duplicates: list[str] = []
    else:
        duplicates = repeated_ids(folder, partial(_done, counts)) if source.ids_may_repeat else []
    result = Result(
        total,
        len(planned.tasks),
        len(planned.done),
        tuple(failures),
        tuple(duplicates),
        planned.stale,
        tuple(_uneven(counts)),
        refused=_refused(folder, counts, total),
        parts=Parts(folder, counts),
    )
    summary = {
        "counts": asdict(total),
        "units": result.units,
        "balanced": result.balanced,
        "sound": result.sound,
        "problems": result.problems(),
        "state": state,
    }
    if before != summary:
        folder.write(SUMMARY, summary)
    return result


def unfinished(planned: Plan, counts: Done, failures: Iterable[str]) -> Result:
    """What a shard came to while others are still at work."""
    waiting = len(planned.tasks) - len(counts)
    return Result(counts.total(), len(planned.tasks), len(planned.done), tuple(failures), waiting=waiting)


def _done(counts: Done, names: Sequence[str]) -> list[bool]:
    """Which of these parts are of units that are done."""
    return (counts.found(map(unit_of, names)) >= 0).tolist()


def _uneven(counts: Done) -> Iterator[str]:
    """The first units whose records were lost or doubled."""
    lost = counts.column("records_in") - counts.column("records_out") - counts.column("quarantined")
    for row in np.flatnonzero(counts.there & (lost != 0))[:NAMED]:
        yield f"{counts.tasks.names[row].decode()}: {_sides(counts.at(row))}"


def _state(counts: Done) -> str:
    """The digest of which parts there are and what they count."""
    rows, tasks = counts.rows(), counts.tasks
    digests = []
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        keyed = zip(tasks.names[some].tolist(), tasks.keys[some].tolist(), map(counts.at, some), strict=True)
        digests.append(of_json([[name.decode(), key.decode(), _said(of_unit)] for name, key, of_unit in keyed]))
    return of_json(digests)


def _said(counts: Counts) -> dict[str, int | dict[str, int]]:
    """As ``asdict``, which takes ten times as long: runs of 100,000 parts have as many counts."""
    return {name: getattr(counts, name) for name in Counts.__slots__}


def _sides(counts: Counts) -> str:
    return f"in {counts.records_in:,} ≠ out {counts.records_out:,} + quarantined {counts.quarantined:,}"


def _refused(folder: RunFolder, counts: Done, total: Counts) -> str:
    """Reason, detail and place of the first record in quarantine, where records came in and none came out."""
    if not total.records_in or total.records_out:
        return ""
    kept = set(folder.quarantined())
    path = next(path for name in counts if (path := folder.quarantine(name)) in kept)
    file = pq.ParquetFile(path, filesystem=folder.filesystem)
    (first,) = next(file.iter_batches(1, columns=["reason", "detail", "location"])).to_pylist()
    return f"{first['reason']}: {(first['detail'].splitlines() or [''])[0]} ({first['location']})"
