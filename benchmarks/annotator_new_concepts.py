"""Are concepts found that came after training? Documents with human labels, a tenth of the labels hidden in training.

    python benchmarks/annotator_new_concepts.py --data DIR [--sets a,b]

The split of ``annotator.py``. Hidden labels keep their names and lose all their examples. ``auc``: mean area under the
ROC curve over labels with at least three report documents, every document scored; ``p@5``: among the hidden labels
alone, over documents that have one, and among as many others that had examples. Beside it what the cosine of a sentence
model's vectors of document and name gives, which nothing is learned for either.
"""

import numpy as np
from annotator_atlas import TOKENIZER, library_of
from annotator_data import SETS, Task, split
from rows import Row, arguments, finish

from atlas.annotator import metrics
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled, document_position, label_matrix
from atlas.annotator.distill import teacher
from atlas.annotator.model import predict
from atlas.annotator.train import train, without
from atlas.chunking.tokenizer import tokenizer
from atlas.models.int8 import int8_encoder

LIMIT = 10_000  # training documents
REPORTED = 1_000  # documents
HIDDEN = 0.1
LEAST = 3  # report documents with a label from which its area is counted


def main() -> None:
    options = arguments(__doc__.splitlines()[0], list(SETS))
    rows: list[Row] = []
    for name in options.sets.split(","):
        rows += measured(split(options.data, name, 0, LIMIT, False))
    finish(rows, options.json)


def measured(task: Task) -> list[Row]:
    config = TrainConfig()
    generator = np.random.default_rng(config.seed)
    hidden = generator.random(task.space) < HIDDEN
    as_many = np.isin(np.arange(task.space), generator.permutation(np.flatnonzero(~hidden))[: hidden.sum()])
    labels = without(label_matrix(list(task.training.gold), task.space), ~hidden)
    ids = [str(number) for number in range(len(task.training.texts))]
    position = np.array([document_position(doc_id, config.seed) for doc_id in ids])
    named = tokenizer(TOKENIZER)
    data = Labelled([named.encode(text) for text in task.training.texts], task.training.texts, ids, labels, position)
    model = teacher(config.encoder, TOKENIZER, threads=1)
    weights, featurizer, _ = train(data, library_of(task.names), TOKENIZER, model, config)
    texts = task.report.texts[:REPORTED]
    gold = [frozenset(label for label in own if label < task.space) for own in task.report.gold[:REPORTED]]
    truth = label_matrix(gold, task.space).toarray()
    encoder = int8_encoder("all-minilm-l6-v2", threads=1)
    found = {
        "atlas-fast": predict(weights, featurizer, [named.encode(text) for text in texts]),
        "baseline-name-similarity": encoder.encode(texts) @ encoder.encode(task.names).T,
    }
    return [
        {
            "benchmark": "annotator_new_concepts",
            "dataset": task.dataset,
            "system": system,
            "hidden_labels": int(hidden.sum()),
            "auc_hidden": area(scores, truth, hidden),
            "auc_others": area(scores, truth, ~hidden),
            "p@5_hidden": precision(scores, truth, hidden),
            "p@5_others": precision(scores, truth, as_many),
        }
        for system, scores in found.items()
    ]


def area(scores: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> float | None:
    enough = np.flatnonzero(labels & (truth.sum(axis=0) >= LEAST))
    areas = [found for label in enough if (found := metrics.roc_auc(scores[:, label], truth[:, label])) is not None]
    return float(np.mean(areas)) if areas else None


def precision(scores: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> float | None:
    return metrics.ranking(scores[:, labels], truth[:, labels]).get("p@5")


if __name__ == "__main__":
    main()
