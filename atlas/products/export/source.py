"""The annotated run that an export is made of: whole, of the library given, read a row group at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.products.remap.source import annotated_run
from atlas.runner.folder import SUMMARY, RunFolder

IDS, SCORES, TEXT = "concept_ids", "scores", "text"
CHECKED = ("documents", "records_out"), ("chunks", "rows"), ("labels", "labels")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a run. ``row`` and ``document`` count those of the parts before it."""

    number: int
    path: str
    key: str
    rows: int
    documents: int
    row: int
    document: int


@dataclass(frozen=True)
class Source:
    """A run in balance and its library. Parts are in name order; retry parts are among them."""

    folder: RunFolder
    library: Library
    parts: tuple[Part, ...]
    footers: tuple[dict[str, Any], ...]

    @property
    def filesystem(self) -> pafs.FileSystem:
        return self.folder.filesystem

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def documents(self) -> int:
        return sum(part.documents for part in self.parts)

    @property
    def labels(self) -> int:
        return sum(footer["counts"]["labels"] for footer in self.footers)

    @cached_property
    def key(self) -> str:
        """Digest of what the whole run holds and of what its ids mean."""
        return of_json({"parts": [part.key for part in self.parts], "library": self.library.digest})

    @cached_property
    def concept_ids(self) -> np.ndarray:
        """Every id of the library, int64, rising; retired ones too."""
        return np.array(sorted(self.library.by_id), dtype=np.int64)

    @cached_property
    def schema(self) -> pa.Schema:
        return pq.read_schema(self.parts[0].path, filesystem=self.filesystem)

    def need(self, column: str, why: str) -> None:
        """See that the run has a column.

        Raises:
            AtlasError: it has not.
        """
        if column not in self.schema.names:
            raise AtlasError(f"{self.folder.url}: has no column {column}, {why}")

    def places(self, ids: np.ndarray, path: str) -> np.ndarray:
        """Place of each concept id among ``concept_ids``, int64.

        Raises:
            AtlasError: an id that the library lacks.
        """
        places = np.searchsorted(self.concept_ids, ids)
        wrong = self.concept_ids[np.minimum(places, len(self.concept_ids) - 1)] != ids
        if wrong.any():
            raise AtlasError(
                f"{path}: concept {int(ids[wrong][0])} is not in the library, though the part says that it is of it; "
                "run again, with --verify, what wrote it"
            )
        return places


def source_of(run: str | Path, library: Library) -> Source:
    """Look at a run before anything is made of it.

    Raises:
        AtlasError: no annotated run; not ended or not in balance; of several libraries or another one; a part is
            missing; there is no chunk in it.
    """
    found = annotated_run(run)
    if found.library and found.library != library.digest:
        raise AtlasError(
            f"{run}: is of library {found.library[:12]}, but the one given is {library.digest[:12]}; give the library "
            "that it was annotated with, or carry it over first: `atlas library remap`"
        )
    footers = tuple(found.parts.values())
    counts = [footer["counts"] for footer in footers]
    claimed = (found.folder.read(SUMMARY) or {})["counts"]
    for word, key in CHECKED:
        if (held := sum(each[key] for each in counts)) != claimed[key]:
            raise AtlasError(
                f"{run}: its summary says {claimed[key]:,} {word}, but its parts hold {held:,}: a part is missing, or "
                "one too many. Run again what made it, to its end"
            )
    if not claimed["rows"]:
        raise AtlasError(f"{run}: holds no chunk, so there is nothing to export")
    parts, row, document = [], 0, 0
    for number, (path, footer) in enumerate(found.parts.items()):
        rows, documents = footer["counts"]["rows"], footer["counts"]["records_out"]
        parts.append(Part(number, path, _key(footer), rows, documents, row, document))
        row, document = row + rows, document + documents
    return Source(found.folder, library, tuple(parts), footers)


def _key(footer: dict[str, Any]) -> str:
    """A retry part has its unit's key; its counts and rows tell it apart."""
    return of_json({name: footer.get(name) for name in ("key", "counts", "rows_retried", "unit")})


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a part, in order; ``row`` is the number of the first in the run."""

    part: Part
    row: int
    table: pa.RecordBatch


def blocks(
    source: Source, columns: Sequence[str], parts: Sequence[Part] | None = None, rows: np.ndarray | None = None
) -> Iterator[Block]:
    """A run's columns, row group by row group: what is held in memory is one of them (about 16 MiB).

    Args:
        parts: read these alone. rows: numbers of rows in the run, rising; row groups without any are passed over.

    Raises:
        AtlasError: a part is damaged, or lacks a column.
    """
    for part in source.parts if parts is None else parts:
        try:
            with pq.ParquetFile(part.path, filesystem=source.filesystem, page_checksum_verification=True) as file:
                if missing := [name for name in columns if name not in file.schema_arrow.names]:
                    raise AtlasError(f"{part.path}: has no column {missing[0]}, which other parts have")
                row = part.row
                for number in range(file.num_row_groups):
                    size = file.metadata.row_group(number).num_rows
                    if rows is not None and np.searchsorted(rows, row) == np.searchsorted(rows, row + size):
                        row += size
                        continue
                    table = file.read_row_group(number, columns=list(columns), use_threads=False).combine_chunks()
                    for batch in table.to_batches():
                        yield Block(part, row, batch)
                        row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's fault; Arrow's own, of a checksum that is not right, has no number
            raise AtlasError(f"{part.path}: is damaged ({error}); run again, with --verify, what wrote it") from error


def whole_documents(source: Source, columns: Sequence[str], parts: Sequence[Part] | None = None) -> Iterator[Block]:
    """As ``blocks``, but no document is cut in two: what is held is a row group, and the document that it ends with.

    ``columns`` must have ``chunk_id``.
    """
    held: list[Block] = []
    for block in blocks(source, columns, parts):
        if held and held[0].part != block.part:
            yield _joined(held)
            held = []
        firsts = np.flatnonzero(np.asarray(block.table.column("chunk_id")) == 0)
        if not len(firsts):
            held.append(block)
            continue
        last = int(firsts[-1])
        if held or last:
            yield _joined([*held, Block(block.part, block.row, block.table.slice(0, last))])
        held = [Block(block.part, block.row + last, block.table.slice(last))]
    if held:
        yield _joined(held)


def _joined(held: Sequence[Block]) -> Block:
    tables = [block.table for block in held]
    return Block(held[0].part, held[0].row, tables[0] if len(tables) == 1 else pa.concat_batches(tables))


def numbered(found: Iterator[Block]) -> Iterator[tuple[Block, np.ndarray]]:
    """Blocks with the number of each row's document in the run, int64. They must have ``chunk_id``."""
    part, document = -1, -1
    for block in found:
        if block.part.number != part:
            part, document = block.part.number, block.part.document - 1
        documents = document + np.cumsum(np.asarray(block.table.column("chunk_id")) == 0)
        document = int(documents[-1]) if len(documents) else document
        yield block, documents


def flat(column: pa.ListArray) -> tuple[np.ndarray, np.ndarray]:
    """Values of a list column end to end, and the number of each row's, int64."""
    return np.asarray(column.flatten()), np.diff(np.asarray(column.offsets)).astype(np.int64)
