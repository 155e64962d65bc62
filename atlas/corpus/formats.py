"""One pair of functions per format: plan its units, read the rows of one unit."""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.corpus.files import File, content_digest
from atlas.corpus.rows import Row
from atlas.corpus.units import Unit, part_name
from atlas.errors import AtlasError
from atlas.storage import store_failed

BROKEN = "broken"  # format of a file that is not what its name says
PEEK_ROWS = 100  # rows of a JSON Lines file in which a wrong column name is looked for
READ_BYTES = 1 << 16  # compressed bytes decoded at a time
READ_ROWS = 256  # rows decoded at a time: bounds memory on files whose row groups are huge
STREAM_BYTES = 4 << 20  # of a column read at a time, by one request to a store: else a row group would be read whole


def plan_parquet(filesystem: pafs.FileSystem, file: File, unit_bytes: int) -> Iterator[Unit]:
    """Units of whole row groups, of about ``unit_bytes`` compressed bytes each."""
    metadata = parquet_file(filesystem, file.path).metadata
    fingerprint = content_digest(filesystem, [file])
    start, rows, size = 0, 0, 0
    for group in range(metadata.num_row_groups):
        described = metadata.row_group(group)
        rows += described.num_rows
        size += sum(described.column(c).total_compressed_size for c in range(described.num_columns))
        if size >= unit_bytes or group == metadata.num_row_groups - 1:
            name = part_name(file.label, start, group + 1)
            yield Unit(name, "parquet", file.path, file.label, start, group + 1, fingerprint, rows, size)
            start, rows, size = group + 1, 0, 0


def parquet_file(filesystem: pafs.FileSystem, path: str) -> pq.ParquetFile:
    """Open a Parquet file; pages that carry a checksum are checked against it when they are read.

    Raises:
        AtlasError: it is not one, or not a whole one.
        OSError: its store does not give it.
    """
    try:
        return pq.ParquetFile(
            path, filesystem=filesystem, buffer_size=STREAM_BYTES, pre_buffer=False, page_checksum_verification=True
        )
    except (pa.ArrowInvalid, OSError) as error:
        if store_failed(error):
            raise
        raise AtlasError(
            f"{path}: not a readable Parquet file ({str(error).splitlines()[0]}). It may be cut off: "
            "write it again, or take it out of the corpus."
        ) from error


def plan_broken(filesystem: pafs.FileSystem, file: File) -> Unit:
    """One unit of one record: a file of which nothing can be read."""
    fingerprint = content_digest(filesystem, [file])
    return Unit(part_name(file.label, 0, 1), BROKEN, file.path, file.label, 0, 1, fingerprint, 1, file.size)


def read_broken(filesystem: pafs.FileSystem, unit: Unit) -> Iterator[Row]:
    """The file as one record that could not be read."""
    try:
        parquet_file(filesystem, unit.path)
    except AtlasError as error:
        yield Row(0, unit.path, None, str(error).removeprefix(f"{unit.path}: "))
        return
    raise AtlasError(f"{unit.path}: changed since the run began; run the same command again")


def read_parquet(filesystem: pafs.FileSystem, unit: Unit, named: Iterable[str]) -> Iterator[Row]:
    """Rows of a unit, with those of the ``named`` columns that are there.

    A row whose text is no valid UTF-8 comes back unread, with its bytes; so does, without any, each row of a
    damaged row group from the damage on.
    """
    file = parquet_file(filesystem, unit.path)
    present = file.schema_arrow.names
    columns = [name for name in dict.fromkeys(named) if name in present]
    for group in range(unit.start, unit.stop):
        number = sum(file.metadata.row_group(g).num_rows for g in range(group))
        end = number + file.metadata.row_group(group).num_rows
        try:
            for rows in map(_rows_of, file.iter_batches(READ_ROWS, row_groups=[group], columns=columns)):
                for values in rows:
                    location = f"{unit.path}, row {number}"
                    if isinstance(values, dict):
                        yield Row(number, location, values)
                    else:
                        yield Row(number, location, None, str(values), getattr(values, "object", None))
                    number += 1
        except (pa.ArrowInvalid, OSError) as error:
            if store_failed(error):
                raise
            problem = f"row group {group} is damaged: {str(error).splitlines()[0]}"
            for lost in range(number, end):
                yield Row(lost, f"{unit.path}, row {lost}", None, problem)


