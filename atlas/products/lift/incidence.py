"""What is on which chunk, piece by piece of a run: work files from which lift sets are counted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.chunking.tokenizer import Tokenizer
from atlas.digest import of_json
from atlas.products.export import parquet
from atlas.products.export.folder import ExportFolder
from atlas.products.export.source import IDS, TEXT, Block, Part, Source, blocks, flat
from atlas.products.lift.words import Words, distinct

TOKENS = "token_ids"
PIECE_ROWS = 1 << 16
PIECE_BYTES = 64 << 20  # of a part's row groups, uncompressed

_LIST = pa.list_(pa.int32())
# document: the row of the run that it begins with; concepts: places in the library; words: places in the piece's list.
ROWS = pa.schema({"document": pa.int64(), "concepts": _LIST, "words": _LIST, "tokens": _LIST})
ITEMS = pa.schema({"kind": pa.string(), "word": pa.string(), "token": pa.int32(), "chunks": pa.int64()})


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring row groups of a part. ``rows``: the first row of each, in the run."""

    part: Part
    rows: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.part.number:06}-{self.rows[0] - self.part.row:09}"


def pieces(source: Source) -> Iterator[Piece]:
    """The run in pieces of about PIECE_ROWS rows; they depend on the parts alone."""
    for part in source.parts:
        metadata = pq.read_metadata(part.path, filesystem=source.filesystem)
        held: list[int] = []
        row, size, begun = part.row, 0, part.row
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            if held and (row + group.num_rows - begun > PIECE_ROWS or size + group.total_byte_size > PIECE_BYTES):
                yield Piece(part, tuple(held))
                held, size, begun = [], 0, row
            held.append(row)
            row, size = row + group.num_rows, size + group.total_byte_size
        if held:
            yield Piece(part, tuple(held))


@dataclass(frozen=True)
class Reading:
    """How chunks are read: which kinds of items, and by which tokenizer where the run has no token ids."""

    source: Source
    work: ExportFolder
    words: bool
    tokens: bool
    tokenizer: Tokenizer | None = None

    def key(self, piece: Piece) -> str:
        how = {"words": self.words, "tokens": self.tokens, "library": self.source.library.digest}
        return of_json({"piece": piece.name, "part": piece.part.key, "row": piece.part.row, **how})

    def rows(self, piece: Piece) -> str:
        return f"{piece.name}.rows.parquet"

    def items(self, piece: Piece) -> str:
        return f"{piece.name}.items.parquet"

    @property
    def columns(self) -> list[str]:
        coded = self.tokens and self.tokenizer is None
        text = self.words or (self.tokens and not coded)
        return ["chunk_id", IDS, *([TEXT] if text else []), *([TOKENS] if coded else [])]


def write(reading: Reading, piece: Piece) -> None:
    """Make the two work files of a piece, unless they are there. The file of items appears last."""
    key = reading.key(piece)
    if parquet.rows_if_done(reading.work, reading.items(piece), key) is not None:
        return
    words, tokens = Words(), np.zeros(0, np.int64)
    found: list[np.ndarray] = [np.zeros(0, np.int64)]

    def rows() -> Iterator[pa.RecordBatch]:
        nonlocal tokens
        for block in blocks(reading.source, reading.columns, [piece.part], np.array(piece.rows)):
            batch = _row_batch(reading, block, words)
            found[0] = _added(found[0], batch.column("words"))
            tokens = _added(tokens, batch.column("tokens"))
            yield batch

    # Where the items are missing, rows that are there can't be trusted to go with them: they are of the same key,
    # and so of the same content, but the words that their numbers mean are gone.
    reading.work.remove(reading.rows(piece))
    parquet.write(reading.work, reading.rows(piece), key, ROWS, rows())
    parquet.write(reading.work, reading.items(piece), key, ITEMS, [_item_batch(list(words.numbers), found[0], tokens)])


def _row_batch(reading: Reading, block: Block, words: Words) -> pa.RecordBatch:
    table = block.table
    nothing = np.zeros(0, np.int32), np.zeros(table.num_rows, np.int64)
    ids, sizes = flat(table.column(IDS))
    places = reading.source.places(ids, block.part.path).astype(np.int32)
    said = words.of(table.column(TEXT)) if reading.words else nothing
    coded = _tokens(reading, table) if reading.tokens else nothing
    document = block.row + np.arange(table.num_rows) - np.asarray(table.column("chunk_id"))
    lists = [_lists(places, sizes), _lists(*said), _lists(*coded)]
    batch = pa.RecordBatch.from_arrays([pa.array(document, pa.int64()), *lists], schema=ROWS)
    return batch.filter(pa.array(said[1] + coded[1] > 0))  # an empty document is evidence of nothing


def _tokens(reading: Reading, table: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    if reading.tokenizer is None:
        ids, sizes = flat(table.column(TOKENS))
    else:
        encoded = [reading.tokenizer.encode(text) for text in table.column(TEXT).to_pylist()]
        sizes = np.array([len(each) for each in encoded], np.int64)
        ids = np.concatenate([np.zeros(0, np.int32), *encoded])
    return distinct(ids.astype(np.int32), sizes, int(ids.max(initial=-1)) + 1)


def _added(counts: np.ndarray, column: pa.ListArray) -> np.ndarray:
    """Chunks of each number so far, and those of some rows more."""
    more = np.bincount(np.asarray(column.flatten()), minlength=len(counts)).astype(np.int64)
    more[: len(counts)] += counts
    return more


def _item_batch(words: Sequence[str], of_words: np.ndarray, of_tokens: np.ndarray) -> pa.RecordBatch:
    """Every word of a piece, in the order of its number, and every token id that occurs, with their chunks."""
    there = np.flatnonzero(of_tokens)
    of_words = np.append(of_words, np.zeros(len(words) - len(of_words), np.int64))
    columns = [
        pa.array(["word"] * len(words) + ["token"] * len(there), pa.string()),
        pa.array([*words, *[None] * len(there)], pa.string()),
        pa.array([*[None] * len(words), *there.tolist()], pa.int32()),
        pa.array(np.concatenate([of_words, of_tokens[there]])),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ITEMS)


def _lists(values: np.ndarray, sizes: np.ndarray) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.append(0, np.cumsum(sizes)), pa.int32()), pa.array(values, pa.int32()))
