"""Parquet files of exports: what they are made from in the footer, bytes that depend on the rows alone."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.products.export.folder import ExportFolder

FOOTER = b"atlas_export"
ROW_GROUP_BYTES = 16 << 20  # gathered before they are encoded: bounds memory, keeps reads cheap
ROW_GROUP_ROWS = 1 << 16


def rows(folder: ExportFolder, name: str) -> int | None:
    """How many rows a file has; None where it is no whole Parquet file."""
    try:
        return pq.read_metadata(folder.path(name), filesystem=folder.filesystem).num_rows
    except (pa.ArrowInvalid, OSError):
        return None


def rows_if_done(folder: ExportFolder, name: str, key: str) -> int | None:
    """How many rows a file has, where it is there, whole and of this key; else None."""
    try:
        metadata = pq.read_metadata(folder.path(name), filesystem=folder.filesystem)
    except (pa.ArrowInvalid, OSError):
        return None
    said = (metadata.metadata or {}).get(FOOTER)
    return metadata.num_rows if said and json.loads(said).get("key") == key else None


def write(
    folder: ExportFolder, name: str, key: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], **facts: Any
) -> int:
    """Write a file, unless it is there with this key; returns its rows.

    Args:
        key: digest of all that the rows depend on.
        batches: of the schema; not looked at where the file is there.
        facts: further values for the footer.
    """
    done = rows_if_done(folder, name, key)
    if done is not None:
        return done
    written = 0
    with folder.create(name) as stream:
        writer = pq.ParquetWriter(stream, schema, compression="zstd", write_page_checksum=True, write_page_index=True)
        try:
            for table in _row_groups(batches, schema):
                writer.write_table(table, row_group_size=max(1, table.num_rows))
                written += table.num_rows
        except BaseException:
            writer.is_open = False  # else the garbage collector would end a file that is given up
            raise
        writer.add_key_value_metadata({FOOTER.decode(): json.dumps({"key": key, **facts}, sort_keys=True)})
        writer.close()
    return written


def _row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Batches gathered until they are worth a row group."""
    held: list[pa.RecordBatch] = []
    size = rows = 0
    for batch in batches:
        held.append(batch)
        size, rows = size + batch.nbytes, rows + batch.num_rows
        if size >= ROW_GROUP_BYTES or rows >= ROW_GROUP_ROWS:
            yield pa.Table.from_batches(held, schema)
            held, size, rows = [], 0, 0
    if held:
        yield pa.Table.from_batches(held, schema)
