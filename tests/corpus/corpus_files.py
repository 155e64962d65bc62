"""Write corpora of every format, and read them back as plain lists."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.corpus.units import Reject, Unit

Rows = Sequence[dict[str, Any]]


@dataclass
class Read:
    """What came out of a corpus."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [document["text"] for document in self.documents]

    @property
    def ids(self) -> list[str]:
        return [document["doc_id"] for document in self.documents]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(reject.row, reject.reason) for reject in self.rejects]


def source(path: Path | str, **settings: Any) -> DocumentSource:
    return DocumentSource(CorpusConfig(path=str(path), **settings))


def units(path: Path | str, **settings: Any) -> list[Unit]:
    return source(path, **settings).units()


def read(path: Path | str, **settings: Any) -> Read:
    """All documents and rejects of a corpus, unit by unit."""
    corpus = source(path, **settings)
    found = Read()
    for unit in corpus.units():
        for batch in corpus.read(unit):
            assert len(batch.rows) == batch.documents.num_rows
            batch.documents.validate(full=True)
            found.documents += batch.documents.to_pylist()
            found.rows += batch.rows
            found.rejects += batch.rejects
    return found


def lines(rows: Rows) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_parquet(path: Path, rows: Rows, group: int = 1000, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=group, **how)
    return path


def write_jsonl(path: Path, rows: Rows) -> Path:
    return write(path, lines(rows))


def write_gzip(path: Path, rows: Rows) -> Path:
    return write(path, gzip.compress(lines(rows)))


def write_zstd(path: Path, rows: Rows) -> Path:
    return write(path, zstandard.compress(lines(rows)))


def write_texts(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        write(folder / name, text.encode())
    return folder


def save_dataset(folder: Path, rows: Rows) -> Path:
    import datasets

    datasets.Dataset.from_list(list(rows)).save_to_disk(str(folder))
    return folder
