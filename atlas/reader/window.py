"""A window: tokens of one length, and what is known of each; built when it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from atlas.reader.block import Block, Labels, Places
from atlas.reader.labels import NONE, LabelFilter


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens ``start … stop − 1`` of a block."""

    block: Block
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Span:
    """What a chunk covers of a window, with all that is known of the chunk.

    ``start``, ``end``: tokens of the window, half-open. ``chunk_tokens``: of the whole chunk; where ``end - start`` is
    less, a border of the window cuts it. ``char_start``, ``char_end``: code points of the whole chunk in its document.
    ``concept_ids`` int32, best first, and ``scores`` float32: all of the chunk's, however much of it is in the window.
    """

    start: int
    end: int
    chunk_tokens: int
    document_id: str
    chunk_id: int
    char_start: int
    char_end: int
    concept_ids: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Window:
    """``length`` tokens, of which ``filled`` are of the corpus and the rest is padding.

    ``index`` is the window's number in the order of the corpus. Chunks are in order; tokens that a reader put after a
    chunk or document are of none. Everything is computed when first asked for, so that what isn't asked for costs
    nothing.
    """

    index: int
    length: int
    filled: int
    pieces: tuple[Piece, ...] = field(repr=False)
    keep: LabelFilter = field(repr=False)
    concepts_per_token: int
    pad_token: int
    place: str = field(repr=False)

    @cached_property
    def tokens(self) -> np.ndarray:
        """Token ids, uint32 [length]."""
        found = [piece.block.tokens(piece.start, piece.stop) for piece in self.pieces]
        if self.filled < self.length:
            found.append(np.full(self.length - self.filled, self.pad_token, np.uint32))
        return found[0] if len(found) == 1 else np.concatenate(found)

    @cached_property
    def starts(self) -> np.ndarray:
        """First token of each chunk within the window, int64 [chunks]."""
        return self._layout[0]

    @cached_property
    def ends(self) -> np.ndarray:
        """Token behind the last of each chunk within the window, int64 [chunks]."""
        return self._layout[1]

    @cached_property
    def chunk_tokens(self) -> np.ndarray:
        """Tokens of each chunk, with those outside of the window, int64 [chunks]."""
        return self._layout[2]

    @cached_property
    def labels(self) -> Labels:
        """All labels of each chunk, end to end."""
        found = [piece.block.labels(first, behind) for piece, first, behind in self._chunks]
        one = found[0] if len(found) == 1 else Labels(*(np.concatenate(each) for each in zip(*found, strict=True)))
        return self.keep(one, self.place)

    @cached_property
    def span_concepts(self) -> np.ndarray:
        """The K best concepts of each chunk, int32 [chunks, K], padded with −1; K is ``concepts_per_token``."""
        return best(self.labels.sizes, self.labels.ids, self.concepts_per_token, NONE)

    @cached_property
    def span_scores(self) -> np.ndarray:
        """Their scores, float32 [chunks, K], padded with 0."""
        return best(self.labels.sizes, self.labels.scores, self.concepts_per_token, 0)

    @cached_property
    def concept_ids(self) -> np.ndarray:
        """The K best concepts of each token's chunk, int32 [length, K], padded with −1."""
        return spread(self.span_concepts, self.starts, self.ends, self.length, NONE)

    @cached_property
    def scores(self) -> np.ndarray:
        """Their scores, float32 [length, K], padded with 0."""
        return spread(self.span_scores, self.starts, self.ends, self.length, 0)

    @property
    def mask(self) -> np.ndarray:
        """Where there is a concept, bool [length, K]."""
        return self.concept_ids != NONE

    @cached_property
    def places(self) -> Places:
        """Where each chunk is from; ``document`` is its number within ``document_ids``."""
        return self._documents[0]

    @cached_property
    def document_ids(self) -> tuple[str, ...]:
        """Documents of which the window has tokens, in order."""
        return self._documents[1]

    @property
    def spans(self) -> tuple[Span, ...]:
        """Each chunk as a record; for loops over many windows use the arrays."""
        return tuple(self._records())

    @cached_property
    def _chunks(self) -> list[tuple[Piece, int, int]]:
        """Of each piece, the first chunk that has a token in it, and the one behind the last."""
        return [(piece, *piece.block.chunks(piece.start, piece.stop)) for piece in self.pieces]

    @cached_property
    def _layout(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        starts, ends, sizes = [], [], []
        offset = 0
        for piece, first, behind in self._chunks:
            start, end = piece.block.bounds(first, behind)
            starts.append(np.maximum(start, piece.start) + (offset - piece.start))
            ends.append(np.minimum(end, piece.stop) + (offset - piece.start))
            sizes.append(end - start)
            offset += piece.stop - piece.start
        if len(starts) == 1:
            return starts[0], ends[0], sizes[0]
        return np.concatenate(starts), np.concatenate(ends), np.concatenate(sizes)

    @cached_property
    def _documents(self) -> tuple[Places, tuple[str, ...]]:
        names: list[str] = []
        found = []
        for piece, first, behind in self._chunks:
            places = piece.block.places(first, behind)
            numbers, within = np.unique(places.document, return_inverse=True)
            there = piece.block.document_ids(numbers)
            if names and there and names[-1] == there[0]:  # a document that goes on in the next block
                names.pop()
            found.append(places._replace(document=within + len(names)))
            names += there
        return Places(*(np.concatenate(each) for each in zip(*found, strict=True))), tuple(names)

    def _records(self) -> Iterator[Span]:
        behind = np.cumsum(self.labels.sizes)
        for number, (document, chunk, first, last) in enumerate(zip(*self.places, strict=True)):
            ours = slice(int(behind[number] - self.labels.sizes[number]), int(behind[number]))
            yield Span(
                int(self.starts[number]),
                int(self.ends[number]),
                int(self.chunk_tokens[number]),
                self.document_ids[document],
                int(chunk),
                int(first),
                int(last),
                self.labels.ids[ours],
                self.labels.scores[ours],
            )


def best(sizes: np.ndarray, values: np.ndarray, width: int, padding: int) -> np.ndarray:
    """The first ``width`` values of each chunk as a row, padded: [chunks, width], of the values' type."""
    rows = np.full((len(sizes), width), padding, values.dtype)
    filled = np.arange(width) < np.minimum(sizes, width)[:, None]
    if int(sizes.max(initial=0)) > width:
        within = np.arange(len(values)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        values = values[within < width]
    rows[filled] = values
    return rows


def spread(rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, length: int, padding: int) -> np.ndarray:
    """A row for each of ``length`` tokens from a row for each chunk; tokens between chunks get ``padding``."""
    lengths = ends - starts
    if int(lengths.sum()) == length:
        return rows.repeat(lengths, axis=0)
    between = np.empty((2 * len(rows) + 1, rows.shape[1]), rows.dtype)
    between[::2] = padding
    between[1::2] = rows
    counts = np.empty(len(between), np.int64)
    counts[1::2] = lengths
    counts[::2] = np.append(starts, length) - np.append(0, ends)
    return between.repeat(counts, axis=0)
