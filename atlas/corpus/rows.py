"""Rows of any shape into documents, or into rejects that say why not."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from atlas.corpus.config import CorpusConfig
from atlas.corpus.units import Reject
from atlas.errors import AtlasError
from atlas.tables import DOCUMENTS


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a corpus as it was found. ``values`` is None where it could not be read at all."""

    number: int
    location: str
    values: dict[str, Any] | None
    problem: str = ""
    raw: bytes | None = None


@dataclass(slots=True)
class Batch:
    """Documents to process, the row number of each, and the rows that are none."""

    documents: pa.RecordBatch
    rows: list[int]
    rejects: list[Reject] = field(default_factory=list)


def check_columns(config: CorpusConfig, present: Sequence[str], where: str) -> None:
    """Refuse a corpus whose file lacks a column that the configuration names."""
    for role, name in (("text", config.text), ("id", config.id), ("source", config.source)):
        if name is not None and name not in present:
            raise AtlasError(
                f"{where}: has no column {name!r} (wanted as the {role} column); it has "
                f"{', '.join(repr(p) for p in present)}. Name the right one with --{role}."
            )
    for name in config.carry:
        if name not in present:
            raise AtlasError(f"{where}: has no column {name!r} to carry; it has {', '.join(map(repr, present))}")


@dataclass(slots=True)
class _Gathered:
    """What will be a batch."""

    ids: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)  # in UTF-8: a string may take four bytes a character
    sources: list[str | None] = field(default_factory=list)
    carried: list[tuple[Any, ...]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0

    @property
    def rows(self) -> int:
        return len(self.numbers) + len(self.rejects)

    def add(self, row: Row, doc_id: str, config: CorpusConfig, label: str) -> None:
        """Take up a row as a document, and empty it: its text may be huge, and is not to be held twice."""
        assert row.values is not None
        self.ids.append(doc_id)
        self.texts.append(row.values[config.text].encode())
        self.sources.append(_source(row.values, config, label))
        self.carried.append(tuple(row.values.get(name) for name in config.carry))
        self.numbers.append(row.number)
        self.size += len(self.texts[-1])
        row.values.clear()

    def batch(self, config: CorpusConfig) -> Batch:
        columns: list[pa.Array] = [
            pa.array(self.ids, pa.string()),
            pa.array(self.texts, pa.large_binary()).view(pa.large_string()),
            pa.array(self.sources, pa.string()),
        ]
        fields = list(DOCUMENTS)
        for index, name in enumerate(config.carry):
            values = (row[index] for row in self.carried)
            columns.append(pa.array([None if value is None else _as_text(value) for value in values], pa.string()))
            fields.append(pa.field(name, pa.string()))
        return Batch(pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields)), self.numbers, self.rejects)


def documents(rows: Iterable[Row], config: CorpusConfig, label: str) -> Iterator[Batch]:
    """Batches of about ``batch_bytes`` of text. Every row ends up in a batch: as a document or as a reject.

    But for those that ``sample`` leaves out.
    """
    seen: dict[str, int] = {}
    gathered = _Gathered()
    for row in rows:
        problem = _problem(row, config)
        if problem is None:
            assert row.values is not None
            doc_id = f"{label}#{row.number}" if config.id is None else str(row.values[config.id])
            if config.sample < 1.0 and not chosen(doc_id, config.sample):
                continue
            first = seen.setdefault(doc_id, row.number) if config.id is not None else row.number
            if first != row.number:
                problem = ("duplicate_id", f"{doc_id!r} is the id of row {first} too; ids must be unique")
            else:
                gathered.add(row, doc_id, config, label)
        if problem is not None:
            gathered.rejects.append(_reject(row, config, *problem))
        if gathered.size >= config.batch_bytes or gathered.rows >= BATCH_ROWS:
            made, gathered = gathered.batch(config), _Gathered()
            yield made
            del made
    if gathered.rows:
        yield gathered.batch(config)


def chosen(doc_id: str, share: float) -> bool:
    """Whether a document is in a sample. Larger samples hold smaller ones."""
    digest = hashlib.blake2b(doc_id.encode(), digest_size=8, person=b"atlas-sample").digest()
    return int.from_bytes(digest, "big") < share * 2**64


BATCH_ROWS = 8192  # bounds a batch of very short documents


def _problem(row: Row, config: CorpusConfig) -> tuple[str, str] | None:
    """Reason and detail where a row is no document."""
    if row.values is None:
        return "unreadable", row.problem
    if config.text not in row.values:
        return "missing_text", f"no {config.text!r} in this row"
    text = row.values[config.text]
    if text is None:
        return "null_text", f"column {config.text!r} is null"
    if not isinstance(text, str):
        return "text_not_string", f"column {config.text!r} holds {type(text).__name__}, not a string"
    if config.id is not None and row.values.get(config.id) is None:
        return "null_id", f"column {config.id!r} is null or missing"
    for name in (config.text, config.id, config.source or "source", *config.carry):
        value = row.values.get(name) if name is not None else None
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                return "not_unicode", f"lone surrogate at character {error.start} of column {name!r}"
    return None


def _source(values: dict[str, Any], config: CorpusConfig, label: str) -> str | None:
    value = values.get(config.source or "source")
    return label if value is None else str(value)


def _reject(row: Row, config: CorpusConfig, reason: str, detail: str) -> Reject:
    doc_id = None
    content = row.raw
    if row.values is not None:
        if config.id is not None and row.values.get(config.id) is not None:
            doc_id = str(row.values[config.id]).encode(errors="backslashreplace").decode()
        content = json.dumps(row.values, default=_as_text).encode()
    return Reject(row.number, row.location, doc_id, reason, detail, content)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)
