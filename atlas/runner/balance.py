"""The balance of a run: that every record of its source is accounted for, once."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import pyarrow.parquet as pq

from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.part import Counts
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
    parts: tuple[str, ...] = field(default=(), repr=False)

    @property
    def balanced(self) -> bool:
        return self.counts.holds and not (self.failures or self.duplicates or self.stale or self.uneven)

    def problems(self) -> list[str]:
        """One line for each thing that keeps the run from being in balance."""
        lines = [f"not done: {line}" for line in self.failures]
        if not self.counts.holds:
            lines.append(f"records {_sides(self.counts)}")
        lines += [f"records lost or doubled in {line}" for line in self.uneven]
        lines += [f"doc_id in more than one unit: {line}" for line in self.duplicates]
        lines += [f"of an input that is no longer there: {path} (delete it)" for path in self.stale]
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
        parts,
    )
    summary = {
        "counts": asdict(total),
        "units": result.units,
        "balanced": result.balanced,
        "problems": result.problems(),
    }
    if folder.read(SUMMARY) != summary:
        folder.write(SUMMARY, summary)
    return result


def _sides(counts: Counts) -> str:
    return f"in {counts.records_in:,} ≠ out {counts.records_out:,} + quarantined {counts.quarantined:,}"


def _duplicates(folder: RunFolder, parts: tuple[str, ...]) -> list[str]:
    """At most NAMED document ids that occur in more than one part, with the parts. DuckDB bounds the memory."""
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
            "select doc_id, list(distinct __filename order by __filename) as files from chunks "
            "group by doc_id, chunk_id having count(distinct __filename) > 1 order by doc_id, chunk_id limit ?",
            [NAMED],
        ).fetchall()
    return [f"{doc_id!r} in {' and '.join(f.rsplit('/', 1)[-1] for f in files)}" for doc_id, files in rows]
