"""The counts behind lift sets, from the work files of all pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from atlas.products.export.source import flat
from atlas.products.lift.count import CHUNKS, DOCUMENTS, add, room
from atlas.products.lift.incidence import Piece, Reading
from atlas.products.lift.vocabulary import Vocabulary, vocabulary


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of some concepts.

    ``cells``: as of ``count.room``, of each concept and behind them of all chunks. ``chunks`` of each concept, int64;
    ``total``: all chunks that have an item at all. ``overall``: chunks with each item, ``anywhere``: documents, int64.
    """

    cells: np.ndarray
    chunks: np.ndarray
    total: int

    @property
    def overall(self) -> np.ndarray:
        return self.cells[-1, :, CHUNKS].astype(np.int64)

    @property
    def anywhere(self) -> np.ndarray:
        return self.cells[-1, :, DOCUMENTS].astype(np.int64)

    def within(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Chunks and documents of a concept that have each item, uint32."""
        return self.cells[number, :, CHUNKS], self.cells[number, :, DOCUMENTS]


@dataclass(frozen=True)
class Counting:
    """The vocabulary, and the pieces that are to be counted by it."""

    reading: Reading
    pieces: Sequence[Piece]
    known: Vocabulary

    @classmethod
    def prepared(cls, reading: Reading, pieces: Sequence[Piece], most: int, least: int) -> "Counting":
        """Choose the vocabulary, and note beside each piece which of its words are in it."""
        known = vocabulary(lambda: (_items(reading, piece) for piece in pieces), most, least)
        value_set = pa.array(known.words, pa.string())
        for piece in pieces:
            items = _items(reading, piece)
            words = items.filter(pc.equal(items["kind"], "word"))["word"].combine_chunks()
            places = pc.fill_null(pc.index_in(words, value_set=value_set), -1)
            with reading.work.create(_lookup(piece)) as stream:
                np.save(stream, np.asarray(places).astype(np.int32))
        return cls(reading, pieces, known)

    def of(self, places: np.ndarray) -> Counted:
        """Count for some concepts, given by their places in the library; goes through all pieces once."""
        known = self.known
        numbers = np.full(len(self.reading.source.concept_ids), -1, np.int32)
        numbers[places] = np.arange(len(places))
        cells = room(len(places) + 1, len(known))
        chunks, total = np.zeros(len(places), np.int64), 0
        tokens = np.full(int(known.tokens.max(initial=-1)) + 2, -1, np.int32)
        tokens[known.tokens] = np.arange(len(known.words), len(known))
        document, seen = 0, -1
        for batch, words in self._rows():
            rows = batch.num_rows
            starts = np.asarray(batch.column("document"))
            new = np.diff(starts, prepend=seen) != 0
            order = (document + np.cumsum(new)).astype(np.uint32)
            document, seen = int(order[-1]), int(starts[-1])
            concepts, sizes = flat(batch.column("concepts"))
            mine = numbers[concepts]
            chunks += np.bincount(mine[mine >= 0], minlength=len(places))
            total += rows
            everywhere = np.full(rows, len(places), np.int32), np.ones(rows, np.int64)
            for column, lookup in (("words", words), ("tokens", tokens)):
                items, item_sizes = flat(batch.column(column))
                items = np.minimum(items, len(lookup) - 1) if len(items) else items
                for labels, label_sizes in ((mine, sizes), everywhere):
                    add(labels, label_sizes, items, item_sizes, order, lookup, cells)
        return Counted(cells, chunks, total)

    def _rows(self) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """Rows of all pieces in order, with the place of each of the piece's words in the vocabulary."""
        for piece in self.pieces:
            with self.reading.work.filesystem.open_input_file(self.reading.work.path(_lookup(piece))) as stream:
                lookup = np.load(stream)
            with pq.ParquetFile(self.reading.work.path(self.reading.rows(piece))) as file:
                for number in range(file.num_row_groups):
                    for batch in file.read_row_group(number, use_threads=False).combine_chunks().to_batches():
                        yield batch, np.append(lookup, np.int32(-1))


def _items(reading: Reading, piece: Piece) -> pa.Table:
    return pq.read_table(reading.work.path(reading.items(piece)), partitioning=None)


def _lookup(piece: Piece) -> str:
    return f"{piece.name}.words.npy"
