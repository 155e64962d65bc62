"""Extreme classifiers from PyPI, with settings that their authors use on such sets; one thread, fixed seeds.

Omikuji has no seed to fix: P@1 differs from run to run, by 0.02 on a set of 245 documents.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from annotator_baselines import Labels, Neighbours, indicator, knn, save_features, top, vectorizer
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

SEED = 0
BEAM = 20
FUSED_DEPTH = 100  # labels of each system that a sum of two looks at


@dataclass(frozen=True)
class Sparse:
    """A classifier of sparse rows: the shared features before it. ``keep`` writes the classifier to a folder."""

    features: TfidfVectorizer
    score: Callable[[sparse.csr_matrix, int], sparse.csr_matrix]
    keep: Callable[[Path], None]

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        return top(self.score(self.features.transform(texts), k), k)

    def save(self, folder: Path) -> None:
        save_features(self.features, folder)
        self.keep(folder / "classifier")


def libpecos_ovr(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> Sparse:
    """PECOS without a label tree: one squared-hinge SVM a label."""
    return _pecos(texts, labels, names, tree=False)


def libpecos_xrlinear(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> Sparse:
    """XR-Linear: a tree over the labels' mean documents (PIFA, 16-means)."""
    return _pecos(texts, labels, names, tree=True)


def _pecos(texts: Sequence[str], labels: Labels, names: Sequence[str], tree: bool) -> Sparse:
    from pecos.xmc import Indexer, LabelEmbeddingFactory
    from pecos.xmc.xlinear.model import XLinearModel

    features = vectorizer()
    x = sparse.csr_matrix(features.fit_transform(texts))
    y = indicator(labels, len(names))
    chain = None
    if tree:
        embedded = LabelEmbeddingFactory.create(y, x, method="pifa")
        chain = Indexer.gen(embedded, indexer_type="hierarchicalkmeans", nr_splits=16, seed=SEED, threads=1)
    model = XLinearModel.train(x, y, C=chain, threads=1)

    def score(rows: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
        return model.predict(sparse.csr_matrix(rows), only_topk=k, beam_size=BEAM, threads=1)

    return Sparse(features, score, lambda folder: model.save(str(folder)))


def omikuji_parabel(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> Sparse:
    """Three balanced binary trees."""
    return _omikuji(texts, labels, names, work, cluster_balanced=True, cluster_k=2, max_depth=20)


def omikuji_bonsai(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> Sparse:
    """Three shallow, wide, unbalanced trees."""
    return _omikuji(texts, labels, names, work, cluster_balanced=False, cluster_k=100, max_depth=3)


def _omikuji(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path, **tree: Any) -> Sparse:
    import omikuji

    features = vectorizer()
    file = work / "train.txt"
    _write_sparse(file, features.fit_transform(texts), labels, len(names))
    settings = omikuji.Model.default_hyper_param()
    for name, value in tree.items():
        setattr(settings, name, value)
    model = omikuji.Model.train_on_data(str(file), settings, 1)
    model.init_prediction_thread_pool(1)
    file.unlink()

    def score(rows: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
        found = []
        for row in range(rows.shape[0]):
            part = slice(rows.indptr[row], rows.indptr[row + 1])
            pairs = list(zip(rows.indices[part].tolist(), rows.data[part].tolist(), strict=True))
            found.append(model.predict(pairs, beam_size=BEAM, top_k=k))
        return _matrix(found, len(names))

    return Sparse(features, score, lambda folder: model.save(str(folder)))


def _write_sparse(file: Path, rows: sparse.csr_matrix, labels: Labels, count: int) -> None:
    """The repository's text format: a header, then a line a document."""
    with file.open("w", encoding="ascii") as stream:
        print(rows.shape[0], rows.shape[1], count, file=stream)
        for row, own in enumerate(labels):
            part = slice(rows.indptr[row], rows.indptr[row + 1])
            pairs = zip(rows.indices[part].tolist(), rows.data[part].tolist(), strict=True)
            values = " ".join(f"{column}:{value:.6g}" for column, value in pairs)
            print(",".join(map(str, own)), values or "0:0", file=stream)


def _matrix(found: Sequence[Sequence[tuple[int, float]]], count: int) -> sparse.csr_matrix:
    """CSR from each document's (label, score) pairs."""
    starts = np.cumsum([0, *map(len, found)])
    pairs = [pair for row in found for pair in row]
    scores = np.array([score for _, score in pairs], dtype=np.float32)
    return sparse.csr_matrix((scores, [label for label, _ in pairs], starts), shape=(len(found), count))


def napkinxc_plt(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> Sparse:
    """A probabilistic label tree of logistic models."""
    from napkinxc.models import PLT

    features = vectorizer()
    x = sparse.csr_matrix(features.fit_transform(texts))
    folder = work / "plt"
    model = PLT(str(folder), seed=SEED, threads=1, verbose=0)
    model.fit(x, [list(own) for own in labels])

    def score(rows: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
        return _matrix(model.predict_proba(sparse.csr_matrix(rows), top_k=k), len(names))

    def keep(kept: Path) -> None:
        shutil.move(folder, kept)

    return Sparse(features, score, keep)


@dataclass(frozen=True)
class Sum:
    """Sum of the neighbours' share of votes and a classifier's score, where either has the label among its first."""

    neighbours: Neighbours
    classifier: Sparse

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        shape = (len(texts), self.neighbours.labels.shape[1])
        found = sparse.csr_matrix(shape, dtype=np.float32)
        for ids, scores in (part.predict(texts, FUSED_DEPTH) for part in (self.neighbours, self.classifier)):
            there = ids >= 0
            rows = np.nonzero(there)[0]
            found = found + sparse.csr_matrix((scores[there], (rows, ids[there])), shape=shape)
        return top(found, k)

    def save(self, folder: Path) -> None:
        for name, part in (("neighbours", self.neighbours), ("classifier", self.classifier)):
            (folder / name).mkdir()
            part.save(folder / name)


def knn_and_bonsai(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> Sum:
    return Sum(knn(texts, labels, names, work), omikuji_bonsai(texts, labels, names, work))
