"""An annotated run as a corpus, read from its Parquet parts: each row group is a block."""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.reader.block import damaged
from atlas.reader.documents import Grouper
from atlas.reader.encode import Encode, Encoder
from atlas.reader.parts import Part, annotated_parts
from atlas.reader.row_group import COLUMNS, TEXT, TOKEN_IDS, RowGroup, encoded, kept, numbers

CACHE_BYTES = 512 << 20
COMPARED = 8  # chunks whose token ids are held against what the tokenizer makes of their text


class Group(NamedTuple):
    """Where a block is: number of the part and of its row group; its tokens; whether its last row ends a document."""

    part: int
    row_group: int
    tokens: int
    ends_document: bool


class Documents(NamedTuple):
    """Documents of a block: where each begins, int64, and its group, uint64."""

    starts: np.ndarray
    groups: np.ndarray


class ParquetCorpus:
    """Annotated parts.

    Opening reads the numbers of tokens (``token_count``) of every row; with a tokenizer other than that of the parts,
    it encodes every text once, to count.

    Args:
        tokenizer: as of ``encode.Encoder``; None: the one of the parts.
        end_of_chunk, end_of_document: token ids to put after each chunk and document.
        cache_bytes: decoded row groups that are kept in memory.

    Raises:
        AtlasError: as of ``parts.annotated_parts``; the parts have neither token ids nor text that could be encoded;
            their token ids are not what the tokenizer makes of their text.
    """

    random_access = False

    def __init__(
        self,
        url: str | Path,
        *,
        tokenizer: Any = None,
        end_of_chunk: int | None = None,
        end_of_document: int | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.url = str(url)
        self._filesystem, self.parts = annotated_parts(url)
        self.end_of_chunk, self.end_of_document = end_of_chunk, end_of_document
        footer = self.parts[0].footer
        self.library: str = footer.get("library") or ""
        self.annotator: str = footer.get("annotator") or ""
        self._annotated_with: str = footer.get("tokenizer") or ""
        self.tokenizer, self._encode = self._chosen(tokenizer)
        self._counted = self.tokenizer != self._annotated_with
        said = [[part.name, part.footer.get("key"), self.library, part.group_rows] for part in self.parts]
        self.fingerprint = of_json([said, self.tokenizer, end_of_chunk, end_of_document])
        self._groups = list(self._indexed())
        self.block_tokens = np.array([group.tokens for group in self._groups], np.int64)
        self._documents: list[Documents] | None = None
        self._cache: OrderedDict[int, RowGroup] = OrderedDict()
        self._cache_bytes = cache_bytes

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_cache": OrderedDict()}

    def _chosen(self, tokenizer: Any) -> tuple[str, Encode | None]:
        """Name of the tokenizer, and how to encode texts; None where the parts' token ids are read."""
        with_ids, with_text = ({name in part.columns for part in self.parts} == {True} for name in (TOKEN_IDS, TEXT))
        if tokenizer is None:
            if with_ids:
                return self._annotated_with, None
            if not with_text:
                raise AtlasError(
                    f"{self.url}: the parts have neither token ids nor text; annotate with --tokens, or with chunk text"
                )
            tokenizer = self._annotated_with
        encode = Encoder(tokenizer)
        name = encode.name
        if with_ids and with_text:
            # What a tokenizer does says more than its name.
            if self._agrees(encode):
                return self._annotated_with, None
            if name == self._annotated_with:
                raise AtlasError(
                    f"{self.url}: its token ids are not what tokenizer {name} makes of its text, though the parts name "
                    "it; give the tokenizer that it was annotated with, or leave it out"
                )
            return name, encode
        if with_ids:
            if name != self._annotated_with:
                raise AtlasError(
                    f"{self.url}: holds token ids of tokenizer {self._annotated_with}, and no text that {name} could "
                    "encode; give that tokenizer, or annotate again with chunk text"
                )
            return name, None
        if not with_text:
            raise AtlasError(
                f"{self.url}: the parts have neither token ids nor text; annotate with --tokens, or with chunk text"
            )
        return name, encode

    def _agrees(self, encode: Encode) -> bool:
        """Whether the token ids of the first chunks are what the tokenizer makes of their text."""
        for part in self.parts:
            with pq.ParquetFile(part.path, filesystem=self._filesystem) as file:
                batch = next(file.iter_batches(COMPARED, columns=[TOKEN_IDS, TEXT]), None)
            for row in batch.to_pylist() if batch is not None else ():
                if encode(row[TEXT]).tolist() != row[TOKEN_IDS]:
                    return False
            if batch is not None:
                return True
        return True

    def _indexed(self) -> Iterator[Group]:
        """Every row group that has a row to read."""
        for number, part in enumerate(self.parts):
            waiting: Group | None = None
            with pq.ParquetFile(part.path, filesystem=self._filesystem) as file:
                for row_group in range(len(part.group_rows)):
                    sizes, first = self._counts(file, row_group)
                    if not len(sizes):
                        continue
                    if waiting is not None:
                        yield self._ended(waiting, bool(first[0]))
                    between = int(first[1:].sum()) if self.end_of_document is not None else 0
                    added = len(sizes) * int(self.end_of_chunk is not None) + between
                    waiting = Group(number, row_group, int(sizes.sum()) + added, False)
            if waiting is not None:
                yield self._ended(waiting, True)

    def _ended(self, group: Group, ends: bool) -> Group:
        added = int(ends and self.end_of_document is not None)
        return group._replace(ends_document=ends, tokens=group.tokens + added)

    def _counts(self, file: pq.ParquetFile, row_group: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of each row, and whether it is the first of a document."""
        column = TEXT if self._counted else "token_count"
        table = kept(file.read_row_group(row_group, columns=["chunk_id", "status", column], use_threads=False))
        counts = encoded(table, self._encode)[1] if self._counted else numbers(table["token_count"])
        return counts.astype(np.int64), numbers(table["chunk_id"]) == 0

    def block(self, number: int) -> RowGroup:
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        block = self.decoded(number)
        self._cache[number] = block
        while len(self._cache) > 1 and sum(each.nbytes for each in self._cache.values()) > self._cache_bytes:
            self._cache.popitem(last=False)
        return block

    def decoded(self, number: int) -> RowGroup:
        """A block, read and decoded; not kept."""
        group = self._groups[number]
        part = self.parts[group.part]
        place = f"{part.path}, row group {group.row_group}"
        columns = [*COLUMNS, TEXT if self._encode is not None else TOKEN_IDS]
        try:
            with pq.ParquetFile(part.path, filesystem=self._filesystem) as file:
                table = kept(file.read_row_group(group.row_group, columns=columns, use_threads=False))
        except (OSError, pa.ArrowInvalid, IndexError) as error:
            raise damaged(place) from error
        made = RowGroup(table, self._encode, group.ends_document, self.end_of_chunk, self.end_of_document, place)
        if made.length != group.tokens:
            raise damaged(place)
        return made

    def part_of(self, number: int) -> Part:
        return self.parts[self._groups[number].part]

    def documents(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        if self._documents is None:
            self._documents = list(self._grouped())
        return self._documents[number]

    def _grouped(self) -> Iterator[Documents]:
        """Reads every token once. What is kept is 16 bytes a document."""
        grouper = Grouper()
        starts: list[np.ndarray] = []
        known: list[np.uint64] = []
        firsts: list[int] = []  # number, among all documents, of the one that each block begins with
        begun = 0
        for number in range(len(self._groups)):
            block = self.decoded(number)
            opens = np.flatnonzero(block.first_of_document)
            begins = (np.cumsum(block.sizes) - block.sizes)[opens]
            known += grouper.add(block.chunk_tokens, begins)
            goes_on = len(opens) == 0 or opens[0] != 0
            if goes_on and not begun:
                raise damaged(self.part_of(number).path)
            firsts.append(begun - int(goes_on))
            begun += len(opens)
            own = block.starts[opens]
            starts.append(np.append(0, own) if goes_on else own)
        known += grouper.close()
        groups = np.array(known, np.uint64)
        for first, begin in zip(firsts, starts, strict=True):
            yield Documents(begin, groups[first : first + len(begin)])
