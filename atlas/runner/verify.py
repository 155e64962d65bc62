"""Whether a file that says it is whole really is: every byte is read, and every page held against its checksum."""

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.storage import store_failed


def readable(filesystem: pafs.FileSystem, path: str) -> bool:
    """Whether a Parquet file can be read to its end, and holds the rows that it says."""
    try:
        file = pq.ParquetFile(path, filesystem=filesystem, page_checksum_verification=True)
        return sum(batch.num_rows for batch in file.iter_batches()) == file.metadata.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        if store_failed(error):
            raise
        return False
