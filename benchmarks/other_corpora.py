"""A library and an annotator from all corpora but some: labels that people gave, as concepts of equal name.

- The sets of ``annotator.py``, ``LEARNED_FROM`` training documents of each, and as many titles of yso-titles.
- OpenStax: passages of textbook sections; a passage has those of its section's key terms, which the authors chose, that
  stand in it.
- Terms of the PLOS thesaurus but those of the life sciences and places, which have a name and no example.

Labels of which only a code is known are no concepts.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.parquet as pq
from annotator_atlas import TOKENIZER, library_of
from annotator_data import SETS, split
from label_sets import label_names

from atlas.annotator.artefact import Annotator
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled, document_position, label_matrix
from atlas.annotator.distill import teacher
from atlas.annotator.train import train
from atlas.chunking.tokenizer import tokenizer

LEARNED_FROM = 2_000  # documents or passages of each corpus at most
TAUGHT = 2_000  # documents that the sentence model reads
LEFT_OUT = "Biology and life sciences", "Medicine and health sciences", "People and places"  # of the PLOS thesaurus
PASSAGE = 1_200  # characters


@dataclass
class Corpus:
    """Documents with the columns of their concepts; a concept is a name, whatever its case."""

    names: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    labels: list[set[int]] = field(default_factory=list)
    doc_ids: list[str] = field(default_factory=list)
    columns: dict[str, int] = field(default_factory=dict)

    def concept(self, name: str) -> int:
        if name.casefold() not in self.columns:
            self.columns[name.casefold()] = len(self.names)
            self.names.append(name)
        return self.columns[name.casefold()]

    def add(self, doc_id: str, text: str, names: list[str]) -> None:
        if names:
            self.texts.append(text)
            self.labels.append({self.concept(name) for name in names})
            self.doc_ids.append(doc_id)


def from_others(data: Path, measured: Sequence[str], tier: Literal["fast", "encoder"]) -> tuple[Annotator, list[str]]:
    """The annotator, and the names of its concepts in the order of its columns."""
    corpus = others(data, measured)
    config = TrainConfig(tier=tier, taught_chunks=TAUGHT)
    named = tokenizer(TOKENIZER)
    position = np.array([document_position(doc_id, config.seed) for doc_id in corpus.doc_ids])
    matrix = label_matrix(corpus.labels, len(corpus.names))
    tokens = [named.encode(text) for text in corpus.texts]
    labelled = Labelled(tokens, corpus.texts, corpus.doc_ids, matrix, position)
    model = teacher(config.encoder, TOKENIZER)
    weights, featurizer, _ = train(labelled, library_of(corpus.names), TOKENIZER, model, config)
    return Annotator(weights, featurizer, {}, "", model.embed if tier == "encoder" else None), corpus.names


def others(data: Path, measured: Sequence[str]) -> Corpus:
    """All corpora but those that are measured."""
    corpus = Corpus()
    for name in SETS:
        if name in measured:
            continue
        task = split(data, name, 0, LEARNED_FROM, False)
        for number, (text, gold) in enumerate(zip(task.training.texts, task.training.gold, strict=True)):
            given = [task.names[label] for label in sorted(gold)]
            corpus.add(f"{name}/{number}", text, [own for own in given if not own.startswith("gnd:")])
    words = label_names(data, "yso-abstracts")
    for row in _documents(data / "yso-titles" / "open.parquet")[:LEARNED_FROM]:
        corpus.add(row["id"], row["text"], [words[label] for label in row["labels"] if words.get(label)])
    for doc_id, text, terms in passages(data)[:LEARNED_FROM]:
        corpus.add(doc_id, text, terms)
    with gzip.open(data / "canonicalization" / "plos_thesaurus.open.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            term = json.loads(line)
            if term["top"] not in LEFT_OUT:
                corpus.concept(term["pref"])
    return corpus


def passages(data: Path) -> list[tuple[str, str, list[str]]]:
    """Section, text and key terms of the passages of OpenStax that have any, in an order by a hash."""
    found = []
    for row in _documents(data / "openstax" / "open.parquet"):
        for start in range(0, len(row["text"]), PASSAGE):
            text = row["text"][start : start + PASSAGE]
            if terms := [term for term in row["labels"] if term.casefold() in text.casefold()]:
                found.append((document_position(f"{row['id']}/{start}", 0), row["id"], text, terms))
    return [(doc_id, text, terms) for _, doc_id, text, terms in sorted(found)]


def _documents(path: Path) -> list[dict]:
    rows = pq.read_table(path, columns=["id", "text", "labels"]).to_pylist()
    return sorted((row for row in rows if row["labels"]), key=lambda row: document_position(row["id"], 0))