def _rows_of(batch: pa.RecordBatch) -> list[dict[str, Any] | Exception]:
    try:
        return batch.to_pylist()
    except (ValueError, OverflowError):  # text that is not UTF-8, dates that Python has none of
        return [_row_of(batch.slice(index, 1)) for index in range(batch.num_rows)]


def _row_of(one: pa.RecordBatch) -> dict[str, Any] | Exception:
    try:
        return one.to_pylist()[0]
    except (ValueError, OverflowError) as error:
        return error


def plan_json_lines(filesystem: pafs.FileSystem, file: File, unit_bytes: int) -> Iterator[Unit]:
    """Byte ranges of a plain file; a compressed file is one unit, as it can't be entered in the middle."""
    fingerprint = content_digest(filesystem, [file])
    if file.format != "jsonl":
        name = part_name(file.label, 0, 1)
        yield Unit(name, file.format, file.path, file.label, 0, file.size, fingerprint, -1, file.size)
        return
    for index, start in enumerate(range(0, file.size, unit_bytes)):
        stop = min(start + unit_bytes, file.size)
        name = part_name(file.label, index, index + 1)
        yield Unit(name, "jsonl", file.path, file.label, start, stop, fingerprint, -1, stop - start)


def read_json_lines(filesystem: pafs.FileSystem, unit: Unit) -> Iterator[Row]:
    """Rows of the lines that begin inside the unit's bytes. Row numbers are byte offsets in plain files."""
    plain = unit.format == "jsonl"
    with filesystem.open_input_file(unit.path) as raw:
        lines = _lines_between(raw, unit.start, unit.stop) if plain else _compressed_lines(raw, unit)
        try:
            for number, place, line in lines:
                if line.strip():
                    yield _parsed(number, f"{unit.path}, {place}", line)
        except Broken as error:
            yield Row(error.line, f"{unit.path}, from line {error.line + 1} on", None, str(error))


class Broken(Exception):
    """The rest of a file, from a line on, can't be read."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def _lines_between(raw: Any, start: int, stop: int) -> Iterator[tuple[int, str, bytes]]:
    stream = io.BufferedReader(raw, 1 << 20)
    if start > 0:
        # The line that reaches into this unit belongs to the one before.
        stream.seek(start - 1)
        stream.readline()
    offset = stream.tell()
    while offset < stop:
        line = stream.readline()
        if not line:
            return
        yield offset, f"byte {offset}", line
        offset += len(line)


def _compressed_lines(raw: Any, unit: Unit) -> Iterator[tuple[int, str, bytes]]:
    number = -1
    try:
        for number, line in enumerate(decompressed(raw, unit.format)):
            yield number, f"line {number + 1}", line
    except (EOFError, OSError, zlib.error, zstd_error()) as error:
        if store_failed(error):
            raise
        raise Broken(number + 1, f"compressed data breaks off or is damaged ({error}); write the file again") from error


def decompressed(raw: BinaryIO, kind: str) -> Iterable[bytes]:
    if kind.endswith(".gz"):
        return gzip.GzipFile(fileobj=raw)
    return io.BufferedReader(_Blocks(_zstd_blocks(raw)), 1 << 20)


def _zstd_blocks(raw: BinaryIO) -> Iterator[bytes]:
    """What all frames hold. zstandard's own reader takes a frame that breaks off for the end of the file."""
    import zstandard

    decoder = zstandard.ZstdDecompressor()
    frame = None
    while data := raw.read(READ_BYTES):
        while data:
            frame = frame or decoder.decompressobj()
            yield frame.decompress(data)
            data = frame.unused_data
            if frame.eof:
                frame = None
    if frame is not None:
        raise EOFError("the last frame has no end")


