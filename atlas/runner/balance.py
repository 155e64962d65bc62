"""The balance of a run: that every record of its source is accounted for, once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import pyarrow.parquet as pq

from atlas.digest import of_json
from atlas.runner.counts import Counts
from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.part import Source, Task
from atlas.runner.plan import Plan
from atlas.runner.repeats import NAMED, repeated_ids

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
    waiting: int = 0  # units that other shards have not done yet
    refused: str = ""  # why the first record is in quarantine, where every one is
    parts: tuple[str, ...] = field(default=(), repr=False)

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
        lines += [f"of an input that is gone, or of another --unit-bytes: {path} (delete it)" for path in self.stale]
        if self.refused:
            lines.append(f"every record is in quarantine: {self.refused}")
        return lines


def settle(
    folder: RunFolder, source: Source, planned: Plan, counts: Mapping[str, Counts], failures: Iterable[str] = ()
) -> Result:
    """Add up, check, and write the summary.

    What a summary of the very same parts found out is not looked for again: of many parts, that takes long.
    """
    total = sum(counts.values(), Counts())
    done = [task for task in planned.tasks if task.name in counts]
    uneven = [f"{name}: {_sides(of_unit)}" for name, of_unit in counts.items() if not of_unit.holds]
    state = _state(done, counts)
    before = folder.read(SUMMARY) or {}
    present = {*folder.parts()}
    parts = tuple(p for t in done for p in (folder.part(t.name), folder.retry_part(t.name)) if p in present)
    if before.get("state") == state and before.get("sound"):
        duplicates: list[str] = []
    else:
        duplicates = repeated_ids(folder, parts) if source.ids_may_repeat else []
    result = Result(
        total,
        len(planned.tasks),
        len(planned.done),
        tuple(failures),
        tuple(duplicates),
        planned.stale,
        tuple(uneven[:NAMED]),
        refused=_refused(folder, done, total),
        parts=parts,
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


def unfinished(planned: Plan, counts: Mapping[str, Counts], failures: Iterable[str]) -> Result:
    """What a shard came to while others are still at work."""
    total = sum(counts.values(), Counts())
    waiting = len(planned.tasks) - len(counts)
    return Result(total, len(planned.tasks), len(planned.done), tuple(failures), waiting=waiting)


def _state(done: Sequence[Task], counts: Mapping[str, Counts]) -> str:
    """The digest of which parts there are and what they count."""
    slices = (done[start : start + AT_ONCE] for start in range(0, len(done), AT_ONCE))
    return of_json([of_json([[task.name, task.key, _said(counts[task.name])] for task in some]) for some in slices])


def _said(counts: Counts) -> dict[str, int | dict[str, int]]:
    """As ``asdict``, which takes ten times as long: runs of 100,000 parts have as many counts."""
    return {name: getattr(counts, name) for name in Counts.__slots__}


def _sides(counts: Counts) -> str:
    return f"in {counts.records_in:,} ≠ out {counts.records_out:,} + quarantined {counts.quarantined:,}"


def _refused(folder: RunFolder, done: Iterable[Task], total: Counts) -> str:
    """Reason, detail and place of the first record in quarantine, where records came in and none came out."""
    if not total.records_in or total.records_out:
        return ""
    kept = set(folder.quarantined())
    path = next(path for task in done if (path := folder.quarantine(task.name)) in kept)
    file = pq.ParquetFile(path, filesystem=folder.filesystem)
    (first,) = next(file.iter_batches(1, columns=["reason", "detail", "location"])).to_pylist()
    return f"{first['reason']}: {(first['detail'].splitlines() or [''])[0]} ({first['location']})"
