"""Ids of documents that are in more than one part: found on disk, in bounded memory."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from atlas.runner.folder import RunFolder

NAMED = 10  # at most so many units or ids are named of one kind of problem
MEMORY = "512MB"  # of DuckDB; beyond it, it works on disk
THREADS = 16  # parts read together: each is a wait for the disk or the network
FIRSTS = pa.schema([("doc_id", pa.string()), ("chunk_id", pa.int32()), ("file", pa.string())])


def repeated_ids(folder: RunFolder, parts: Sequence[str]) -> list[str]:
    """At most NAMED ids with a chunk in more than one part, with the parts; then how many more there are."""
    if len(parts) < 2:
        return []
    import duckdb

    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'; set temp_directory = '{scratch}'")
        connection.register("chunks", pa.RecordBatchReader.from_batches(FIRSTS, _firsts(folder, parts)))
        rows = connection.execute(
            "with twice as (select doc_id, list(distinct file) as files from chunks "
            "group by doc_id, chunk_id having count(distinct file) > 1) "
            "select doc_id, list_sort(list_distinct(flatten(list(files)))), count(*) over () from twice "
            "group by doc_id order by doc_id limit ?",
            [NAMED],
        ).fetchall()
    lines = [f"{doc_id!r} in {' and '.join(f.rsplit('/', 1)[-1] for f in files)}" for doc_id, files, _ in rows]
    more = rows[0][2] - len(rows) if rows else 0
    return [*lines, f"{more:,} ids more"] if more else lines


def _firsts(folder: RunFolder, parts: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The chunk by which each record is known, with its part.

    Part by part, as a pyarrow dataset takes twice the time and keeps the footer of every part, some 30 KB each.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(parts), THREADS):
            for batches in pool.map(partial(_firsts_of, folder), parts[start : start + THREADS]):
                yield from batches


def _firsts_of(folder: RunFolder, part: str) -> list[pa.RecordBatch]:
    file = pq.ParquetFile(part, filesystem=folder.filesystem, pre_buffer=False)
    # In tables of tags each chunk is a record of its own.
    known_by = pc.greater_equal if "tag_status" in file.schema_arrow.names else pc.equal
    found = []
    for rows in file.iter_batches(columns=["doc_id", "chunk_id"], use_threads=False):
        picked = rows.filter(known_by(rows.column("chunk_id"), 0))
        columns = [*picked.columns, pa.repeat(part, picked.num_rows)]
        found.append(pa.RecordBatch.from_arrays(columns, schema=FIRSTS))
    return found
