"""Sparse features that all systems of this kind share, and references that need no more than scikit-learn."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

NEIGHBOURS, POWERS = (5, 10, 20, 40, 80), (1.0, 2.0, 4.0)
CHOSEN_ON = 500  # training documents, for the number of neighbours and the power
TOGETHER = 512  # documents scored at a time
Labels = Sequence[Sequence[int]]


def vectorizer() -> TfidfVectorizer:
    """Words and pairs of words, as extreme classifiers usually have them: unit rows of (1 + ln tf) · idf."""
    return TfidfVectorizer(
        ngram_range=(1, 2),
        min_df=2,
        max_features=400_000,
        sublinear_tf=True,
        dtype=np.float32,
        token_pattern=r"\b\w+\b",
    )


def indicator(labels: Labels, count: int) -> sparse.csr_matrix:
    """Float32 CSR [documents, count] with a one for each label."""
    sizes = [len(own) for own in labels]
    columns = np.fromiter((label for own in labels for label in own), dtype=np.int32, count=sum(sizes))
    ones = np.ones(len(columns), dtype=np.float32)
    return sparse.csr_matrix((ones, columns, np.cumsum([0, *sizes])), shape=(len(labels), count))


def top(scores: sparse.csr_matrix, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest of each row, best first and of equals the lower number; -1 where a row has fewer."""
    scores = scores.tocsr()
    ids = np.full((scores.shape[0], k), -1, dtype=np.int64)
    values = np.full((scores.shape[0], k), -np.inf, dtype=np.float32)
    for row in range(scores.shape[0]):
        part = slice(scores.indptr[row], scores.indptr[row + 1])
        columns, own = scores.indices[part], scores.data[part]
        order = np.lexsort((columns, -own))[:k]
        ids[row, : len(order)], values[row, : len(order)] = columns[order], own[order]
    return ids, values


def save_features(features: TfidfVectorizer, folder: Path) -> None:
    (folder / "features.pickle").write_bytes(pickle.dumps(features))


@dataclass(frozen=True)
class Neighbours:
    """Votes of the most similar training documents by their similarity, to a power."""

    features: TfidfVectorizer
    known: sparse.csc_matrix  # [features, training documents]
    labels: sparse.csr_matrix
    count: int
    power: float

    def votes(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Shares of the vote, CSR [documents, labels], rows sum to at most the labels a document."""
        vectors = self.features.transform(texts)
        parts = [vectors[start : start + TOGETHER] @ self.known for start in range(0, len(texts), TOGETHER)]
        return sparse.vstack([voted(part, self.labels, self.count, self.power) for part in parts]).tocsr()

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        return top(self.votes(texts), k)

    def save(self, folder: Path) -> None:
        save_features(self.features, folder)
        sparse.save_npz(folder / "known.npz", self.known, compressed=False)
        sparse.save_npz(folder / "labels.npz", self.labels, compressed=False)


def voted(similar: sparse.csr_matrix, labels: sparse.csr_matrix, count: int, power: float) -> sparse.csr_matrix:
    ids, values = top_unordered(similar, count)
    weights = np.maximum(values, 0) ** power
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    starts = np.arange(0, ids.size + 1, ids.shape[1])
    return sparse.csr_matrix((weights.ravel(), ids.ravel(), starts), shape=similar.shape) @ labels


def top_unordered(similar: sparse.csr_matrix, count: int) -> tuple[np.ndarray, np.ndarray]:
    dense = similar.toarray()
    ids = np.argpartition(-dense, min(count, dense.shape[1]) - 1, axis=1)[:, :count]
    return ids, np.take_along_axis(dense, ids, axis=1)


def knn(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> Neighbours:
    """The number of neighbours and the power are those with the best P@5 on some training documents, left out."""
    features = vectorizer()
    known = features.fit_transform(texts)
    truth = indicator(labels, len(names))
    probe = np.random.default_rng(0).permutation(len(texts))[:CHOSEN_ON]
    similar = (known[probe] @ known.T).tolil()
    similar[np.arange(len(probe)), probe] = 0
    similar, own = similar.tocsr(), truth[probe]

    def quality(setting: tuple[int, float]) -> float:
        ids, _ = top(voted(similar, truth, *setting), 5)
        return float(sum(own[row, ids[row][ids[row] >= 0]].sum() for row in range(len(probe))))

    count, power = max(((n, p) for n in NEIGHBOURS for p in POWERS if n < len(texts)), key=quality)
    return Neighbours(features, known.T.tocsr(), truth, count, power)


@dataclass(frozen=True)
class Names:
    """Cosine of a document's words and pairs of words with those of each label's name; learns nothing from labels."""

    features: TfidfVectorizer
    names: sparse.csr_matrix  # [features, labels]

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        return top(self.features.transform(texts) @ self.names, k)

    def save(self, folder: Path) -> None:
        save_features(self.features, folder)
        sparse.save_npz(folder / "names.npz", self.names, compressed=False)


def name_tfidf(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> Names:
    features = vectorizer().fit(texts)
    return Names(features, features.transform(names).T.tocsr())


@dataclass(frozen=True)
class Prior:
    """The most frequent labels, whatever the document."""

    shares: np.ndarray

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        ids = np.argsort(-self.shares, kind="stable")[:k]
        return np.tile(ids, (len(texts), 1)), np.tile(self.shares[ids], (len(texts), 1))

    def save(self, folder: Path) -> None:
        np.save(folder / "shares.npy", self.shares)


def prior(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> Prior:
    return Prior(np.asarray(indicator(labels, len(names)).mean(axis=0), dtype=np.float32).ravel())
