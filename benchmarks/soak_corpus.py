"""A small corpus of many units with bad records of every kind, made from real documents."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource

Record = dict[str, Any]

BAD_LINES = (
    b'{"id": "cut off", "text": "no end\n',
    b'{"id": "no text"}\n',
    b'{"id": "null", "text": null}\n',
    b'{"id": "a number", "text": 17}\n',
    b'{"id": "not UTF-8", "text": "\xff\xfe"}\n',
    b'{"id": "lone surrogate", "text": "\\ud800"}\n',
    b"[1, 2]\n",
)
UNITS_A_FILE = 3


def documents(path: str, id_column: str | None, most: int) -> list[Record]:
    """The first ``most`` documents of a corpus, as records with ``id`` and ``text``."""
    source = DocumentSource(CorpusConfig(path=path, id=id_column, limit=most))
    batches = (batch.documents for unit in source.units() for batch in source.read(unit))
    return [{"id": r["doc_id"], "text": r["text"]} for batch in batches for r in batch.to_pylist()]


def write(folder: Path, records: Sequence[Record], units: int) -> tuple[int, int]:
    """Write the records as files of about ``units`` units in all; returns ``unit_bytes``, and records with bad ones.

    Most are JSON Lines with a bad line each, two are Parquet with a null text, and one is no Parquet at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = max(3, units // UNITS_A_FILE)
    longest, count = 0, 1
    for number in range(files):
        own = list(records[number::files])
        if number < 2:
            bad = {"id": f"null {number}", "text": None}
            table = pa.Table.from_pylist([*own, bad], schema=pa.schema([("id", pa.string()), ("text", pa.string())]))
            pq.write_table(table, folder / f"{number:03}.parquet", row_group_size=max(1, len(own) // UNITS_A_FILE))
        else:
            lines = [json.dumps(record).encode() + b"\n" for record in own]
            lines.insert(len(lines) // 2, BAD_LINES[number % len(BAD_LINES)])
            (folder / f"{number:03}.jsonl").write_bytes(b"".join(lines))
            longest = max(longest, sum(map(len, lines)))
        count += len(own) + 1
    (folder / "broken.parquet").write_bytes(b"PAR1 and nothing that follows from it")
    return max(1, longest // UNITS_A_FILE + 1), count
