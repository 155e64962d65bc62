"""Write a part: Parquet whose bytes depend on the rows alone, small, and with a checksum on every page."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from atlas.runner.ahead import WriteBehind

FOOTER_KEY = b"atlas"
ROW_GROUP_ROWS = 32_768  # read at a time by readers: 2 MB without texts, 15 MB with them
ROW_GROUP_BYTES = 64 << 20  # of strings; reached only where texts or carried columns are huge
TEXTS = ("text", "completion")
ZSTD_LEVEL = 3  # 9 saves 1 to 2 % more, in up to twice the time
BLOCK_ROWS = 1_024  # the bytes are looked at every so many rows


class PartWriter:
    """Gathers rows into row groups and writes each in a thread while the next one is made.

    A row group ends at ROW_GROUP_ROWS, or at the first block of BLOCK_ROWS behind ROW_GROUP_BYTES: a function of the
    rows, not of the batches in which they came.
    """

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(stream, schema, write_page_checksum=True, **encodings(schema))
        self._waiting: list[pa.RecordBatch] = []  # rows that do not fill a block yet
        self._group: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0  # of the group
        self._behind = WriteBehind()

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._behind.close()
        if error is not None:
            self._writer.is_open = False  # else the garbage collector would end a file that is given up

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch.cast(self._schema))
        if sum(rows.num_rows for rows in self._waiting) < BLOCK_ROWS:
            return
        *blocks, rest = _blocks(pa.concat_batches(self._waiting))
        for block in blocks:
            self._add(block)
        self._waiting = [rest]

    def _add(self, block: pa.RecordBatch) -> None:
        self._group.append(block)
        self._rows += block.num_rows
        self._bytes += _string_bytes(block)
        if self._rows >= ROW_GROUP_ROWS or self._bytes >= ROW_GROUP_BYTES:
            self._end_group()

    def _end_group(self) -> None:
        group, self._group = self._group, []
        self._rows = self._bytes = 0
        if group:
            self._behind.call(self._write_group, group)

    def _write_group(self, group: list[pa.RecordBatch]) -> None:
        table = pa.Table.from_batches([pa.concat_batches(group)])
        self._writer.write_table(table, row_group_size=table.num_rows)

    def close(self, footer: dict[str, Any]) -> None:
        rest = pa.concat_batches(self._waiting) if self._waiting else None
        if rest is not None and rest.num_rows:
            self._add(rest)
        self._end_group()
        self._behind.join()
        self._writer.add_key_value_metadata({FOOTER_KEY.decode(): json.dumps(footer, sort_keys=True)})
        self._writer.close()


def encodings(schema: pa.Schema) -> dict[str, Any]:
    """How the columns of a table are encoded: settings of ``pyarrow.parquet.ParquetWriter``.

    Chosen by measurement (``benchmarks/part_size.py``): whole numbers that grow along the rows as differences, free
    texts as they are, all else (ids, labels, lists of either) by dictionary.
    """
    numbers = [field.name for field in schema if pa.types.is_integer(field.type)]
    others = [field for field in schema if field.name not in {*numbers, *TEXTS}]
    return {
        "compression": "zstd",
        "compression_level": ZSTD_LEVEL,
        "use_dictionary": [f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name for f in others],
        "column_encoding": dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
    }


def _blocks(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Whole blocks, then the rest, which may be empty."""
    whole = rows.num_rows - rows.num_rows % BLOCK_ROWS
    for start in range(0, whole, BLOCK_ROWS):
        yield rows.slice(start, BLOCK_ROWS)
    yield rows.slice(whole)


def _string_bytes(rows: pa.RecordBatch) -> int:
    """Bytes of a batch's texts. (``nbytes`` would depend on how the batch came to be.)"""
    strings = (column for column in rows.columns if pa.types.is_string(column.type))
    return sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in strings)
