"""A small annotated run made by the runner itself, with labels that follow from the document alone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.library.concept import Concept, Library
from atlas.runner.run import Result, run
from atlas.stage import Process
from atlas.tables import annotations

LIBRARY = Library(
    tuple(
        Concept(number, "content", name, f"Passages about {name.lower()}.", members=dict.fromkeys(tags, 3))
        for number, (name, tags) in enumerate(
            {
                "Tides": ("tides", "tidal range"),
                "High water": ("high water",),
                "Boats": ("boats", "rowing boats", "sailing boats"),
                "Rope": ("rope",),
                "Lamps": ("lamps",),
            }.items(),
            start=1,
        )
    )
)


@dataclass(frozen=True, slots=True)
class Labels:
    """Two chunks a document, each with concepts drawn by the document's number; scores fall.

    With ``more``, rejected concepts and evidence too: all concepts not given, and spans by which they can be told.
    """

    library: str = LIBRARY.digest
    text: bool = True
    fails_on: str = ""
    more: bool = False
    name: str = "annotate"

    def schema(self, carried: pa.Schema) -> pa.Schema:
        return pa.schema([*annotations(text=self.text, rejected=self.more, evidence=self.more), *carried])

    def identity(self) -> dict[str, Any]:
        return {"library": self.library, "annotator": "of the tests", "text": self.text, "tokenizer": "cl100k_base"}

    def load(self) -> Process:
        return self._label

    def _label(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        rows = []
        for document in documents.to_pylist():
            if self.fails_on and self.fails_on in document["text"]:
                raise ValueError("refused")
            half = len(document["text"]) // 2
            for chunk, (start, end) in enumerate(((0, half), (half, len(document["text"])))):
                draw = np.random.default_rng([half, chunk])
                ids = draw.permutation(5)[: draw.integers(0, 5)] + 1
                scores = np.sort(draw.random(len(ids)).astype(np.float32))[::-1]
                row = {"doc_id": document["doc_id"], "chunk_id": chunk, "source": document["source"]}
                row |= {"char_start": start, "char_end": end, "token_count": 5, "kind": "prose", "status": "ok"}
                row |= {"concept_ids": ids.tolist(), "scores": scores.tolist(), "text": document["text"][start:end]}
                row |= {"rejected_ids": sorted({1, 2, 3, 4, 5} - set(ids.tolist()))}
                row |= {"evidence_starts": ids.tolist(), "evidence_ends": (ids + 1).tolist()}
                rows.append({name: row[name] for name in self.schema(pa.schema([])).names})
        return pa.RecordBatch.from_pylist(rows, schema=self.schema(pa.schema([])))


def labelled_run(folder: Path, stage: Labels = Labels(), documents: int = 40, files: int = 3) -> Result:
    """An annotated run in ``folder/run`` over ``folder/corpus``."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for file in range(files):
        lines = [
            {"id": f"{file}-{row}", "text": f"Entry {file * documents + row}. " + "The tide came in. " * (row % 17 + 1)}
            for row in range(documents)
        ]
        (corpus / f"{file}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = DocumentSource(CorpusConfig(path=str(corpus), id="id"))
    return run(stage, source, folder / "run", str(corpus), {"corpus": {"path": str(corpus)}})
