"""Tables that a run keeps beside its parts to be quicker the next time: right, or as good as not there."""

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.runner.folder import RunFolder
from atlas.storage import atomic_output


def read(folder: RunFolder, name: str, schema: pa.Schema) -> pa.Table | None:
    """The table of this name and schema; None where there is none, or one that is damaged or of another version."""
    try:
        # Not by read_table, which imports pandas where it is installed.
        path = f"{folder.root}/{name}"
        table = pq.ParquetFile(path, filesystem=folder.filesystem, page_checksum_verification=True).read()
    except (pa.ArrowInvalid, OSError):
        return None
    return table if table.schema.equals(schema) else None


def write(folder: RunFolder, name: str, table: pa.Table) -> None:
    with atomic_output(folder.filesystem, f"{folder.root}/{name}") as stream:
        pq.write_table(table, stream, compression="zstd", write_page_checksum=True)
