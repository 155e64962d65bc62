"""Do concepts carry what a corpus is about? Its human labels are predicted from concept scores alone.

    python benchmarks/annotation_value.py --data DIR [--sets 20newsgroups,arxiv-abstracts]

Library and annotator come from *other* corpora: the labels that people gave to the documents of every set of
``annotator.py`` but the one that is measured, as concepts. Documents are cut into chunks and annotated; a document's
features are the highest scores of its chunks' candidates. A logistic regression on them predicts the document's label
(arXiv: its first), beside the same regression on MiniLM's vectors of the document (of its chunks, the mean) and on
TF-IDF. 70 % of the documents, by a hash of their ids, are to learn from, the rest to report on; the regularisation is
chosen on a fifth of the former. ``of_minilm``: macro-F1 as a share of MiniLM's. Before the table: the concepts that
weigh most for each label.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from annotator_atlas import TOKENIZER, library_of
from annotator_data import SETS, split
from rows import Row, finish
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from atlas.annotator.artefact import Annotator
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled, document_position, label_matrix
from atlas.annotator.distill import teacher
from atlas.annotator.stage import score_chunks
from atlas.annotator.train import train
from atlas.chunking.chunk import chunk_text
from atlas.chunking.config import ChunkConfig
from atlas.chunking.tokenizer import tokenizer
from atlas.models.int8 import int8_encoder

DOCUMENTS = 4_000  # of the measured set
LEARNED_FROM = 4_000  # documents of each other set at most
LEAST = 20  # documents with a label, else the label is left out
TRAINING = 0.7
COSTS = (0.1, 1.0, 10.0, 100.0)
TOLD = 5  # concepts a label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--sets", default="20newsgroups,arxiv-abstracts", help="sets to measure")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.sets.split(","):
        annotator, names = from_others(options.data, name)
        rows += measured(options.data, name, annotator, names)
    finish(rows, options.json)


def from_others(data: Path, measured_set: str) -> tuple[Annotator, list[str]]:
    """An annotator of all labels of the other sets; equal names are one concept."""
    column: dict[str, int] = {}
    texts: list[str] = []
    labels: list[set[int]] = []
    for name in SETS:
        if name == measured_set:
            continue
        task = split(data, name, 0, LEARNED_FROM, False)
        for text, gold in zip(task.training.texts, task.training.gold, strict=True):
            texts.append(text)
            labels.append({column.setdefault(task.names[label].casefold(), len(column)) for label in gold})
    names = list(column)
    config, named = TrainConfig(), tokenizer(TOKENIZER)
    ids = [str(number) for number in range(len(texts))]
    position = np.array([document_position(doc_id, config.seed) for doc_id in ids])
    matrix = label_matrix(labels, len(names))
    data_ = Labelled([named.encode(text) for text in texts], texts, ids, matrix, position)
    weights, featurizer, _ = train(data_, library_of(names), TOKENIZER, teacher(config.encoder, TOKENIZER), config)
    return Annotator(weights, featurizer, {}, ""), names


def measured(data: Path, name: str, annotator: Annotator, names: list[str]) -> list[Row]:
    texts, labels, learned_from = documents(data, name)
    scores = concept_scores(texts, annotator)
    features: dict[str, Callable[[], sparse.csr_matrix | np.ndarray]] = {
        "atlas concepts": lambda: scores,
        "baseline-minilm": lambda: minilm(texts),
        "baseline-tfidf": lambda: TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(texts),
    }
    rows: list[Row] = []
    for system, made in features.items():
        probe, found = probed(made(), labels, learned_from)
        row: Row = {"benchmark": "annotation_value", "dataset": name, "system": system, "labels": len(set(labels))}
        rows.append(row | {"macro_f1": found, "concepts": len(names) if "atlas" in system else None})
        if "atlas" in system:
            tell(probe, names)
    of_minilm = next(row["macro_f1"] for row in rows if row["system"] == "baseline-minilm")
    return [row | {"of_minilm": row["macro_f1"] / of_minilm} for row in rows]


def documents(data: Path, name: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts, the label of each, and which of them are to learn from, bool."""
    rows = pq.read_table(data / name / "open.parquet", columns=["id", "title", "text", "labels"]).to_pylist()
    rows = sorted((row for row in rows if row["labels"]), key=lambda row: document_position(row["id"], 0))[:DOCUMENTS]
    labels = np.array([row["labels"][0] for row in rows])
    kinds, counts = np.unique(labels, return_counts=True)
    kept = np.isin(labels, kinds[counts >= LEAST])
    texts = [f"{row['title'] or ''}\n\n{row['text'] or ''}".strip() for row in rows]
    place = np.array([document_position(row["id"], 1) for row in rows])
    return [text for text, keep in zip(texts, kept, strict=True) if keep], labels[kept], place[kept] < TRAINING


def concept_scores(texts: list[str], annotator: Annotator) -> sparse.csr_matrix:
    """The highest score of each concept in a document's chunks, float32 CSR [documents, C]."""
    named, config = tokenizer(TOKENIZER), ChunkConfig()
    cut = [[chunk.tokens for chunk in chunk_text(text, config, named)] for text in texts]
    owner = np.repeat(np.arange(len(texts)), [len(chunks) for chunks in cut])
    found = score_chunks([tokens for chunks in cut for tokens in chunks], annotator)
    concepts = len(annotator.weights.concept_ids)
    pairs = owner[found.rows] * np.int64(concepts) + found.columns
    order = np.lexsort((-found.scores, pairs))
    first = order[np.concatenate([[True], np.diff(pairs[order]) > 0])]
    shape = (len(texts), concepts)
    return sparse.csr_matrix((np.sqrt(found.scores[first]), (owner[found.rows[first]], found.columns[first])), shape)


def minilm(texts: list[str]) -> np.ndarray:
    """Means of the vectors of a document's chunks, float32 [documents, 384]."""
    named, config = tokenizer(TOKENIZER), ChunkConfig()
    cut = [[text[chunk.start : chunk.end] for chunk in chunk_text(text, config, named)] for text in texts]
    owner = np.repeat(np.arange(len(texts)), [len(chunks) for chunks in cut])
    vectors = int8_encoder("all-minilm-l6-v2").encode([chunk for chunks in cut for chunk in chunks])
    sums = sparse.csr_matrix((np.ones(len(owner)), (owner, np.arange(len(owner))))) @ vectors
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def probed(
    features: sparse.csr_matrix | np.ndarray, labels: np.ndarray, learned_from: np.ndarray
) -> tuple[LogisticRegression, float]:
    """The regression of the best cost, and its macro-F1 on the documents that it did not learn from."""
    training, report = np.flatnonzero(learned_from), np.flatnonzero(~learned_from)
    inner, tune = training[len(training) // 5 :], training[: len(training) // 5]

    def quality(cost: float) -> float:
        probe = LogisticRegression(C=cost, max_iter=300).fit(features[inner], labels[inner])
        return float(f1_score(labels[tune], probe.predict(features[tune]), average="macro"))

    probe = LogisticRegression(C=max(COSTS, key=quality), max_iter=300).fit(features[training], labels[training])
    return probe, float(f1_score(labels[report], probe.predict(features[report]), average="macro"))


def tell(probe: LogisticRegression, names: list[str]) -> None:
    for label, weights in zip(probe.classes_, probe.coef_, strict=True):
        print(f"{label}: {', '.join(names[column] for column in np.argsort(-weights)[:TOLD])}")


if __name__ == "__main__":
    main()
