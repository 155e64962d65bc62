"""Candidates for a field guide, from the labels of a run; and the rows that were chosen, with what they say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.products.export.concepts import Counted
from atlas.products.export.source import IDS, SCORES, Source, blocks, flat, numbered, whole_documents
from atlas.products.field_guide.best import Entries, best_of_all

ENTRY_BYTES = 256  # of memory for each entry kept: itself twice, and what sorting takes
COPIES = 3  # of each text that is fetched: as read, joined, in the order of the guide
TOGETHER = 1 << 14  # rows handed on at a time

Band = tuple[int, int]


@dataclass(frozen=True)
class Ranked:
    """A guide to come. ``bands``: first and last place of the concepts that are worked on together."""

    source: Source
    most: int
    bands: tuple[Band, ...]
    columns: tuple[str, ...]

    def chunks(self, band: Band) -> Iterator[pa.RecordBatch]:
        """Chunks of the band's concepts: concept_id, concept, rank, score, document, chunks, chunk_id, and columns."""
        return self._rows(*best_of_all(_chunks(self.source, band), self.most, len(self.source.concept_ids)))

    def documents(self, band: Band) -> Iterator[pa.RecordBatch]:
        """Documents, likewise; ``chunk_id`` is the best chunk, ``chunks`` those with the concept."""
        return self._rows(*best_of_all(_documents(self.source, band), self.most, len(self.source.concept_ids)))

    def _rows(self, entries: Entries, ranks: np.ndarray) -> Iterator[pa.RecordBatch]:
        fetched, places = _fetched(self.source, entries.row, self.columns)
        ids = self.source.concept_ids[entries.concept]
        for start in range(0, len(entries), TOGETHER):
            some = slice(start, start + TOGETHER)
            names = [self.source.library.by_id[id_].name for id_ in ids[some].tolist()]
            own = {
                "concept_id": pa.array(ids[some], pa.int32()),
                "concept": pa.array(names, pa.string()),
                "rank": pa.array(ranks[some], pa.int32()),
                "score": pa.array(entries.score[some]),
                "document": pa.array(entries.document[some]),
                "chunks": pa.array(entries.chunks[some], pa.int32()),
                "chunk_id": pa.array(entries.chunk[some], pa.int32()),
            }
            if fetched is not None:
                rest = fetched.take(pa.array(places[some]))
                own |= {name: rest.column(name) for name in self.columns}
            yield pa.RecordBatch.from_pydict(own)


def ranked(source: Source, found: Counted, most: int, memory: int, columns: Sequence[str] = ()) -> Ranked:
    """Plan a guide with at most ``most`` entries a concept, in ``memory`` bytes.

    Args:
        columns: of the run, to be fetched for each entry.
    """
    each = ENTRY_BYTES + COPIES * sum(_mean_bytes(source, name) for name in columns)
    return Ranked(source, most, tuple(bands(np.minimum(found.chunks, most), memory // each)), tuple(columns))


def bands(entries: np.ndarray, room: int) -> Iterator[Band]:
    """Neighbouring concepts with at most ``room`` entries together; one concept at least.

    Args:
        entries: of each concept, int64.
    """
    first, held = 0, 0
    for place, size in enumerate(entries.tolist()):
        if held and held + size > room:
            yield first, place
            first, held = place, 0
        held += size
    if len(entries):
        yield first, len(entries)


def _mean_bytes(source: Source, column: str) -> int:
    """Mean size of a column's values in the run's first part, bytes."""
    with pq.ParquetFile(source.parts[0].path, filesystem=source.filesystem) as file:
        leaf = [file.schema.column(number).path.split(".")[0] for number in range(len(file.schema))].index(column)
        sizes = [file.metadata.row_group(n).column(leaf).total_uncompressed_size for n in range(file.num_row_groups)]
        return sum(sizes) // max(1, file.metadata.num_rows)


def _chunks(source: Source, band: Band) -> Iterator[Entries]:
    for block, documents in numbered(blocks(source, ["chunk_id", IDS, SCORES])):
        places, rows, scores = _labels(source, block.table, block.part.path, band)
        numbers = np.asarray(block.table.column("chunk_id"))
        ones = np.ones(len(places), np.int64)
        yield Entries(places, scores, ones, block.row + rows, numbers[rows], documents[rows])


def _documents(source: Source, band: Band) -> Iterator[Entries]:
    for block, documents in numbered(whole_documents(source, ["chunk_id", IDS, SCORES])):
        places, rows, scores = _labels(source, block.table, block.part.path, band)
        order = np.lexsort((rows, -scores, places, documents[rows]))
        places, rows, scores = places[order], rows[order], scores[order]
        new = np.ones(len(places), bool)
        new[1:] = (places[1:] != places[:-1]) | (documents[rows[1:]] != documents[rows[:-1]])
        firsts = np.flatnonzero(new)
        chunks = np.diff(np.append(firsts, len(places)))
        numbers = np.asarray(block.table.column("chunk_id"))
        places, rows, scores = places[firsts], rows[firsts], scores[firsts]
        yield Entries(places, scores, chunks, block.row + rows, numbers[rows], documents[rows])


def _labels(source: Source, table: pa.RecordBatch, path: str, band: Band) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Concept, row of the table and score of each label in a band."""
    ids, sizes = flat(table.column(IDS))
    places = source.places(ids, path)
    mine = np.flatnonzero((places >= band[0]) & (places < band[1]))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return places[mine], owner[mine], np.asarray(table.column(SCORES).flatten())[mine]


def _fetched(source: Source, rows: np.ndarray, columns: Sequence[str]) -> tuple[pa.RecordBatch | None, np.ndarray]:
    """Rows of a run with some columns, and the place of each wanted row among them."""
    if not columns or not len(rows):
        return None, rows
    wanted = np.unique(rows)
    found = []
    for block in blocks(source, columns, rows=wanted):
        first, last = np.searchsorted(wanted, [block.row, block.row + block.table.num_rows])
        found.append(block.table.take(pa.array(wanted[first:last] - block.row)))
    return pa.concat_batches(found), np.searchsorted(wanted, rows)
