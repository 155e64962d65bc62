"""Ids of documents that are in more than one part: found on disk, in bounded memory."""

import tempfile
from collections.abc import Sequence

import pyarrow.dataset as ds

from atlas.runner.folder import RunFolder

NAMED = 10  # at most so many units or ids are named of one kind of problem
MEMORY = "512MB"  # of DuckDB; beyond it, it works on disk


def repeated_ids(folder: RunFolder, parts: Sequence[str]) -> list[str]:
    """At most NAMED ids with a chunk in more than one part, with the parts; then how many more there are."""
    if len(parts) < 2:
        return []
    import duckdb

    table = ds.dataset(list(parts), filesystem=folder.filesystem, format="parquet")
    records = ds.field("chunk_id") >= 0 if "tag_status" in table.schema.names else ds.field("chunk_id") == 0
    firsts = table.scanner(columns=["doc_id", "chunk_id", "__filename"], filter=records)
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'; set temp_directory = '{scratch}'")
        connection.register("chunks", firsts.to_reader())
        rows = connection.execute(
            "with twice as (select doc_id, list(distinct __filename) as files from chunks "
            "group by doc_id, chunk_id having count(distinct __filename) > 1) "
            "select doc_id, list_sort(list_distinct(flatten(list(files)))), count(*) over () from twice "
            "group by doc_id order by doc_id limit ?",
            [NAMED],
        ).fetchall()
    lines = [f"{doc_id!r} in {' and '.join(f.rsplit('/', 1)[-1] for f in files)}" for doc_id, files, _ in rows]
    more = rows[0][2] - len(rows) if rows else 0
    return [*lines, f"{more:,} ids more"] if more else lines
