"""Write a Parquet file again with some columns replaced; the pages of all others are copied as they are.

Text is nearly all of an annotated part, and no edit of a library changes it. To decode and compress it again takes
17 times as long as to copy its bytes (benchmarks/remap.py). So column chunks that don't change are copied, new ones are
put between, and the footer is made of both: offsets moved, everything else as it was. Source: the Parquet
format, https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

import io
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.products.remap.thrift import BINARY, LIST, STRUCT, Struct, read_struct, write_struct

MAGIC = b"PAR1"
COPY_BYTES = 4 << 20

# Field ids of parquet.thrift.
_ROW_GROUPS, _KEY_VALUES = 4, 5  # FileMetaData
_COLUMNS, _TOTAL_BYTES, _FILE_OFFSET, _COMPRESSED_BYTES = 1, 2, 5, 6  # RowGroup
_CHUNK_OFFSET, _META, _INDEXES = 2, 3, (4, 5, 6, 7)  # ColumnChunk: page indexes lie elsewhere and are optional
_PATH, _UNCOMPRESSED, _COMPRESSED = 3, 6, 7  # ColumnMetaData
_PAGES = (9, 10, 11)  # ColumnMetaData: offsets of data, index and dictionary pages
_BLOOM = (14, 15)

Fresh = Mapping[bytes, tuple[bytes, Struct]]
"""New column chunks: path → bytes of a file, and the chunk's struct, which says where it is in them."""

Renew = Callable[[int, Mapping[bytes, Struct]], Fresh]
"""Row group number and its column chunks by path → those that are new."""


def splice(source: Any, out: BinaryIO, renew: Renew, footer: Callable[[], dict[bytes, bytes]]) -> None:
    """Copy a Parquet file, with new column chunks where ``renew`` gives some, and new values of footer keys.

    ``footer`` is called once all row groups are written.

    A new chunk must be of the schema's type and as long as the row group. Pages keep their checksums. Memory: a
    row group's new chunks.

    Args:
        source: a seekable stream of the file. out: a stream to write to, which stands at 0.
    """
    meta = _metadata(source)
    written = _Counted(out)
    written.write(MAGIC)
    for number, (_, group) in enumerate(_items(meta, _ROW_GROUPS)):
        chunks = {path_of(chunk): chunk for _, chunk in _items(group, _COLUMNS)}
        _write_group(source, written, group, renew(number, chunks))
    meta[_KEY_VALUES] = LIST, (STRUCT, _key_values(meta, footer()))
    body = write_struct(meta)
    written.write(body)
    written.write(len(body).to_bytes(4, "little") + MAGIC)


def _metadata(source: Any) -> Struct:
    size = source.seek(0, io.SEEK_END)
    source.seek(size - 8)
    tail = source.read(8)
    if tail[4:] != MAGIC:
        raise pa.ArrowInvalid("not a Parquet file, or an encrypted one")
    length = int.from_bytes(tail[:4], "little")
    source.seek(size - 8 - length)
    return read_struct(source.read(length))[0]


def _items(struct: Struct, field: int) -> list[tuple[int, Any]]:
    item, values = struct[field][1] if field in struct else (STRUCT, [])
    return [(item, value) for value in values]


def encoded(table: pa.Table) -> Fresh:
    """Column chunks of a table as the runner writes them.

    But for dictionaries of scores: they are all different, and the writer would only find out after 1 MiB of them.
    """
    repeating = [f"{field.name}.list.element" for field in table.schema if not _holds_floats(field.type)]
    with io.BytesIO() as buffer:
        pq.write_table(
            table.combine_chunks(),
            buffer,
            row_group_size=max(1, table.num_rows),
            compression="zstd",
            use_dictionary=repeating or False,
            write_statistics=True,
            write_page_checksum=True,
        )
        whole = buffer.getvalue()
    (_, group), *_ = _items(_metadata(io.BytesIO(whole)), _ROW_GROUPS)
    return {path_of(chunk): (whole, chunk) for _, chunk in _items(group, _COLUMNS)}


def _holds_floats(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and pa.types.is_floating(kind.value_type)


def path_of(chunk: Struct) -> bytes:
    """Where a column chunk belongs in the schema: names joined by zeros."""
    return b"\0".join(chunk[_META][1][_PATH][1][1])


def place_of(chunk: Struct) -> tuple[int, int]:
    """Where a column chunk begins in its file, and how many bytes it has."""
    meta: Struct = chunk[_META][1]
    start = min(meta[field][1] for field in _PAGES if field in meta and meta[field][1] > 0)
    return start, meta[_COMPRESSED][1]


def _write_group(source: Any, out: "_Counted", group: Struct, fresh: Fresh) -> None:
    """One row group; its struct is changed to say where things are now. Neighbouring chunks are copied together."""
    first, uncompressed, compressed = out.at, 0, 0
    chunks: list[Struct] = []
    run: tuple[int, int] | None = None  # bytes of the source still to be copied
    planned = out.at
    for _, old in _items(group, _COLUMNS):
        whole, chunk = fresh.get(path_of(old), (None, old))
        meta: Struct = chunk[_META][1]
        start, length = place_of(chunk)
        if whole is None:
            if run is not None and run[1] == start:
                run = run[0], start + length
            else:
                _copy(source, out, run)
                run = start, start + length
        else:
            _copy(source, out, run)
            run = None
            out.write(memoryview(whole)[start : start + length])
        chunks.append(_moved(chunk, planned - start))
        planned += length
        uncompressed += meta[_UNCOMPRESSED][1]
        compressed += length
    _copy(source, out, run)
    assert out.at == planned
    group[_COLUMNS] = LIST, (STRUCT, chunks)
    for field, value in ((_TOTAL_BYTES, uncompressed), (_FILE_OFFSET, first), (_COMPRESSED_BYTES, compressed)):
        if field in group:
            group[field] = group[field][0], value


def _moved(chunk: Struct, by: int) -> Struct:
    meta: Struct = {
        field: (kind, value + by if field in _PAGES and value > 0 else value)
        for field, (kind, value) in chunk[_META][1].items()
        if field not in _BLOOM
    }
    moved = {field: value for field, value in chunk.items() if field not in _INDEXES}
    if moved[_CHUNK_OFFSET][1] > 0:
        moved[_CHUNK_OFFSET] = moved[_CHUNK_OFFSET][0], moved[_CHUNK_OFFSET][1] + by
    return moved | {_META: (STRUCT, meta)}


def _copy(source: Any, out: "_Counted", run: tuple[int, int] | None) -> None:
    if run is None:
        return
    at, end = run
    source.seek(at)
    while at < end:
        block = source.read(min(COPY_BYTES, end - at))
        if not block:
            raise pa.ArrowInvalid("the file ends before the column that its footer names")
        out.write(block)
        at += len(block)


def _key_values(meta: Struct, new: dict[bytes, bytes]) -> list[Struct]:
    kept = [pair for _, pair in _items(meta, _KEY_VALUES) if pair[1][1] not in new]
    return kept + [{1: (BINARY, key), 2: (BINARY, value)} for key, value in new.items()]


class _Counted:
    """A stream that knows where it is: those of object stores can't be asked."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.at = 0

    def write(self, data: bytes | memoryview) -> None:
        self._stream.write(data)
        self.at += len(data)
