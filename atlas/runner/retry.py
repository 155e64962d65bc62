"""Process again what a run put in quarantine, and nothing else. Good parts are not rewritten."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from atlas.corpus.source import DocumentSource
from atlas.corpus.units import Reject
from atlas.errors import Unavailable
from atlas.runner.balance import settle
from atlas.runner.counts import Counts, counted
from atlas.runner.executors import Died, Failed
from atlas.runner.folder import MANIFEST, RunFolder, unit_of
from atlas.runner.footers import each, read_footer
from atlas.runner.mended import mended_inputs
from atlas.runner.part import PROCESSING, Source, Task, footer_of, pieces
from atlas.runner.part_writer import PartWriter
from atlas.runner.plan import Plan, compare, plan
from atlas.runner.processes import Processes
from atlas.runner.remake import came_out, cleared, made_anew
from atlas.runner.repeats import NAMED
from atlas.runner.sittings import inputs_of
from atlas.stage import Stage
from atlas.storage import atomic_output, store_failed

Record = dict[str, Any]
Worker = Processes[Record, list[pa.RecordBatch]]
RECORDS = 64  # of a quarantine file decoded at a time; its row groups are bounded in bytes


@dataclass(frozen=True, slots=True)
class Retried:
    """How many records came out of quarantine, and how many stay there.

    ``remade``: units of mended inputs that were made anew. ``removed``: units that such an input has no more.
    ``problems``: one line for each thing that keeps the run from being sound.
    """

    mended: int
    left: int
    remade: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def retry(stage: Stage, source: Source, folder: RunFolder, started: Callable[[Plan], None] = lambda _: None) -> Retried:
    """Retry what is in quarantine, where there is reason to: one unit and one record at a time.

    Where an input has changed since records of it were put in quarantine, its units are made anew as a run makes them.
    Of all others, records that the stage could not process are processed again from their kept content; those that now
    succeed go to ``parts/<unit>.retry.parquet``. What never became a document stays as long as its input is as it was.
    The work is done in processes of its own, so that a record that kills one costs itself alone.

    Args:
        started: called once with the plan, before any work.

    Raises:
        AtlasError: the corpus is gone, the disk is full, or what the stage needs is not there.
    """
    with folder.writing():
        planned = plan(stage, source, folder)
        started(planned)
        failures: dict[str, str] = {}
        inputs = mended_inputs(planned, stage, folder) if isinstance(source, DocumentSource) else []
        made = made_anew(inputs, stage, source, folder, failures)
        removed = [name for given in inputs for name in cleared(given, made, folder)]
        mended = sum(came_out(given, made) for given in inputs)
        kept = planned.done.found(map(unit_of, folder.names("quarantine")))
        with closing(Worker(partial(_make_worker, stage, source.schema), workers=1)) as worker:
            for task in planned.tasks.picked(np.sort(kept[kept >= 0])):
                mended += _unit_retried(task, worker, stage, source, folder, failures)
        after = compare(planned.tasks, folder)
        result = settle(folder, source, after, after.done, _left_undone(after, folder, failures))
        manifest = folder.read(MANIFEST)
        if inputs and not after.todo and manifest is not None:  # it names the inputs that the parts are made of
            now = inputs_of(task.unit for task in planned.tasks)
            folder.claim(manifest["stage"], manifest["corpus"], manifest["recipe"], now)
        left = _left(folder)
    return Retried(mended, left, tuple(made), tuple(removed), tuple(result.problems()))


def _unit_retried(
    task: Task, worker: Worker, stage: Stage, source: Source, folder: RunFolder, failures: dict[str, str]
) -> int:
    """Retry a unit's records that the stage could not process; how many came out.

    The unit's retry part is written anew: what it held before, and the new rows.
    """
    path, kept = folder.retry_part(task.name), folder.quarantine(task.name)
    before = read_footer(folder.filesystem, path)
    back: list[int] = list(before["rows_retried"]) if before is not None and before["key"] == task.key else []
    already, counts = len(back), Counts()
    try:
        with ExitStack() as open_files:
            writer = None
            for record in _waiting(folder, kept, set(back)):
                again = _again(record, worker)
                if not again:
                    continue
                batches: Iterable[pa.RecordBatch] = again
                if writer is None:
                    stream = open_files.enter_context(atomic_output(folder.filesystem, path))
                    writer = open_files.enter_context(PartWriter(stream, stage.schema(source.columns)))
                    batches = chain(_rows(folder, path), again) if already else again
                for batch in batches:
                    writer.write(batch)
                    counts += counted(batch)
                back.append(record["row"])
            if writer is not None:
                counts += Counts(quarantined=-len(back))
                writer.close(footer_of(task.name, task.key, stage) | {"counts": asdict(counts), "rows_retried": back})
    except (pa.ArrowInvalid, OSError) as error:
        if store_failed(error):
            raise
        failures[task.name] = f"{kept} is damaged ({str(error).splitlines()[0]}); run the same command with --verify"
        return 0
    return len(back) - already


def _waiting(folder: RunFolder, path: str, back: Collection[int]) -> Iterator[Record]:
    """Records of a quarantine file that the stage could not process, but for those already back."""
    file = pq.ParquetFile(path, filesystem=folder.filesystem, page_checksum_verification=True)
    for group in range(file.num_row_groups):
        reasons = file.read_row_group(group, columns=["reason"]).column("reason")
        if not pc.any(pc.equal(reasons, PROCESSING)).as_py():
            continue
        for batch in file.iter_batches(RECORDS, row_groups=[group]):
            for record in batch.to_pylist():
                if record["reason"] == PROCESSING and record["row"] not in back:
                    yield record


def _rows(folder: RunFolder, path: str) -> Iterator[pa.RecordBatch]:
    return pq.ParquetFile(path, filesystem=folder.filesystem).iter_batches()


def _again(record: Record, worker: Worker) -> list[pa.RecordBatch]:
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
        return list(pieces(kept, [record["row"]], lambda _: str(record["location"]), process, rejects))

    return worker


def _left_undone(after: Plan, folder: RunFolder, failures: dict[str, str]) -> list[str]:
    """One line for each unit that could not be retried, or that is a run's to do; of many, the first."""
    told = dict(failures)
    left = len(after.todo) + sum(name in after.done for name in failures)
    for task in islice(after.todo, NAMED):
        outdated = folder.filesystem.get_file_info(folder.part(task.name)).is_file
        why = "its input, settings or models have changed" if outdated else "its part is missing"
        told.setdefault(task.name, f"{why}; run the same command again")
    lines = [f"{name}: {why}" for name, why in told.items()]
    return lines[:NAMED] + ([f"{left - NAMED:,} units more"] if left > NAMED else [])


def _left(folder: RunFolder) -> int:
    """Records in quarantine, but for those that came out."""
    back = (len(file.footer.rows_retried) if file.footer is not None else 0 for file in each(folder, ["parts"]))
    return sum(file.records or 0 for file in each(folder, ["quarantine"])) - sum(back)
