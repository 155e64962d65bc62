"""A small annotated run with token ids, made by the runner itself; and what a reader should make of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.digest import of_bytes
from atlas.runner.run import run
from atlas.stage import Process
from atlas.tables import annotations

CONCEPTS = 9  # ids 1 … 9
WORDS = "tide rope lamp boat pier harbour winter über 月 oar net gull mast keel fog salt 12 34, -- (a) x+=1;".split()


@dataclass(frozen=True, slots=True)
class TokenStage:
    """Chunks of at most 20 tokens, with concepts that follow from the chunk's text."""

    text: bool = True
    tokens: bool = True
    library: str = "library of the tests"
    tokenizer: str = "cl100k_base"
    annotator: str = "annotator of the tests"
    name: str = "annotate"

    def schema(self, carried: pa.Schema) -> pa.Schema:
        return annotations(text=self.text, tokens=self.tokens)

    def identity(self) -> dict[str, Any]:
        return {"library": self.library, "annotator": self.annotator, "tokenizer": self.tokenizer}

    def load(self) -> Process:
        return self._label

    def _label(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        config = ChunkConfig(target_tokens=16, max_tokens=20)
        chunked = chunk_documents(documents, config, tokenizer("cl100k_base"))
        rows = []
        for row, ids in zip(chunked.columns.to_pylist(), chunked.tokens, strict=True):
            draw = np.random.default_rng(int(of_bytes([row["text"].encode()])[:8], 16))
            concepts = draw.permutation(CONCEPTS)[: draw.integers(0, 6)] + 1
            if row["status"] == "empty":
                concepts = concepts[:0]
            scores = np.sort(draw.random(len(concepts)).astype(np.float32))[::-1]
            row |= {"concept_ids": concepts.tolist(), "scores": scores.tolist(), "token_ids": ids.tolist()}
            rows.append({name: row[name] for name in self.schema(pa.schema([])).names})
        return pa.RecordBatch.from_pylist(rows, schema=self.schema(pa.schema([])))


def text(file: int, row: int) -> str:
    """Documents 1 and 2 of a file are empty."""
    if row in (1, 2):
        return "" if row == 1 else " \n "
    draw = np.random.default_rng([file, row])
    sentences = [" ".join(draw.choice(WORDS, draw.integers(3, 12))) for _ in range(draw.integers(1, 9))]
    return ". ".join(sentences) + "."


def token_run(
    folder: Path,
    stage: TokenStage = TokenStage(),
    *,
    documents: int = 12,
    files: int = 3,
    rows: int = 7,
    text: Callable[[int, int], str] = text,
) -> Path:
    """An annotated run in ``folder/run``, with row groups of so many rows."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for file in range(files):
        lines = [json.dumps({"id": f"{file}-{row}", "text": text(file, row)}) + "\n" for row in range(documents)]
        (corpus / f"{file}.jsonl").write_text("".join(lines))
    source = DocumentSource(CorpusConfig(path=str(corpus), id="id"))
    run(stage, source, folder / "run", str(corpus), {"corpus": {"path": str(corpus)}})
    for part in (folder / "run" / "parts").glob("*.parquet"):
        regroup(part, rows)
    return folder / "run"


def regroup(part: Path, rows: int, **footer: Any) -> None:
    """Write a part again with row groups of so many rows; ``footer`` changes keys of its footer."""
    with pq.ParquetFile(part) as file:
        table, metadata = file.read(), dict(file.metadata.metadata)
    said = json.loads(metadata[b"atlas"]) | footer
    pq.write_table(table.replace_schema_metadata({b"atlas": json.dumps(said).encode()}), part, row_group_size=rows)


@dataclass(frozen=True)
class Token:
    """What is known of a token of the corpus."""

    id: int
    doc_id: str
    chunk_id: int = -1
    concepts: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()


def tokens_of(run: Path, end_of_chunk: int | None = None, end_of_document: int | None = None) -> list[Token]:
    """Every token of a run in order, read row by row: what windows are held against."""
    found: list[Token] = []
    rows = [row for part in sorted((run / "parts").glob("*.parquet")) for row in pq.read_table(part).to_pylist()]
    rows = [row for row in rows if row["status"] != "empty"]
    for number, row in enumerate(rows):
        own = (row["doc_id"], row["chunk_id"], tuple(row["concept_ids"]), tuple(row["scores"]))
        found += [Token(token, *own) for token in row["token_ids"]]
        if end_of_chunk is not None:
            found.append(Token(end_of_chunk, row["doc_id"]))
        last = number + 1 == len(rows) or rows[number + 1]["doc_id"] != row["doc_id"]
        if end_of_document is not None and last:
            found.append(Token(end_of_document, row["doc_id"]))
    return found
