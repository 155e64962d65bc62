"""A token stream as a corpus: memory-mapped, nothing parsed before it is asked for."""

import hashlib
from bisect import bisect_left, bisect_right
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from atlas.digest import DIGEST_BYTES, of_json
from atlas.errors import AtlasError
from atlas.reader import stream_layout as layout
from atlas.reader.block import Labels, Places, damaged
from atlas.reader.stream_layout import FILES, SHARDS, read_header

CHECK_BYTES = 8 << 20


class Stream:
    """A token stream on a local disk.

    Raises:
        AtlasError: it is none, a file is missing or has another size than the header says, or, with ``verify``,
            another checksum.
    """

    random_access = True

    def __init__(self, folder: str | Path, *, verify: bool = False) -> None:
        self.url = str(folder)
        self._root = Path(folder)
        self.header = read_header(self._root)
        self.tokenizer: str = self.header["tokenizer"]
        self.library: str = self.header["library"]
        self.annotator: str = self.header["annotator"]
        self.end_of_chunk: int | None = self.header["end_of_chunk"]
        self.end_of_document: int | None = self.header["end_of_document"]
        self.fingerprint = of_json(self.header)
        self._shards: dict[int, Shard] = {}
        for shard in self.header["shards"]:
            self._check(shard, verify)
        self.block_tokens = np.array([shard["counts"]["tokens"] for shard in self.header["shards"]], np.int64)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_shards": {}}  # maps are opened anew in another process, not copied

    def _check(self, shard: dict[str, Any], verify: bool) -> None:
        for kind in FILES:
            path = self._path(shard["name"], kind)
            said = shard["files"][kind]
            there = path.stat().st_size if path.is_file() else None
            if there is None:
                raise AtlasError(f"{path}: is missing; copy the whole folder again, or export the stream again")
            if there != said["bytes"]:
                raise AtlasError(
                    f"{path}: has {there:,} bytes instead of {said['bytes']:,}: cut off or changed; "
                    "copy it again, or export the stream again"
                )
            if verify and (found := checksum(path)) != said["blake2b"]:
                raise AtlasError(
                    f"{path}: its checksum is {found} instead of {said['blake2b']}: its bytes have changed; "
                    "copy it again, or export the stream again"
                )

    def _path(self, shard: str, kind: str) -> Path:
        return self._root / SHARDS / f"{shard}.{kind}"

    def block(self, number: int) -> "Shard":
        if number not in self._shards:
            shard = self.header["shards"][number]
            maps = {kind: self._map(shard["name"], kind) for kind in FILES}
            self._shards[number] = Shard(**maps, place=f"{self._root / SHARDS / shard['name']}")
        return self._shards[number]

    def _map(self, shard: str, kind: str) -> np.ndarray:
        types = {"tokens": layout.record_type(self.header["layout"]), "index": layout.INDEX, "spans": np.dtype("<u4")}
        kind_type = types.get(kind, layout.DOCUMENT if kind == "documents" else np.dtype("u1"))
        # Arrow's maps, unlike numpy's, keep no file open: a corpus may have more shards than a process may open files.
        with pa.memory_map(str(self._path(shard, kind))) as file:
            return np.frombuffer(file.read_buffer(), kind_type)

    def documents(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        table = self.block(number).document_table
        return table["token"][:-1].astype(np.int64), table["group"][:-1].copy()


class Shard:
    """One shard, as a block."""

    def __init__(
        self,
        tokens: np.ndarray,
        index: np.ndarray,
        spans: np.ndarray,
        documents: np.ndarray,
        ids: np.ndarray,
        place: str,
    ) -> None:
        self._tokens = tokens["token"] if tokens.dtype.names else tokens
        self._offset, self._start = index["offset"], index["token"]
        self._spans = index.shape[0] - 1
        self._words = spans
        self.document_table = documents
        self._ids = ids
        self._place = place

    def tokens(self, start: int, stop: int) -> np.ndarray:
        return self._tokens[start:stop].copy()

    def chunks(self, start: int, stop: int) -> tuple[int, int]:
        first = max(bisect_right(self._start, start, 0, self._spans) - 1, 0)
        behind = bisect_left(self._start, stop, first, self._spans)
        word = int(self._offset[first]) >> 2
        if first < behind and int(self._start[first]) + int(self._words[word + layout.SPAN_TOKENS]) <= start:
            first += 1  # only a token that the writer put after the chunk reaches into the window
        return first, behind

    def bounds(self, first: int, behind: int) -> tuple[np.ndarray, np.ndarray]:
        start = self._start[first:behind].astype(np.int64)
        return start, start + self._words[self._head(first, behind) + layout.SPAN_TOKENS]

    def labels(self, first: int, behind: int) -> Labels:
        offset = self._offset[first : behind + 1].astype(np.int64) >> 2
        # One slice of words holds all spans; what are ids and what are scores follows from their lengths.
        words = self._words[offset[0] : offset[-1]]
        sizes = (offset[1:] - offset[:-1] - layout.SPAN_WORDS) >> 1
        labels = int(sizes.sum())
        before = np.cumsum(sizes) - sizes
        shift = offset[:-1] - offset[0] + layout.SPAN_WORDS - before
        ids = np.arange(labels) + shift.repeat(sizes)
        scores = ids + sizes.repeat(sizes)
        if labels and (sizes.min() < 0 or scores[-1] >= len(words)):
            raise damaged(f"{self._place}.spans")
        return Labels(sizes, words[ids].view(np.int32), words[scores].view(np.float32))

    def places(self, first: int, behind: int) -> Places:
        head = self._head(first, behind)
        columns = (layout.SPAN_DOCUMENT, layout.SPAN_CHUNK, layout.SPAN_CHAR_START, layout.SPAN_CHAR_END)
        return Places(*(self._words[head + column].astype(np.int64) for column in columns))

    def document_ids(self, documents: np.ndarray) -> list[str]:
        offset = self.document_table["id_offset"]
        return [bytes(self._ids[int(offset[one]) : int(offset[one + 1])]).decode() for one in documents]

    @cached_property
    def _last_word(self) -> int:
        return max(len(self._words) - layout.SPAN_WORDS, 0)

    def _head(self, first: int, behind: int) -> np.ndarray:
        head = self._offset[first:behind].astype(np.int64) >> 2
        if len(head) and not 0 <= head[-1] <= self._last_word:
            raise damaged(f"{self._place}.index")
        return head


def checksum(path: Path) -> str:
    """BLAKE2b of a file, hex of 16 bytes."""
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb") as file:
        while block := file.read(CHECK_BYTES):
            state.update(block)
    return state.hexdigest()
