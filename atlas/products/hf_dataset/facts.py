"""What a dataset's card and metadata tell of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

DESCRIBED = {
    "doc_id": "Id of the document.",
    "chunk_id": "Number of the chunk in its document, from 0.",
    "source": "Where the document is from.",
    "char_start": "First code point of the chunk in its document.",
    "char_end": "Code point behind the last one of the chunk.",
    "token_count": "Tokens of the chunk, encoded alone.",
    "kind": "What most of the chunk is: prose, heading, list, table or code.",
    "status": "ok, long (a piece of a sentence or line beyond the size that a chunk may have) or empty.",
    "concept_ids": "The chunk's concepts, best first: ids of the table concepts.",
    "scores": "Calibrated probability of each concept, in the order of concept_ids.",
    "evidence_starts": "Where in the chunk's text the evidence of each concept begins, in code points.",
    "evidence_ends": "Where it ends.",
    "rejected_ids": "Concepts that were considered and not given, most likely first.",
    "token_ids": "Token ids of the chunk.",
    "text": "The chunk.",
    "concept_id": "Permanent id of the concept.",
    "facet": "content, entity, tone or form.",
    "name": "The concept's name.",
    "description": "What it is about.",
    "taxonomy": "Path in the Library of Congress Classification.",
    "replaced_by": "Of a retired concept: the one that took over.",
    "chunks": "Chunks of this dataset with the concept.",
    "documents": "Documents of this dataset with the concept.",
    "prevalence": "Share of the chunks with the concept.",
}
STATUS_OF_CONCEPT = "active or retired."


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file of the dataset. ``memory``: bytes of its columns, decoded."""

    name: str
    rows: int
    size: int
    memory: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Config:
    """A table of the dataset: its name, its files and their schema."""

    name: str
    schema: pa.Schema
    files: Sequence[DataFile]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def pattern(self) -> str:
        return f"data/{self.name}/train-*.parquet"

    def said(self, column: str) -> str:
        """What a column holds, in words."""
        if self.name == "concepts" and column == "status":
            return STATUS_OF_CONCEPT
        return DESCRIBED.get(column, "Carried over from the corpus.")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that card and metadata say. ``top``: name, facet and chunks of the most frequent concepts."""

    title: str
    license: str
    language: Sequence[str]
    configs: Sequence[Config]
    documents: int
    labels: int
    tokens: int
    facets: Mapping[str, int]
    top: Sequence[tuple[str, str, int]]
    footer: Mapping[str, Any]

    @property
    def chunks(self) -> int:
        return self.configs[0].rows

    @property
    def size_category(self) -> str:
        return size_category(self.chunks)


def size_category(rows: int) -> str:
    """The hub's word for a number of rows.

    Source: the list of ``size_categories`` in the hub's specification of dataset cards.
    """
    steps = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
    if rows < 1000:
        return "n<1K"
    power = len(str(rows)) - 4
    return f"{steps[power]}<n<{steps[power + 1]}" if power + 1 < len(steps) else "n>1T"
