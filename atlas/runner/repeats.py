"""Ids of documents that are in more than one part: found by their hashes, told by themselves, in bounded memory."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from atlas.runner import ids
from atlas.runner.folder import RunFolder
from atlas.runner.ids import Wanted, hashes, records

NAMED = 10  # at most so many units or ids are named of one kind of problem
HELD = 16 << 20  # bytes of hashes in memory at a time, and as many again while they are sorted
PILES = 256  # on disk, by a hash's first 8 bits, where there are more
MANY = 1 << 20  # hashes found twice, beyond which all ids are compared themselves
MEMORY = "256MB"  # of DuckDB, for the ids whose hashes are found twice; beyond it, it works on disk
FIRSTS = pa.schema([("doc_id", pa.string()), ("chunk_id", pa.int32()), ("file", pa.string())])


def repeated_ids(folder: RunFolder, wanted: Wanted) -> list[str]:
    """At most NAMED ids with a chunk in more than one of the parts, with these; then how many more there are."""
    found = _twice(hashed for _, hashed in ids.each(folder, wanted))
    if not len(found):
        return []
    twice = found if len(found) <= MANY else None
    names = [name for name, hashed in ids.each(folder, wanted) if twice is None or np.isin(hashed, twice).any()]
    import duckdb

    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'; set temp_directory = '{scratch}'")
        connection.register("chunks", pa.RecordBatchReader.from_batches(FIRSTS, _firsts(folder, names, twice)))
        rows = connection.execute(
            "with twice as (select doc_id, list(distinct file) as files from chunks "
            "group by doc_id, chunk_id having count(distinct file) > 1) "
            "select doc_id, list_sort(list_distinct(flatten(list(files)))), count(*) over () from twice "
            "group by doc_id order by doc_id limit ?",
            [NAMED],
        ).fetchall()
    lines = [f"{doc_id!r} in {' and '.join(files)}" for doc_id, files, _ in rows]
    more = rows[0][2] - len(rows) if rows else 0
    return [*lines, f"{more:,} ids more"] if more else lines


def _firsts(folder: RunFolder, names: list[str], twice: np.ndarray | None) -> Iterator[pa.RecordBatch]:
    """The chunk by which each record is known, with its part; of ``twice``, if given, those with one of its hashes."""
    for name in names:
        for rows in records(folder, name):
            picked = rows if twice is None else rows.filter(pa.array(np.isin(hashes(rows), twice)))
            yield pa.RecordBatch.from_arrays([*picked.columns, pa.repeat(name, picked.num_rows)], schema=FIRSTS)


def _twice(parts: Iterable[np.ndarray]) -> np.ndarray:
    """The hashes that are in two parts or more; of more than MANY, some."""
    held = bytearray()
    with tempfile.TemporaryDirectory() as scratch:
        piles = [Path(scratch) / str(number) for number in range(PILES)]
        for hashed in parts:
            held += hashed.tobytes()
            if len(held) >= HELD:
                _pile(held, piles)
                held = bytearray()
        if not piles[0].exists():
            return _twice_in(held)
        _pile(held, piles)
        found = np.zeros(0, np.uint64)
        for pile in piles:
            if len(found) <= MANY:
                found = np.concatenate([found, _twice_in(pile.read_bytes())])
        return found


def _pile(held: bytearray, piles: list[Path]) -> None:
    """Put hashes on disk, by their first bits."""
    together = np.sort(np.frombuffer(held, np.uint64))
    firsts = np.arange(1, PILES, dtype=np.uint64) << np.uint64(64 - 8)
    for pile, some in zip(piles, np.split(together, np.searchsorted(together, firsts)), strict=True):
        with pile.open("ab") as stream:
            stream.write(some.tobytes())


def _twice_in(held: bytes | bytearray) -> np.ndarray:
    together = np.sort(np.frombuffer(held, np.uint64))
    return np.unique(together[1:][together[1:] == together[:-1]])
