"""One shard of a token stream, written in pieces."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.fs as pafs

from atlas.digest import DIGEST_BYTES
from atlas.reader.documents import Grouper
from atlas.reader.row_group import RowGroup
from atlas.reader.stream_layout import (
    DOCUMENT,
    FILES,
    INDEX,
    NO_SPAN,
    SPAN_CHAR_END,
    SPAN_CHAR_START,
    SPAN_CHUNK,
    SPAN_DOCUMENT,
    SPAN_TOKENS,
    SPAN_WORDS,
    record_type,
)
from atlas.storage import atomic_output


class Output:
    """A file that is written from its beginning to its end, with its size and checksum."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._state = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self.bytes = 0

    def write(self, data: np.ndarray | bytes) -> None:
        raw = data if isinstance(data, bytes) else data.tobytes()
        self._stream.write(raw)
        self._state.update(raw)
        self.bytes += len(raw)

    def said(self) -> dict[str, Any]:
        return {"bytes": self.bytes, "blake2b": self._state.hexdigest()}


@dataclass
class ShardWriter:
    """The files of a shard that is being written. What is kept in memory is 32 bytes a document."""

    files: dict[str, Output]
    layout: str
    tokens: int = 0
    spans: int = 0
    labels: int = 0
    greatest: int = 0
    _documents: list[tuple[int, int, int]] = field(default_factory=list)
    _groups: list[np.uint64] = field(default_factory=list)
    _grouper: Grouper = field(default_factory=Grouper)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "tokens": self.tokens,
            "spans": self.spans,
            "documents": len(self._documents),
            "labels": self.labels,
        }

    def add(self, block: RowGroup, first: int, behind: int) -> None:
        """Append chunks ``first … behind − 1`` of a row group, with what stands behind each."""
        begin = int(block.starts[first])
        end = int(block.starts[behind]) if behind < len(block.starts) else block.length
        starts, sizes = block.starts[first:behind] - begin, block.sizes[first:behind]
        opens = np.flatnonzero(block.first_of_document[first:behind])
        self._group(block, first, behind, opens)
        numbers = len(self._documents) - 1 + np.cumsum(block.first_of_document[first:behind])
        for name, span in zip(block.document_ids(opens + first), opens.tolist(), strict=True):
            self._documents.append((self.files["ids"].bytes, self.tokens + int(starts[span]), self.spans + span))
            self.files["ids"].write(name.encode())
        self._write_tokens(block.tokens(begin, end), starts, sizes)
        self._write_spans(block, first, behind, numbers, starts)
        self.tokens += end - begin
        self.spans += behind - first

    def _group(self, block: RowGroup, first: int, behind: int, opens: np.ndarray) -> None:
        before = np.append(0, np.cumsum(block.sizes))
        ours = block.chunk_tokens[before[first] : before[behind]]
        self._groups += self._grouper.add(ours, before[first + opens] - before[first])

    def _write_tokens(self, tokens: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> None:
        records = np.empty(len(tokens), record_type(self.layout))
        if self.layout != "records":
            records[:] = tokens
        else:
            records["token"] = tokens
            numbers = np.full(2 * len(starts), NO_SPAN, np.uint32)
            numbers[::2] = np.arange(self.spans, self.spans + len(starts))
            lengths = np.empty(2 * len(starts), np.int64)
            lengths[::2] = sizes
            lengths[1::2] = np.append(starts[1:], len(tokens)) - starts - sizes
            records["span"] = numbers.repeat(lengths)
        self.files["tokens"].write(records)

    def _write_spans(self, block: RowGroup, first: int, behind: int, numbers: np.ndarray, starts: np.ndarray) -> None:
        labels, places = block.labels(first, behind), block.places(first, behind)
        words = SPAN_WORDS + 2 * labels.sizes
        at = np.cumsum(words) - words
        index = np.empty(behind - first, INDEX)
        index["offset"] = self.files["spans"].bytes + 4 * at
        index["token"] = self.tokens + starts
        self.files["index"].write(index)
        data = np.empty(int(words.sum()), np.uint32)
        data[at + SPAN_DOCUMENT] = numbers
        data[at + SPAN_CHUNK] = places.chunk
        data[at + SPAN_CHAR_START] = places.char_start
        data[at + SPAN_CHAR_END] = places.char_end
        data[at + SPAN_TOKENS] = block.sizes[first:behind]
        before = np.cumsum(labels.sizes) - labels.sizes
        ids = np.arange(len(labels.ids)) + (at + SPAN_WORDS - before).repeat(labels.sizes)
        data[ids] = labels.ids.view(np.uint32)
        data[ids + labels.sizes.repeat(labels.sizes)] = labels.scores.view(np.uint32)
        self.files["spans"].write(data)
        self.labels += len(labels.ids)
        self.greatest = max(self.greatest, int(labels.ids.max(initial=0)))

    def close(self) -> dict[str, Any]:
        """Write what closes the shard; returns its entry in the header, but for the name."""
        self.files["index"].write(np.array([(self.files["spans"].bytes, self.tokens)], INDEX))
        self._groups += self._grouper.close()
        table = np.empty(len(self._documents) + 1, DOCUMENT)
        table["group"] = np.append(np.array(self._groups, np.uint64), np.uint64(0))
        closing = (self.files["ids"].bytes, self.tokens, self.spans)
        for name, column in zip(
            ("id_offset", "token", "span"), zip(*self._documents, closing, strict=True), strict=True
        ):
            table[name] = column
        self.files["documents"].write(table)
        said = {kind: file.said() for kind, file in self.files.items()}
        return {"counts": self.counts, "files": said, "greatest_concept_id": self.greatest}


@contextmanager
def writing(filesystem: pafs.FileSystem, stem: str, layout: str) -> Iterator[ShardWriter]:
    """A shard whose files appear when the block ends, each whole or not at all."""
    with ExitStack() as stack:
        files = {kind: Output(stack.enter_context(atomic_output(filesystem, f"{stem}.{kind}"))) for kind in FILES}
        yield ShardWriter(files, layout)
