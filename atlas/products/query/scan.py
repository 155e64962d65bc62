"""Where a benchmark's n-grams stand in a run's texts: one pass, in memory that follows the benchmark alone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.products.query.ngrams import Lookup, grams, hashed

ROWS = 8192  # chunks read at a time, some 4 MB of text
COLUMNS = ["doc_id", "chunk_id", "text"]
Gram = tuple[int, int]  # length, place in the lookup of that length
Chunk = tuple[str, int]  # doc_id, chunk_id


@dataclass
class Found:
    """In how many documents each n-gram stands, and the chunk in which it first begins."""

    documents: Counter[Gram] = field(default_factory=Counter)
    first: dict[Gram, Chunk] = field(default_factory=dict)

    def add(self, later: "Found") -> None:
        self.documents.update(later.documents)
        for gram, chunk in later.first.items():
            self.first.setdefault(gram, chunk)


def scan(filesystem: pafs.FileSystem, parts: Iterable[str], lookups: Mapping[int, Lookup], threads: int) -> Found:
    """Look n-grams up in all texts of a run; ``lookups`` are by length. A document is in one part alone."""
    found = Found()
    with ThreadPoolExecutor(threads) as pool:
        for of_part in pool.map(partial(_part, filesystem, lookups), parts):
            found.add(of_part)
    return found


def _part(filesystem: pafs.FileSystem, lookups: Mapping[int, Lookup], path: str) -> Found:
    with pq.ParquetFile(path, filesystem=filesystem) as file:
        return in_chunks(file.iter_batches(ROWS, columns=COLUMNS, use_threads=False), lookups)


@dataclass(frozen=True, slots=True)
class _Tail:
    """The last words before a batch: n-grams may reach from them into it.

    ``seen``: what was counted of the document ``code``, which may go on.
    """

    numbers: np.ndarray
    codes: np.ndarray
    chunks: tuple[Chunk, ...]
    doc_id: str | None
    code: int
    seen: frozenset[Gram]


_START = _Tail(np.empty(0, np.uint64), np.empty(0, np.int64), (), None, -1, frozenset())


def in_chunks(batches: Iterable[pa.RecordBatch], lookups: Mapping[int, Lookup]) -> Found:
    """Look n-grams up in chunks that stand in the order of their documents; they may cross from chunk to chunk.

    Args:
        batches: columns doc_id, chunk_id, text.
    """
    found, tail = Found(), _START
    for batch in batches:
        if batch.num_rows:
            tail = _batch(batch, lookups, tail, found)
    return found


def _batch(batch: pa.RecordBatch, lookups: Mapping[int, Lookup], tail: _Tail, found: Found) -> _Tail:
    doc_ids, chunk_ids = batch.column("doc_id"), batch.column("chunk_id")
    begins = np.ones(batch.num_rows, dtype=np.int64)
    begins[1:] = np.asarray(pc.not_equal(doc_ids[1:], doc_ids[:-1]))
    begins[0] = doc_ids[0].as_py() != tail.doc_id
    row_codes = tail.code + np.cumsum(begins)
    new, rows = hashed(batch.column("text"))
    numbers = np.concatenate([tail.numbers, new])
    codes = np.concatenate([tail.codes, row_codes[rows]])
    before, longest = len(tail.numbers), max(lookups)

    def chunk(word: int) -> Chunk:
        if word < before:
            return tail.chunks[word]
        row = int(rows[word - before])
        return doc_ids[row].as_py(), chunk_ids[row].as_py()

    last = int(row_codes[-1])
    seen = set(tail.seen) if last == tail.code else set()
    for length, rolled in grams(numbers, longest):
        if length not in lookups:
            continue
        at, places = lookups[length].found(rolled)
        whole = (codes[at] == codes[at + length - 1]) & (at + length > before)
        pairs: set[tuple[int, int]] = set()
        for word, place, code in zip(
            at[whole].tolist(), places[whole].tolist(), codes[at[whole]].tolist(), strict=True
        ):
            gram = (length, place)
            if (place, code) in pairs or (code == tail.code and gram in tail.seen):
                continue
            pairs.add((place, code))
            found.documents[gram] += 1
            if gram not in found.first:
                found.first[gram] = chunk(word)
            if code == last:
                seen.add(gram)
    kept = range(max(0, len(numbers) - longest + 1), len(numbers))
    return _Tail(
        numbers[kept.start :],
        codes[kept.start :],
        tuple(chunk(word) for word in kept),
        doc_ids[-1].as_py(),
        last,
        frozenset(seen),
    )
