"""A library as Parquet, for data frames and SQL: one row a concept, nothing encoded in text."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.library.concept import Concept
from atlas.library.exchange.records import COLUMNS, Entry, entry, record

_EXAMPLE = pa.struct([pa.field("quote", pa.string()), pa.field("doc_id", pa.string())])
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int32(), nullable=False),
        pa.field("facet", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("description", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("aliases", pa.list_(pa.string()), nullable=False),
        pa.field("taxonomy", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("replaced_by", pa.int32()),
        pa.field("locked", pa.bool_(), nullable=False),
        pa.field("members", pa.map_(pa.string(), pa.int64()), nullable=False),
        pa.field("examples", pa.list_(_EXAMPLE), nullable=False),
        pa.field("tags", pa.int64(), nullable=False),
        pa.field("chunks", pa.int64(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
    ]
)


def write(concepts: Iterable[tuple[Concept, str]], stream: BinaryIO, digest: str) -> None:
    """Write concepts with their source addresses; the library's digest goes into the footer."""
    rows = [record(concept, uri) for concept, uri in concepts]
    for row in rows:
        row["members"] = list(row["members"].items())
    schema = SCHEMA.with_metadata({"atlas.library_digest": digest})
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), stream, compression="zstd")


def read(path: Path, facet: str) -> Iterable[Entry]:
    """The concepts of a Parquet file; only the column ``name`` must be there.

    Raises:
        AtlasError: with file and row (from 0), for the first row that is no concept.
    """
    try:
        table = pq.ParquetFile(path).read()  # not read_table, which takes folders called a=b for columns
    except pa.ArrowInvalid as error:
        raise AtlasError(f"{path}: not a Parquet file: {error}") from None
    unknown = [name for name in table.column_names if name not in COLUMNS]
    if unknown or "name" not in table.column_names:
        said = f"unknown column {unknown[0]!r}" if unknown else "no column 'name'"
        raise AtlasError(f"{path}: {said}; the columns of a concept are {', '.join(COLUMNS)}")
    for number, row in enumerate(table.to_pylist()):
        yield entry(_plain(row), f"{path}, row {number}", facet)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    members = row.get("members")
    return row | {"members": dict(members)} if isinstance(members, list) else row
