"""One unit of work, from its source to its part: read, process, quarantine what can't be, write."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.corpus.source import DocumentSource, TableSource
from atlas.corpus.units import Reject, Unit
from atlas.digest import of_json
from atlas.errors import Unavailable
from atlas.stage import Process, Stage
from atlas.storage import atomic_output
from atlas.tables import QUARANTINE, SCHEMA_VERSION, SUMMED

Source = DocumentSource | TableSource

ROW_GROUP_BYTES = 16 << 20  # rows of output gathered before they are encoded; bounds memory, keeps reads cheap
FOOTER_KEY = b"atlas"
PROCESSING = "processing"  # reason of records that the stage itself could not process


@dataclass(frozen=True, slots=True)
class Counts:
    """Records of a unit or run. Without loss: ``records_in == records_out + quarantined``.

    ``sums`` are of the table's columns that are to be added up.
    """

    records_in: int = 0
    records_out: int = 0
    quarantined: int = 0
    rows: int = 0
    empty: int = 0
    tokens: int = 0
    labels: int = 0
    sums: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        added = {key: value + getattr(other, key) for key, value in asdict(self).items() if key != "sums"}
        names = [*self.sums, *(name for name in other.sums if name not in self.sums)]
        return Counts(**added, sums={name: self.sums.get(name, 0) + other.sums.get(name, 0) for name in names})

    @property
    def holds(self) -> bool:
        return self.records_in == self.records_out + self.quarantined


@dataclass(frozen=True, slots=True)
class Task:
    """A unit with its key and where its files go."""

    unit: Unit
    key: str
    part: str
    retry_part: str
    quarantine: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task."""

    name: str
    counts: Counts


def unit_key(unit: Unit, source: Source, stage: Stage) -> str:
    """Digest of all that the unit's part depends on."""
    return of_json(
        {
            "schema": SCHEMA_VERSION,
            "unit": unit.identity(),
            "source": source.identity(),
            "stage": stage.name,
            "settings": stage.identity(),
        }
    )


def work(task: Task, source: Source, stage: Stage, process: Process, filesystem: pafs.FileSystem) -> Outcome:
    """Make the part of a task. The part appears last: where it is, its quarantine file is complete."""
    schema = stage.schema(source.columns)
    counts = Counts()
    rejected: list[Reject] = []
    footer = footer_of(task.unit.name, task.key, stage)
    with atomic_output(filesystem, task.part) as stream, PartWriter(stream, schema) as writer:
        for batch in source.read(task.unit):
            documents = batch.documents
            rejects = list(batch.rejects)
            for piece in pieces(documents, batch.rows, task.unit.label, process, rejects):
                writer.write(piece)
                counts += counted(piece)
            arrived = documents.num_rows + len(batch.rejects)
            counts += Counts(records_in=arrived, quarantined=len(rejects))
            rejected.extend(rejects)
        writer.close(footer | {"counts": asdict(counts)})
        _write_quarantine(filesystem, task, rejected)
        _delete(filesystem, task.retry_part)  # its records are in this part, or in quarantine again
    return Outcome(task.unit.name, counts)


def footer_of(unit: str, key: str, stage: Stage) -> dict[str, Any]:
    """What every part says of where it is from."""
    return {"unit": unit, "key": key, "stage": stage.name, "schema": SCHEMA_VERSION, **stage.identity()}


def pieces(
    batch: pa.RecordBatch, rows: list[int], label: str, process: Process, rejects: list[Reject]
) -> Iterator[pa.RecordBatch]:
    """Process a batch; where it raises, halve it until the records that make it raise stand alone."""
    if batch.num_rows == 0:
        return
    try:
        yield process(batch)
        return
    except Unavailable:
        raise  # no record is at fault
    except Exception as error:
        if batch.num_rows == 1:
            rejects.append(_rejected(batch, rows[0], label, error))
            return
    half = batch.num_rows // 2
    yield from pieces(batch.slice(0, half), rows[:half], label, process, rejects)
    yield from pieces(batch.slice(half), rows[half:], label, process, rejects)


def _rejected(batch: pa.RecordBatch, row: int, label: str, error: Exception) -> Reject:
    record = batch.to_pylist()[0]
    detail = f"{type(error).__name__}: {error}"
    content = json.dumps(record, default=str).encode()
    return Reject(row, f"{label}, row {row}", record.get("doc_id"), PROCESSING, detail, content)


def counted(rows: pa.RecordBatch) -> Counts:
    """Counted from the rows themselves, not from what went in, so that the balance can fail."""
    keys = list(zip(rows.column("doc_id").to_pylist(), rows.column("chunk_id").to_pylist(), strict=True))
    per_chunk = "tag_status" in rows.schema.names  # each chunk is a record of its own
    records = len(set(keys)) if per_chunk else sum(chunk == 0 for _, chunk in keys)
    labels = rows.column("concept_ids").flatten() if "concept_ids" in rows.schema.names else ()
    return Counts(
        records_out=records,
        rows=rows.num_rows,
        empty=rows.column("status").to_pylist().count("empty"),
        tokens=pa.compute.sum(rows.column("token_count")).as_py() or 0,
        labels=len(labels),
        sums={name: pa.compute.sum(rows.column(name)).as_py() or 0 for name in SUMMED if name in rows.schema.names},
    )


def quarantined_rows(filesystem: pafs.FileSystem, path: str) -> int | None:
    """How many records a quarantine file holds; None where it is no whole file."""
    try:
        return pq.read_metadata(path, filesystem=filesystem).num_rows
    except (pa.ArrowInvalid, OSError):
        return None


def _write_quarantine(filesystem: pafs.FileSystem, task: Task, rejected: list[Reject]) -> None:
    if not rejected:
        _delete(filesystem, task.quarantine)
        return
    records = [{"unit": task.unit.name, **{k: getattr(r, k) for k in _REJECT_FIELDS}} for r in rejected]
    table = pa.Table.from_pylist(records, schema=QUARANTINE)
    with atomic_output(filesystem, task.quarantine) as stream:
        pq.write_table(table, stream, compression="zstd", write_page_checksum=True)


def _delete(filesystem: pafs.FileSystem, path: str) -> None:
    if filesystem.get_file_info(path).type != pafs.FileType.NotFound:
        filesystem.delete_file(path)


_REJECT_FIELDS = ("row", "location", "doc_id", "reason", "detail", "content")


class PartWriter:
    """Parquet with row groups of bounded size and a checksum on every page. The bytes depend on the rows alone."""

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(
            stream, schema, compression="zstd", write_statistics=True, write_page_checksum=True
        )
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None:
            self._writer.is_open = False  # else the garbage collector would end a file that is given up

    def write(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch.cast(self._schema))
        self._bytes += batch.nbytes
        if self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._batches:
            table = pa.Table.from_batches(self._batches).combine_chunks()
            self._writer.write_table(table, row_group_size=table.num_rows)
        self._batches, self._bytes = [], 0

    def close(self, footer: dict[str, Any]) -> None:
        self._flush()
        text = json.dumps(footer, sort_keys=True)
        self._writer.add_key_value_metadata({FOOTER_KEY.decode(): text})
        self._writer.close()


def read_footer(filesystem: pafs.FileSystem, path: str) -> dict[str, Any] | None:
    """What a part says of itself; None where the file is no whole part of Atlas."""
    try:
        metadata = pq.read_metadata(path, filesystem=filesystem).metadata
    except (pa.ArrowInvalid, OSError):
        return None
    text = (metadata or {}).get(FOOTER_KEY)
    return json.loads(text) if text else None
