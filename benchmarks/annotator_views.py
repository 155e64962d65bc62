"""What is each view of the annotator worth, alone and together, beside nearest neighbours?

Takes a pipeline's folder (``--data runs/quickstart``): its tags and library. Folds by document; truth is what
the LLM's tags say. No row is scored by anything trained on its own document.
"""

from pathlib import Path

import numpy as np
from rows import Row, arguments, finish

from atlas import verbs
from atlas.annotator import metrics
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled, labelled
from atlas.annotator.distill import word_vectors
from atlas.annotator.features import Featurizer, inverse_document_frequency, weigh
from atlas.annotator.fit import fusion_weights
from atlas.annotator.model import BANDS, VIEWS, centred, chunk_vectors, views
from atlas.annotator.train import views_from
from atlas.library import store
from atlas.library.concept import Library
from atlas.models.encoder import encoder

FOLDS = 4
NEIGHBOURS = 15


def fold_scores(
    train: Labelled, test: Labelled, library: Library, config: TrainConfig, vectors: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores of every view and neighbour baseline for the test chunks, and the bands of the concepts."""
    featurizer = Featurizer("cl100k_base", config.bigram_buckets)
    weights = views_from(train, library, featurizer, vectors, config)
    stacked = views(weights, featurizer, test.tokens)
    found = {name: stacked[index] for index, name in enumerate(VIEWS)}
    found["bands"] = np.broadcast_to(weights.bands, test.labels.shape)
    counts = featurizer.counts(train.tokens)
    idf = inverse_document_frequency(counts)
    inside, outside = weigh(counts, idf), weigh(featurizer.counts(test.tokens), idf)
    plain = chunk_vectors(outside, vectors)
    found["meaning, not centred"] = plain @ chunk_meanings(library, featurizer, idf, vectors).T
    found["baseline-knn-tfidf"] = vote((outside @ inside.T).toarray(), train.labels)
    centre = chunk_vectors(inside, vectors).mean(axis=0)
    near = centred(plain, centre) @ centred(chunk_vectors(inside, vectors), centre).T
    found["baseline-knn-distilled"] = vote(near, train.labels)
    model = encoder(config.encoder)
    found["baseline-knn-minilm"] = vote(model.encode(test.texts) @ model.encode(train.texts).T, train.labels)
    return found


def chunk_meanings(library: Library, featurizer: Featurizer, idf: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    from atlas.chunking.tokenizer import tokenizer

    named = tokenizer(featurizer.tokenizer)
    texts = [f" {c.name}. {'. '.join(c.names())}" for c in library.active]
    return chunk_vectors(weigh(featurizer.counts([named.encode(text) for text in texts]), idf), vectors)


def vote(similarities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Similarity-weighted vote of the nearest chunks."""
    nearest = np.argpartition(-similarities, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    weights = np.maximum(np.take_along_axis(similarities, nearest, axis=1), 0)
    return np.einsum("nk,nkc->nc", weights, labels[nearest].astype(np.float32))


def fused(found: dict[str, np.ndarray], names: list[str], labels: np.ndarray, fold_of: np.ndarray) -> np.ndarray:
    """Fusion of some views, its weights learned on the other folds."""
    stacked = np.stack([found[name] for name in names])
    out = np.zeros(labels.shape, dtype=np.float32)
    for fold in range(FOLDS):
        inside, outside = fold_of != fold, fold_of == fold
        bands = found["bands"]
        weights = np.stack(
            [fusion_weights(stacked[:, inside], labels[inside], bands[inside] == band) for band in range(len(BANDS))]
        )
        out[outside] = np.einsum("vnc,ncv->nc", stacked[:, outside], weights[bands[outside]])
    return out


def main() -> None:
    options = arguments(__doc__.splitlines()[0], ["tags"])
    run: Path = options.data
    config = TrainConfig()
    library = store.load(run / "library")
    data = labelled(verbs.read_tags(run / "tags"), library, "cl100k_base", config.seed)
    vectors = word_vectors(config.encoder, "cl100k_base", config.dimensions)
    fold_of = (data.position * 10_000).astype(int) % FOLDS
    found: dict[str, np.ndarray] = {}
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        for name, scores in fold_scores(data.take(inside), data.take(outside), library, config, vectors).items():
            found.setdefault(name, np.zeros(data.labels.shape, dtype=scores.dtype))[outside] = scores
    found["atlas-fused"] = fused(found, list(VIEWS), data.labels, fold_of)
    shown = {**found}
    for hidden in ("bands", "constant"):
        shown.pop(hidden)
    gains = metrics.propensities(data.labels.sum(axis=0), len(data))
    rows: list[Row] = [
        {
            "benchmark": "annotator_views",
            "dataset": f"{len(data)} tagged chunks, {data.labels.shape[1]} concepts",
            "system": name if name.startswith(("atlas", "baseline")) else f"atlas-view {name}",
            **metrics.ranking(scores, data.labels, gains),
            "pr_auc": metrics.average_precision(scores, data.labels),
        }
        for name, scores in shown.items()
    ]
    finish(rows, options.json)


if __name__ == "__main__":
    main()
