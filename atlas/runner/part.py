"""One unit of work, from its source to its part: read, process, quarantine what can't be, write."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

import pyarrow as pa

from atlas.corpus.source import DocumentSource, TableSource
from atlas.corpus.units import Reject, Unit
from atlas.digest import of_json
from atlas.errors import Unavailable
from atlas.runner.ahead import read_ahead
from atlas.runner.counts import Counts, counted
from atlas.runner.folder import RunFolder
from atlas.runner.guard import Guard, described
from atlas.runner.part_writer import PartWriter
from atlas.runner.quarantine import QuarantineWriter
from atlas.stage import Process, Stage
from atlas.storage import atomic_output, delete
from atlas.tables import SCHEMA_VERSION

Source = DocumentSource | TableSource

PROCESSING = "processing"  # reason of records that the stage itself could not process
CAREFUL_RECORDS = 16  # processed together after a worker died: it may have run out of memory


class Care(IntEnum):
    """How careful to be with a unit, after a worker died with it."""

    NONE = 0
    SMALL_BATCHES = 1  # if it was memory, less is enough; if the worker died by chance, nothing was wrong
    GUARDED = 2  # in a process of its own, so that a record that kills costs itself alone


@dataclass(frozen=True, slots=True)
class Task:
    """A unit with its key."""

    unit: Unit
    key: str
    care: Care = Care.NONE

    @property
    def name(self) -> str:
        return self.unit.name


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task."""

    name: str
    counts: Counts


def keys_of(source: Source, stage: Stage) -> Callable[[Unit], str]:
    """The key of each unit: the digest of all that its part depends on. What units share is digested once."""
    shared = of_json(
        {"schema": SCHEMA_VERSION, "source": source.identity(), "stage": stage.name, "settings": stage.identity()}
    )
    return lambda unit: of_json({"unit": unit.identity(), "shared": shared})


def work(task: Task, source: Source, stage: Stage, process: Process, folder: RunFolder) -> Outcome:
    """Make the part of a task. The part appears last: where it is, its quarantine file is complete."""
    counts = Counts()
    footer = footer_of(task.name, task.key, stage)
    with ExitStack() as open_files:
        if task.care is Care.GUARDED:
            process = open_files.enter_context(Guard(stage)).process
        stream = open_files.enter_context(atomic_output(folder.filesystem, folder.part(task.name)))
        writer = open_files.enter_context(PartWriter(stream, stage.schema(source.columns)))
        quarantine = open_files.enter_context(QuarantineWriter(folder, task.name))
        for batch in read_ahead(source.read(task.unit)):
            rejects = list(batch.rejects)
            for documents, rows in _portions(batch.documents, batch.rows, task.care):
                for piece in pieces(documents, rows, task.unit.place, process, rejects):
                    writer.write(piece)
                    counts += counted(piece)
            arrived = batch.documents.num_rows + len(batch.rejects)
            counts += Counts(records_in=arrived, quarantined=len(rejects))
            quarantine.write(rejects)
        writer.close(footer | {"counts": asdict(counts)})
        quarantine.close()
        delete(folder.filesystem, folder.retry_part(task.name))  # its records are in this part, or in quarantine again
    return Outcome(task.name, counts)


def footer_of(unit: str, key: str, stage: Stage) -> dict[str, Any]:
    """What every part says of where it is from."""
    return {"unit": unit, "key": key, "stage": stage.name, "schema": SCHEMA_VERSION, **stage.identity()}


def _portions(batch: pa.RecordBatch, rows: list[int], care: Care) -> Iterator[tuple[pa.RecordBatch, list[int]]]:
    """The batch whole, or in a few records at a time."""
    step = CAREFUL_RECORDS if care else max(1, batch.num_rows)
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step), rows[start : start + step]


def pieces(
    batch: pa.RecordBatch, rows: list[int], place: Callable[[int], str], process: Process, rejects: list[Reject]
) -> Iterator[pa.RecordBatch]:
    """Process a batch; where it raises, halve it until the records that make it raise stand alone.

    ``place`` says where the record of a number is.
    """
    if batch.num_rows == 0:
        return
    try:
        yield process(batch)
        return
    except Unavailable:
        raise  # no record is at fault
    except Exception as error:
        if batch.num_rows == 1:
            rejects.append(_rejected(batch, rows[0], place(rows[0]), error))
            return
    half = batch.num_rows // 2
    yield from pieces(batch.slice(0, half), rows[:half], place, process, rejects)
    yield from pieces(batch.slice(half), rows[half:], place, process, rejects)


def _rejected(batch: pa.RecordBatch, row: int, location: str, error: Exception) -> Reject:
    record = batch.to_pylist()[0]
    content = json.dumps(record, default=str).encode()
    return Reject(row, location, record.get("doc_id"), PROCESSING, described(error), content)
