"""The balance of a run: that every record of its source is accounted for, once."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import pyarrow.parquet as pq

from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.part import Counts, Task
from atlas.runner.plan import Plan

NAMED = 10  # at most so many units or ids are named of one kind of problem


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


def settle(folder: RunFolder, planned: Plan, counts: Mapping[str, Counts], failures: Iterable[str] = ()) -> Result:
    """Add up, check, and write the summary."""
    total = sum(counts.values(), Counts())
    present = set(folder.parts())
    done = [task for task in planned.tasks if task.unit.name in counts]
    parts = tuple(path for task in done for path in (task.part, task.retry_part) if path in present)
    uneven = [f"{name}: {_sides(of_unit)}" for name, of_unit in counts.items() if not of_unit.holds]
    result = Result(
        total,
        len(planned.tasks),
        len(planned.done),
        tuple(failures),
        tuple(_duplicates(folder, parts)),
        planned.stale,
        tuple(uneven[:NAMED]),
        _refused(folder, done, total),
        parts,
    )
    summary = {
        "counts": asdict(total),
        "units": result.units,
        "balanced": result.balanced,
        "sound": result.sound,
        "problems": result.problems(),
    }
    if folder.read(SUMMARY) != summary:
        folder.write(SUMMARY, summary)
    return result


def _sides(counts: Counts) -> str:
    return f"in {counts.records_in:,} ≠ out {counts.records_out:,} + quarantined {counts.quarantined:,}"


def _refused(folder: RunFolder, done: Iterable[Task], total: Counts) -> str:
    """Reason, detail and place of the first record in quarantine, where records came in and none came out."""
    if not total.records_in or total.records_out:
        return ""
    kept = set(folder.quarantined())
    path = next(task.quarantine for task in done if task.quarantine in kept)
    file = pq.ParquetFile(path, filesystem=folder.filesystem)
    (first,) = next(file.iter_batches(1, columns=["reason", "detail", "location"])).to_pylist()
    return f"{first['reason']}: {(first['detail'].splitlines() or [''])[0]} ({first['location']})"


def _duplicates(folder: RunFolder, parts: tuple[str, ...]) -> list[str]:
    """At most NAMED ids of documents with a chunk in more than one part, with the parts; then how many more there are.

    DuckDB bounds the memory.
    """
    if len(parts) < 2:
        return []
    import duckdb
    import pyarrow.dataset as ds

    paths = [p for p in parts if (pq.read_metadata(p, filesystem=folder.filesystem)).num_rows]
    if len(paths) < 2:
        return []
    table = ds.dataset(paths, filesystem=folder.filesystem, format="parquet")
    firsts = table.scanner(columns=["doc_id", "chunk_id", "__filename"])
    with duckdb.connect() as connection:
        connection.register("chunks", firsts.to_reader())
        rows = connection.execute(
            "with twice as (select doc_id, list(distinct __filename) as files from chunks "
            "group by doc_id, chunk_id having count(distinct __filename) > 1) "
            "select doc_id, list_sort(list_distinct(flatten(list(files)))), count(*) over () from twice "
            "group by doc_id order by doc_id limit ?",
            [NAMED],
        ).fetchall()
    lines = [f"{doc_id!r} in {' and '.join(f.rsplit('/', 1)[-1] for f in files)}" for doc_id, files, _ in rows]
    more = rows[0][2] - len(rows) if rows else 0
    return [*lines, f"{more:,} ids more"] if more else lines
