"""Tables that a run keeps beside its parts to be quicker the next time: right, or as good as not there.

Rows are in the order of their first value, and are read and written a few at a time.
"""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.corpus.packed import AT_ONCE, Row
from atlas.runner.folder import RunFolder
from atlas.storage import atomic_output

GROUP_BYTES = 1 << 20  # of strings in a row group: it is held in memory to be written


def rows(
    folder: RunFolder, name: str, schema: pa.Schema, at_once: int = AT_ONCE, columns: list[str] | None = None
) -> Iterator[Row]:
    """The rows of a table, of a damaged one up to the damage; none where there is none, or one of another version."""
    try:
        path = f"{folder.root}/{name}"
        with pq.ParquetFile(
            path, filesystem=folder.filesystem, page_checksum_verification=True, pre_buffer=False
        ) as file:
            if file.schema_arrow.equals(schema):
                for batch in file.iter_batches(at_once, columns=columns, use_threads=False):
                    yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
    except (pa.ArrowInvalid, OSError):
        return


def update(folder: RunFolder, name: str, schema: pa.Schema, new: Iterable[Row], old: Iterable[Row]) -> None:
    """Write a table of both; where both have rows of the same first value, of the new ones alone."""
    for _ in written(folder, name, schema, _newest(new, old)):
        pass


def written(folder: RunFolder, name: str, schema: pa.Schema, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, which are written while they pass by; the table appears when all have."""
    with atomic_output(folder.filesystem, f"{folder.root}/{name}") as stream:
        writer = pq.ParquetWriter(stream, schema, compression="zstd", write_page_checksum=True)
        try:
            group: list[Row] = []
            size = 0
            for row in rows:
                group.append(row)
                size += sum(len(value) for value in row if isinstance(value, str | bytes))
                if size >= GROUP_BYTES:
                    writer.write_batch(_batch(group, schema))
                    group, size = [], 0
                yield row
            if group:
                writer.write_batch(_batch(group, schema))
            writer.close()
        except BaseException:
            writer.is_open = False  # else the garbage collector would end a file that is given up
            raise


def _newest(new: Iterable[Row], old: Iterable[Row]) -> Iterator[Row]:
    for _, same in groupby(merge(_grouped(new, 0), _grouped(old, 1), key=itemgetter(0, 1)), itemgetter(0)):
        yield from next(same)[2]


def _grouped(rows: Iterable[Row], age: int) -> Iterator[tuple[str, int, list[Row]]]:
    return ((key, age, list(same)) for key, same in groupby(rows, itemgetter(0)))


def _batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(zip(*rows, strict=True), schema, strict=True)
    return pa.RecordBatch.from_arrays([pa.array(column, field.type) for column, field in columns], schema=schema)
