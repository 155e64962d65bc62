"""Annotated parts are plain Parquet: packages that know nothing of Atlas read the values that the stage gave."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner.folder import RunFolder
from atlas.runner.retry import retry
from atlas.runner.run import run
from atlas.stage import Process
from atlas.storage import TEMPORARY
from atlas.tables import annotations

READERS = ("pyarrow", "duckdb", "polars", "pandas", "datasets")
SCRIPT = Path(__file__).parent / "foreign_readers.py"
DOCUMENTS = 60  # two of each file are empty, one can't be processed at first
REFUSED = "refuse me"


@dataclass(frozen=True)
class EveryColumn:
    """Labels that follow from the chunk; with ``rest``, all optional columns. Refuses while ``cause`` is there."""

    text: bool
    rest: bool
    cause: str
    name: str = "annotate"

    def schema(self, carried: pa.Schema) -> pa.Schema:
        wanted = annotations(text=self.text, rejected=self.rest, evidence=self.rest, tokens=self.rest)
        return pa.schema([*wanted, *carried])

    def identity(self) -> dict[str, Any]:
        return {"annotator": "of the tests", "library": "of the tests", "text": self.text, "tokenizer": "cl100k_base"}

    def load(self) -> Process:
        return self.label

    def label(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        if Path(self.cause).exists() and any(REFUSED in text for text in documents.column("text").to_pylist()):
            raise ValueError("refused")
        config = ChunkConfig(target_tokens=16, max_tokens=24)
        chunked = chunk_documents(documents, config, tokenizer("cl100k_base"))
        schema = self.schema(pa.schema([field for field in documents.schema if field.name == "language"]))
        rows = [_labelled(row, ids) for row, ids in zip(chunked.columns.to_pylist(), chunked.tokens, strict=True)]
        picked = [{name: row[name] for name in schema.names} for row in rows]
        return pa.RecordBatch.from_pylist(picked, schema=schema)


def _labelled(row: dict[str, Any], ids: np.ndarray) -> dict[str, Any]:
    draw = np.random.default_rng([row["chunk_id"], row["char_end"], len(ids)])
    count = 0 if row["status"] == "empty" else int(draw.integers(0, 25))
    row["concept_ids"] = draw.integers(1, 2**31 - 1, count).tolist()
    row["scores"] = np.sort(np.round(draw.random(count).astype(np.float32), 3))[::-1].tolist()
    row["evidence_starts"] = draw.integers(0, 9, count).tolist()
    row["evidence_ends"] = [start + 5 for start in row["evidence_starts"]]
    row["rejected_ids"] = draw.integers(1, 40_000, draw.integers(0, 17)).tolist()
    row["token_ids"] = ids.tolist()
    return row


def _corpus(folder: Path) -> DocumentSource:
    folder.mkdir()
    for file in range(2):
        rows = [
            {
                "id": f"ü-{file}-{row}",
                "text": "" if row in (3, 4) else f"Entry {row}: {'Ebbe und Flut 🌊 月. ' * (row % 7 + 1)}",
                "source": None if row % 5 == 0 else f"web/{row % 3}",
                "language": None if row % 4 == 0 else "de",
            }
            for row in range(DOCUMENTS)
        ]
        rows[7]["text"] = REFUSED
        (folder / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return DocumentSource(CorpusConfig(path=str(folder), id="id", carry=("language",), unit_bytes=4_000))


@dataclass(frozen=True)
class Made:
    """Runs with all columns and with the fewest, and the rows that their stages gave, in order."""

    parts: list[Path]
    rows: list[list[dict[str, Any]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("readable")
    source, cause = _corpus(folder / "corpus"), folder / "cause"
    parts, rows = [], []
    for number, (text, rest) in enumerate([(True, True), (False, False)]):
        stage, out = EveryColumn(text, rest, str(cause)), folder / f"run{number}"
        cause.touch()
        assert run(stage, source, out, "corpus", {}).counts.quarantined == 2
        cause.unlink()
        assert retry(stage, source, RunFolder.at(out)).mended == 2
        (out / "parts" / f"{TEMPORARY}0123456789abcdef").write_bytes(b"PAR1 half a part of a run that goes on")
        parts.append(out / "parts")
        rows.append(_ordered(row for batch in _batches(source) for row in stage.label(batch).to_pylist()))
    return Made(parts, rows)


def _batches(source: DocumentSource) -> Iterator[pa.RecordBatch]:
    return (batch.documents for unit in source.units() for batch in source.read(unit))


def _ordered(rows: Any) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["doc_id"], row["chunk_id"]))


@pytest.mark.parametrize("reader", READERS)
def test_parts_are_read_without_atlas_and_hold_what_the_stage_gave(reader: str, made: Made) -> None:
    command = [sys.executable, "-I", SCRIPT, reader, *made.parts]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert not said["atlas"]
    for parts, rows, expected, footers in zip(made.parts, said["rows"], made.rows, said["footers"], strict=True):
        assert _ordered(rows) == expected
        if reader in ("pyarrow", "duckdb", "polars"):  # pandas and datasets show no metadata of the file
            units = [json.loads(footer)["unit"] for footer in footers]
            named = sorted(
                path.name.removesuffix(".parquet").removesuffix(".retry") for path in parts.glob("*.parquet")
            )
            assert sorted(units) == named
    assert sum(len(row["scores"]) for row in made.rows[0]) > 1_000
