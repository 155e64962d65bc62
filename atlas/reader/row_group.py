"""One row group of an annotated part, as a block."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.errors import AtlasError
from atlas.reader.block import Labels, Places
from atlas.reader.encode import Encode

# The status of a document without anything to read; such rows are left out. Made from its bytes, since pyarrow imports
# pandas, where it is installed, for whatever it makes of a Python value.
EMPTY = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 5], np.int32)), pa.py_buffer(b"empty"))[0]
TOKEN_IDS, TEXT = "token_ids", "text"
COLUMNS = ("doc_id", "chunk_id", "char_start", "char_end", "status", "concept_ids", "scores")


def kept(table: pa.Table) -> pa.Table:
    """The rows that a trainer reads."""
    readable = pc.not_equal(table["status"], EMPTY)
    return table if pc.all(readable).as_py() else table.filter(readable)


def encoded(table: pa.Table, encode: Encode | None) -> tuple[np.ndarray, np.ndarray]:
    """Token ids of all rows end to end, uint32, and tokens a row, int64: as they are, or encoded from the text."""
    if encode is None:
        values, offsets = _list(table, TOKEN_IDS)
        return values.view(np.uint32), np.diff(offsets)
    found = [encode(text) for text in table[TEXT].to_pylist()]
    return np.concatenate([np.empty(0, np.uint32), *found]), np.array([len(ids) for ids in found], np.int64)


class RowGroup:
    """Rows of one row group.

    Args:
        table: rows of COLUMNS and ``token_ids`` or ``text``, without empty ones.
        ends_document: whether its last row is the last of a document.
        end_of_chunk, end_of_document: tokens to put after each chunk and document.

    Raises:
        AtlasError: concept ids and scores don't go together.
    """

    def __init__(
        self,
        table: pa.Table,
        encode: Encode | None,
        ends_document: bool,
        end_of_chunk: int | None,
        end_of_document: int | None,
        place: str,
    ) -> None:
        tokens, sizes = encoded(table, encode)
        chunk = numbers(table["chunk_id"]).astype(np.int64)
        self.first_of_document = chunk == 0
        self.sizes = sizes
        last = np.append(self.first_of_document[1:], ends_document)[: len(chunk)]
        added = np.full(len(sizes), int(end_of_chunk is not None)) + last * int(end_of_document is not None)
        self.starts = np.cumsum(sizes + added) - sizes - added
        self.ends = self.starts + sizes
        self.length = int(sizes.sum() + added.sum())
        self._tokens = tokens if not added.any() else self._with_ends(tokens, last, end_of_chunk, end_of_document)
        self._chunk, self._document = (
            chunk,
            np.maximum.accumulate(np.where(self.first_of_document, np.arange(len(chunk)), 0)),
        )
        self._char_start, self._char_end = numbers(table["char_start"]), numbers(table["char_end"])
        self._ids, self._label_offsets = _list(table, "concept_ids")
        self._scores, offsets = _list(table, "scores")
        if not np.array_equal(offsets, self._label_offsets):
            raise AtlasError(f"{place}: a row has not as many scores as concept ids; annotate the corpus again")
        self._doc_ids = _whole(table["doc_id"])
        self.chunk_tokens = tokens  # without what is put between chunks

    def _with_ends(
        self, tokens: np.ndarray, last: np.ndarray, end_of_chunk: int | None, end_of_document: int | None
    ) -> np.ndarray:
        longer = np.empty(self.length, np.uint32)
        behind = self.ends
        if end_of_chunk is not None:
            longer[behind] = end_of_chunk
            behind = behind + 1
        if end_of_document is not None:
            longer[behind[last]] = end_of_document
        shift = self.starts - (np.cumsum(self.sizes) - self.sizes)
        longer[np.arange(len(tokens)) + shift.repeat(self.sizes)] = tokens
        return longer

    @property
    def nbytes(self) -> int:
        """About what it takes of memory."""
        return 4 * len(self._tokens) + 8 * len(self._ids) + 60 * len(self._chunk)

    def tokens(self, start: int, stop: int) -> np.ndarray:
        return self._tokens[start:stop]

    def chunks(self, start: int, stop: int) -> tuple[int, int]:
        return int(self.ends.searchsorted(start, "right")), int(self.starts.searchsorted(stop, "left"))

    def bounds(self, first: int, behind: int) -> tuple[np.ndarray, np.ndarray]:
        return self.starts[first:behind], self.ends[first:behind]

    def labels(self, first: int, behind: int) -> Labels:
        offsets = self._label_offsets[first : behind + 1]
        ours = slice(int(offsets[0]), int(offsets[-1]))
        return Labels(np.diff(offsets), self._ids[ours], self._scores[ours])

    def places(self, first: int, behind: int) -> Places:
        columns = (self._document, self._chunk, self._char_start, self._char_end)
        return Places(*(column[first:behind] for column in columns))

    def document_ids(self, documents: np.ndarray) -> list[str]:
        return [self._doc_ids[int(number)].as_py() for number in documents]


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """A column of numbers without null. Not by ``to_numpy``, which imports pandas where it is installed."""
    return _plain(_whole(column))


def _plain(array: pa.Array) -> np.ndarray:
    return np.from_dlpack(array) if len(array) else np.empty(0, _TYPES[array.type])


_TYPES = {pa.int32(): np.int32, pa.int64(): np.int64, pa.float32(): np.float32}


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _list(table: pa.Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of a list column end to end, and int64 offsets [rows + 1] from 0."""
    column = _whole(table[name])
    if not len(column):
        return np.empty(0, _TYPES[column.type.value_type]), np.zeros(1, np.int64)
    offsets = _plain(column.offsets).astype(np.int64)
    return _plain(column.flatten()), offsets - offsets[0]