class _Blocks(io.RawIOBase):
    """Blocks of bytes as a raw stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = memoryview(block)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def zstd_error() -> type[Exception]:
    import zstandard

    return zstandard.ZstdError


def json_lines_columns(filesystem: pafs.FileSystem, file: File) -> list[str] | None:
    """Keys of the first PEEK_ROWS objects of a file, in order of appearance; None where the file has no row."""
    whole = Unit("", file.format, file.path, file.label, 0, file.size, "", -1, file.size)
    first = list(islice(read_json_lines(filesystem, whole), PEEK_ROWS))
    return list(dict.fromkeys(key for row in first for key in row.values or ())) if first else None


def _parsed(number: int, location: str, line: bytes) -> Row:
    if number == 0:
        line = line.removeprefix(codecs.BOM_UTF8)  # Windows programs put one at the start of a file
    try:
        values = json.loads(line.decode())
    except UnicodeDecodeError as error:
        problem = f"not UTF-8: byte 0x{line[error.start]:02x} at position {error.start} of the line"
        return Row(number, location, None, problem, line)
    except ValueError as error:
        return Row(number, location, None, f"not JSON: {error}", line)
    except RecursionError:
        return Row(number, location, None, "not JSON: nested too deeply", line)
    if not isinstance(values, dict):
        return Row(number, location, None, f"holds a JSON {type(values).__name__}, not an object", line)
    return Row(number, location, values)


def plan_text(filesystem: pafs.FileSystem, files: list[File], unit_bytes: int) -> Iterator[Unit]:
    """Neighbouring text files grouped to about ``unit_bytes``; each file is one document."""
    start, size = 0, 0
    for index, file in enumerate(files):
        size += file.size
        if size >= unit_bytes or index == len(files) - 1:
            group = files[start : index + 1]
            name = part_name("text", start, index + 1)
            fingerprint = content_digest(filesystem, group)
            paths = json.dumps([[f.path, f.label] for f in group])
            yield Unit(name, "text", paths, "text", start, index + 1, fingerprint, len(group), size)
            start, size = index + 1, 0


def read_text(filesystem: pafs.FileSystem, unit: Unit, text_column: str, id_column: str | None) -> Iterator[Row]:
    """One row a file: its text, its path below the corpus folder as the id, its folder as the source."""
    for index, (path, label) in enumerate(json.loads(unit.path)):
        with filesystem.open_input_stream(path) as stream:
            raw = stream.read()
        try:
            text = raw.removeprefix(codecs.BOM_UTF8).decode()
        except UnicodeDecodeError as error:
            yield Row(unit.start + index, path, None, f"not UTF-8 (byte {error.start}); save it as UTF-8", raw)
            continue
        folder = label.rsplit("/", 1)[0] if "/" in label else "text"
        yield Row(unit.start + index, path, {text_column: text, (id_column or "id"): label, "source": folder})


def plan_dataset(dataset: Any, url: str, unit_rows: int) -> Iterator[Unit]:
    """Row ranges of a Hugging Face dataset."""
    for start in range(0, len(dataset), unit_rows):
        stop = min(start + unit_rows, len(dataset))
        label = url.removeprefix("hf:").rstrip("/").rsplit("/", 1)[-1]
        yield Unit(
            part_name(label, start, stop), "dataset", url, label, start, stop, dataset._fingerprint, stop - start, 0
        )


def read_dataset(dataset: Any, unit: Unit) -> Iterator[Row]:
    for start in range(unit.start, unit.stop, READ_ROWS):
        batch = dataset[start : min(start + READ_ROWS, unit.stop)]
        for index in range(len(next(iter(batch.values())))):
            number = start + index
            yield Row(number, f"{unit.path}, row {number}", {name: batch[name][index] for name in batch})
