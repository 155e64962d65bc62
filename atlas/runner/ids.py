"""Which ids of documents are in which part, as hashes: ``.ids.parquet``, a cache and no more.

Without it the ids of all parts are read; what it says of a part that has since changed is passed over, by size and
time of change. A hash has 64 bits: two ids of a billion share one by chance in one run of forty, so what hashes say is
to be confirmed by the ids.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from atlas.corpus.packed import Row
from atlas.corpus.remembered import InOrder
from atlas.runner import cache
from atlas.runner.folder import Listed, RunFolder
from atlas.runner.footers import SETTLED_SECONDS
from atlas.runner.many import THREADS
from atlas.storage import is_local

CACHE = ".ids.parquet"
WORTH_KEEPING = 1_000  # parts read anew: some 0.5 s
WORTH_KEEPING_BYTES = 1 << 28  # of parts read anew
AT_ONCE = 64  # parts, of which some have a million ids
LOCAL_THREADS = 4  # of the 16 for a store, each would keep some 10 MB
READ_ROWS = 4_096  # of a part that are Python objects at a time
HASH_BYTES = 8
UNKNOWN = -1  # time of change of a part that may change once more within its store's tick of time

_CACHED = pa.schema([("file", pa.string()), ("size", pa.int64()), ("changed_ns", pa.int64()), ("ids", pa.binary())])

Wanted = Callable[[list[str]], list[bool]]  # of names of parts, which are to be looked at


def each(folder: RunFolder, wanted: Wanted) -> Iterator[tuple[str, np.ndarray]]:
    """The parts that are wanted in name order, each with the hashes of its ids, uint64, none of them twice.

    What was read anew is kept for the next time where it was much; so this is for who holds the folder's lock.
    """
    rows = _rows(folder, wanted)
    if _worth_keeping(folder, wanted):
        rows = cache.written(folder, CACHE, _CACHED, rows)
    return ((row[0], np.frombuffer(row[3], np.uint64)) for row in rows)


def _worth_keeping(folder: RunFolder, wanted: Wanted) -> bool:
    known = InOrder(cache.rows(folder, CACHE, _CACHED, columns=["file", "size", "changed_ns"]))
    files = size = 0
    for file in _wanted(folder, wanted):
        if not _is_known(known.at(file.name), file):
            files, size = files + 1, size + file.size
    return files >= WORTH_KEEPING or size >= WORTH_KEEPING_BYTES


def _rows(folder: RunFolder, wanted: Wanted) -> Iterator[Row]:
    known = InOrder(cache.rows(folder, CACHE, _CACHED, AT_ONCE))
    files = _wanted(folder, wanted)
    with ThreadPoolExecutor(LOCAL_THREADS if is_local(folder.filesystem) else THREADS) as pool:
        while some := list(islice(files, AT_ONCE)):
            before = time.time_ns() - int(SETTLED_SECONDS * 1e9)
            said = {file.name: rows[0][3] for file in some if _is_known(rows := known.at(file.name), file)}
            missing = [file.name for file in some if file.name not in said]
            said |= zip(missing, pool.map(partial(_read, folder), missing), strict=True)
            for file in some:
                settled = file.changed_ns is not None and file.changed_ns < before
                yield file.name, file.size, file.changed_ns if settled else UNKNOWN, said.pop(file.name)


def _wanted(folder: RunFolder, wanted: Wanted) -> Iterator[Listed]:
    files = folder.listed("parts")
    while some := list(islice(files, cache.AT_ONCE)):
        picked = wanted([file.name for file in some])
        yield from (file for file, pick in zip(some, picked, strict=True) if pick)


def _is_known(rows: list[Row], file: Listed) -> bool:
    return bool(rows) and rows[0][1:3] == (file.size, file.changed_ns)


def _read(folder: RunFolder, name: str) -> bytes:
    found = [hashes(rows) for rows in records(folder, name)]
    return np.unique(np.concatenate(found)).tobytes() if found else b""


def records(folder: RunFolder, name: str) -> Iterator[pa.RecordBatch]:
    """``doc_id`` and ``chunk_id`` of the chunk by which each record of a part is known."""
    file = pq.ParquetFile(f"{folder.root}/parts/{name}", filesystem=folder.filesystem, pre_buffer=False)
    # In tables of tags each chunk is a record of its own.
    known_by = pc.greater_equal if "tag_status" in file.schema_arrow.names else pc.equal
    for rows in file.iter_batches(READ_ROWS, columns=["doc_id", "chunk_id"], use_threads=False):
        yield rows.filter(known_by(rows.column("chunk_id"), 0))


def hashes(rows: pa.RecordBatch) -> np.ndarray:
    """64-bit BLAKE2b of each id and chunk number, uint64."""
    ids = rows.column("doc_id").cast(pa.binary()).to_pylist()
    chunks = rows.column("chunk_id").to_pylist()
    digests = (
        blake2b(b"%b\0%d" % (doc_id, chunk), digest_size=HASH_BYTES).digest()
        for doc_id, chunk in zip(ids, chunks, strict=True)
    )
    return np.frombuffer(b"".join(digests), np.uint64)
