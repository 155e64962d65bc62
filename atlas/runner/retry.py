"""Process again what a run put in quarantine, and nothing else. Good parts are not rewritten."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.corpus.units import Reject
from atlas.errors import Unavailable
from atlas.runner.balance import settle
from atlas.runner.counts import Counts, counted
from atlas.runner.executors import Died, Failed
from atlas.runner.folder import RunFolder
from atlas.runner.footers import read_footer
from atlas.runner.inspect import quarantined
from atlas.runner.part import PROCESSING, Source, footer_of, pieces
from atlas.runner.part_writer import PartWriter
from atlas.runner.plan import compare, plan
from atlas.runner.processes import Processes
from atlas.stage import Stage
from atlas.storage import atomic_output

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Retried:
    """How many records came out of quarantine, and how many stay there."""

    mended: int
    left: int


def retry(stage: Stage, source: Source, folder: RunFolder) -> Retried:
    """Retry every record that the stage could not process, one at a time, from its kept content.

    Records that now succeed go to ``parts/<unit>.retry.parquet``. A record that never became a document stays:
    mend the input and run the same command as before, as changed files are worked on again. The records are
    worked on in a process of their own, so that one that kills it costs itself alone.
    """
    mended = 0
    with folder.writing():
        planned = plan(stage, source, folder)
        waiting = quarantined(folder)
        worker = Processes[Record, list[pa.RecordBatch]](partial(_make_worker, stage, source.schema), workers=1)
        with closing(worker):
            for task in planned.tasks:
                name = task.name
                records = _of(waiting, name) if name in planned.done else []
                again = [(record["row"], batches) for record in records if (batches := _again(record, worker))]
                if again:
                    out = [batch for _, batches in again for batch in batches]
                    _append(folder, name, task.key, stage, source, out, [row for row, _ in again])
                    mended += len(again)
        after = compare(planned.tasks, folder)
        missing = [f"{task.name}: its part is missing; run the same command again" for task in after.todo]
        settle(folder, source, after, dict(after.done), missing)
    return Retried(mended, waiting.num_rows - mended)


def _of(waiting: pa.Table, unit: str) -> list[Record]:
    chosen = pa.compute.equal(waiting.column("unit"), unit)
    return [row for row in waiting.filter(chosen).to_pylist() if row["reason"] == PROCESSING]


def _again(record: Record, worker: Processes[Record, list[pa.RecordBatch]]) -> list[pa.RecordBatch]:
    worker.submit(record)
    answer = worker.answer()
    if isinstance(answer, Failed) and isinstance(answer.error, Unavailable):
        raise answer.error
    return [] if isinstance(answer, Died | Failed) else answer


def _make_worker(stage: Stage, schema: pa.Schema) -> Callable[[Record], list[pa.RecordBatch]]:
    process = stage.load()

    def worker(record: Record) -> list[pa.RecordBatch]:
        kept = pa.RecordBatch.from_pylist([json.loads(record["content"])], schema=schema)
        rejects: list[Reject] = []
        return list(pieces(kept, [record["row"]], record["unit"], process, rejects))

    return worker


def _append(
    folder: RunFolder,
    unit: str,
    key: str,
    stage: Stage,
    source: Source,
    batches: list[pa.RecordBatch],
    rows: list[int],
) -> None:
    """Write the unit's retry part: what it held before, and the new rows."""
    path = folder.retry_part(unit)
    before = read_footer(folder.filesystem, path)
    counts = Counts()
    if before is not None:
        batches = [*pq.read_table(path, filesystem=folder.filesystem).to_batches(), *batches]
        rows = [*before["rows_retried"], *rows]
    schema = stage.schema(source.columns)
    with atomic_output(folder.filesystem, path) as stream, PartWriter(stream, schema) as writer:
        for batch in batches:
            writer.write(batch)
            counts += counted(batch)
        counts += Counts(quarantined=-len(rows))
        writer.close(footer_of(unit, key, stage) | {"counts": asdict(counts), "rows_retried": rows})
