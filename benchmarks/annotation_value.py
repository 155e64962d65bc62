"""Do concepts carry what a corpus is about? Its human labels are predicted from concept scores alone.

    python benchmarks/annotation_value.py --data DIR [--sets 20newsgroups,arxiv-abstracts] [--tiers fast,encoder]

Library and annotator come from *other* corpora (``other_corpora.py``) than any that is measured. Documents are cut into
chunks and annotated; a document's features are the highest scores of its chunks' candidates. A ridge regression on
them predicts the document's label (arXiv: its first), beside the same on MiniLM's vectors of the document
(of its chunks, the mean) and on TF-IDF. 70 % of the documents, by a hash of their ids, are to learn from, the rest to
report on. Every system's regression is chosen from the same grid (ridge; how much rare labels weigh) by
cross-validation on the former. ``of_minilm``: macro-F1 as a share of MiniLM's, and between which shares 95 % of
``DRAWN`` draws (with replacement) of the report documents lie. Before the table: the concepts that weigh most for each
label.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from annotator_atlas import TOKENIZER
from other_corpora import from_others
from rows import Row, finish
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import normalize

from atlas.annotator.artefact import Annotator
from atlas.annotator.data import document_position
from atlas.annotator.stage import score_chunks
from atlas.chunking.chunk import chunk_text
from atlas.chunking.config import ChunkConfig
from atlas.chunking.tokenizer import tokenizer
from atlas.models.int8 import int8_encoder

DOCUMENTS = 4_000  # of the measured set
LEAST = 20  # documents with a label, else the label is left out
TRAINING = 0.7
RIDGES, BALANCES, FOLDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0), (0.0, 0.5, 1.0), 4  # of every system's probe
TOLD = 5  # concepts a label
DRAWN = 1_000  # samples of the report documents


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--sets", default="20newsgroups,arxiv-abstracts", help="sets to measure")
    parser.add_argument("--tiers", default="fast,encoder", help="tiers of the annotator")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    options = parser.parse_args()
    rows: list[Row] = []
    sets = options.sets.split(",")
    tiers = {tier: from_others(options.data, sets, tier) for tier in options.tiers.split(",")}
    for name in sets:
        rows += measured(options.data, name, tiers)
    finish(rows, options.json)


def measured(data: Path, name: str, tiers: dict[str, tuple[Annotator, list[str]]]) -> list[Row]:
    texts, labels, learned_from = documents(data, name)
    features: dict[str, Callable[[], sparse.csr_matrix | np.ndarray]] = {
        **{f"atlas-{tier} concepts": partial(concept_scores, texts, own) for tier, (own, _) in tiers.items()},
        "baseline-minilm": lambda: minilm(texts),
        "baseline-tfidf": lambda: TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(texts),
    }
    rows: list[Row] = []
    given = {}
    kinds, own = np.unique(labels, return_inverse=True)
    for system, made in features.items():
        probe, given[system] = probed(made(), own, learned_from)
        row: Row = {"benchmark": "annotation_value", "dataset": name, "system": system, "labels": len(kinds)}
        _, names = tiers.get(system.removeprefix("atlas-").removesuffix(" concepts"), (None, []))
        rows.append(row | {"macro_f1": macro_f1(own[~learned_from], given[system]), "concepts": len(names) or None})
        if names:
            tell(probe, kinds.tolist(), names)
    return [row | shares(own[~learned_from], given[row["system"]], given["baseline-minilm"]) for row in rows]


def macro_f1(truth: np.ndarray, given: np.ndarray) -> float:
    return float(f1_score(truth, given, average="macro"))


def shares(truth: np.ndarray, given: np.ndarray, of: np.ndarray) -> Row:
    """A system's macro-F1 as a share of another's on the same documents, and its interval (bootstrap, percentiles)."""
    generator = np.random.default_rng(0)
    drawn = [generator.integers(0, len(truth), len(truth)) for _ in range(DRAWN)]
    found = [macro_f1(truth[rows], given[rows]) / macro_f1(truth[rows], of[rows]) for rows in drawn]
    low, high = np.percentile(found, [2.5, 97.5])
    return {"of_minilm": macro_f1(truth, given) / macro_f1(truth, of), "from": float(low), "to": float(high)}


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
    """The highest score of each concept in a document's chunks, its fourth root, float32 CSR [documents, C].

    Rows have length 1. By cross-validation on arXiv's training documents macro-F1 0.291; square roots 0.257, log odds
    0.289, with inverse document frequencies 0.290, as a share of what is usual of the concept 0.291.
    """
    named, config = tokenizer(TOKENIZER), ChunkConfig()
    cut = [(row, text, chunk) for row, text in enumerate(texts) for chunk in chunk_text(text, config, named)]
    owner = np.array([row for row, _, _ in cut])
    chunks = [text[chunk.start : chunk.end] for _, text, chunk in cut]
    found = score_chunks([chunk.tokens for _, _, chunk in cut], annotator, chunks if annotator.embed else None)
    concepts = len(annotator.weights.concept_ids)
    pairs = owner[found.rows] * np.int64(concepts) + found.columns
    order = np.lexsort((-found.scores, pairs))
    first = order[np.concatenate([[True], np.diff(pairs[order]) > 0])]
    places = owner[found.rows[first]], found.columns[first]
    return normalize(sparse.csr_matrix((found.scores[first] ** 0.25, places), (len(texts), concepts)))


def minilm(texts: list[str]) -> np.ndarray:
    """Means of the vectors of a document's chunks, float32 [documents, 384]."""
    named, config = tokenizer(TOKENIZER), ChunkConfig()
    cut = [[text[chunk.start : chunk.end] for chunk in chunk_text(text, config, named)] for text in texts]
    owner = np.repeat(np.arange(len(texts)), [len(chunks) for chunks in cut])
    vectors = int8_encoder("all-minilm-l6-v2").encode([chunk for chunks in cut for chunk in chunks])
    sums = sparse.csr_matrix((np.ones(len(owner)), (owner, np.arange(len(owner))))) @ vectors
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def probed(
    features: sparse.csr_matrix | np.ndarray, own: np.ndarray, learned_from: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the chosen probe, [labels, columns], and what it gives the documents that it did not learn from.

    Args:
        own: number of each document's label, int64. learned_from: bool.
    """
    gram = features @ features.T
    gram = np.asarray(gram.todense() if sparse.issparse(gram) else gram, dtype=np.float64)
    gram = gram / gram.diagonal().mean() + 1  # one more column, the same for all: a free intercept
    training, report = np.flatnonzero(learned_from), np.flatnonzero(~learned_from)
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(training, own[training]))

    def given(one: np.ndarray, other: np.ndarray, ridge: float, balanced: float) -> np.ndarray:
        return (gram[np.ix_(other, one)] @ fitted(gram[np.ix_(one, one)], own[one], ridge, balanced)).argmax(axis=1)

    def crossed(choice: tuple[float, float]) -> float:
        parts = [(training[one], training[other]) for one, other in folds]
        return float(np.mean([macro_f1(own[other], given(one, other, *choice)) for one, other in parts]))

    choice = max(product(RIDGES, BALANCES), key=crossed)
    weights = features[training].T @ fitted(gram[np.ix_(training, training)], own[training], *choice)
    return weights.T, given(training, report, *choice)


def fitted(gram: np.ndarray, labels: np.ndarray, ridge: float, balanced: float) -> np.ndarray:
    """Ridge regression towards 1 for a document's label and -1 for others, in the dual; float64 [documents, labels].

    A document weighs as its label's rarity to the power ``balanced``.
    """
    wanted = np.where(labels[:, None] == np.arange(labels.max() + 1), 1.0, -1.0)
    weight = (len(labels) / len(np.unique(labels)) / np.bincount(labels)[labels]) ** (balanced / 2)
    inner = weight[:, None] * gram * weight + ridge * np.eye(len(gram))
    return weight[:, None] * np.linalg.solve(inner, weight[:, None] * wanted)


def tell(weights: np.ndarray, kinds: Sequence[str], names: list[str]) -> None:
    for label, own in zip(kinds, weights, strict=True):
        print(f"{label}: {', '.join(names[column] for column in np.argsort(-own)[:TOLD])}")


if __name__ == "__main__":
    main()
