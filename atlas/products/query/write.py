"""The rows of an answer as CSV, JSON, JSON Lines or Parquet, a batch at a time."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.storage import atomic_output, resolve

Format = Literal["csv", "json", "jsonl", "parquet"]
ENDINGS: dict[str, Format] = {"csv": "csv", "json": "json", "jsonl": "jsonl", "parquet": "parquet"}


def format_of(path: str) -> Format:
    """The format that a file's name ends in.

    Raises:
        AtlasError: it ends in none.
    """
    ending = path.rsplit(".", 1)[-1].lower()
    if ending not in ENDINGS:
        raise AtlasError(f"--out {path}: name it .{', .'.join(ENDINGS)}, or say --format")
    return ENDINGS[ending]


def save(reader: pa.RecordBatchReader, path: str, form: Format) -> int:
    """Write all rows to a file on any filesystem, which is there whole or not at all. Returns the number of rows."""
    filesystem, name = resolve(path)
    with atomic_output(filesystem, name) as stream:
        return write(reader, stream, form)


def write(reader: pa.RecordBatchReader, stream: BinaryIO, form: Format) -> int:
    """Write all rows to a binary stream; returns their number."""
    if form == "parquet":
        return _parquet(reader, stream)
    rows = 0
    for text, number in _TEXTS[form](reader):
        stream.write(text.encode())
        rows += number
    return rows


def _parquet(reader: pa.RecordBatchReader, stream: BinaryIO) -> int:
    rows = 0
    with pq.ParquetWriter(stream, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _csv(reader: pa.RecordBatchReader) -> Iterator[tuple[str, int]]:
    yield _lines([reader.schema.names]), 0
    for batch in reader:
        columns = [[_cell(value) for value in column.to_pylist()] for column in batch.columns]
        yield _lines(zip(*columns, strict=True)), batch.num_rows


def _lines(rows: Any) -> str:
    gathered = io.StringIO()
    csv.writer(gathered, lineterminator="\n").writerows(rows)
    return gathered.getvalue()


def _cell(value: Any) -> Any:
    return as_json(value) if isinstance(value, list | dict | bytes) else value


def as_json(value: Any) -> str:
    """A value as JSON; bytes as text, what JSON has no form for (dates, decimals) as words."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _objects(reader: pa.RecordBatchReader) -> Iterator[list[str]]:
    names = reader.schema.names
    for batch in reader:
        columns = [column.to_pylist() for column in batch.columns]
        yield [as_json(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]


def _json_lines(reader: pa.RecordBatchReader) -> Iterator[tuple[str, int]]:
    for objects in _objects(reader):
        yield "".join(f"{line}\n" for line in objects), len(objects)


def _json(reader: pa.RecordBatchReader) -> Iterator[tuple[str, int]]:
    before = "["
    for objects in _objects(reader):
        if objects:
            yield before + "\n" + ",\n".join(objects), len(objects)
            before = ","
    yield ("[]\n" if before == "[" else "\n]\n"), 0


_TEXTS = {"csv": _csv, "json": _json, "jsonl": _json_lines}
