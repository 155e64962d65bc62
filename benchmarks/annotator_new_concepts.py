"""Are concepts found that came after training? Documents with human labels, a tenth of the labels hidden in training.

    python benchmarks/annotator_new_concepts.py --data DIR [--sets a,b] [--draws 5]

The split of ``annotator.py``. Hidden labels keep their names and lose all their examples; labels of which only a code
is known (a third of tib-core's) are never hidden, as nobody could find them. ``auc``: mean area under the ROC curve
over labels with at least three report documents, every document scored; ``areas``: over how many hidden labels. Where
they are few, ``--draws`` of hidden labels, each with a training of its own, are pooled. ``p@5``: among the hidden
labels alone, over documents that have one, and among as many others that had examples. Beside it what the cosine of a
sentence model's vectors of document and name gives, which nothing is learned for either.
"""

from dataclasses import dataclass

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
CODES = "gnd:", "yso:"  # a name that begins so is a label's code


@dataclass(frozen=True, slots=True)
class Draw:
    """Which labels lost their examples, and as many that kept theirs; bool [labels] each."""

    hidden: np.ndarray
    as_many: np.ndarray


def main() -> None:
    options = arguments(__doc__.splitlines()[0], list(SETS), draws=1)
    rows: list[Row] = []
    for name in options.sets.split(","):
        rows += measured(split(options.data, name, 0, LIMIT, False), options.draws)
    finish(rows, options.json)


def measured(task: Task, count: int) -> list[Row]:
    config = TrainConfig()
    draws = [draw(task, config.seed + number) for number in range(count)]
    texts = task.report.texts[:REPORTED]
    gold = [frozenset(label for label in own if label < task.space) for own in task.report.gold[:REPORTED]]
    truth = label_matrix(gold, task.space).toarray()
    encoder = int8_encoder("all-minilm-l6-v2", threads=1)
    near = encoder.encode(texts) @ encoder.encode(task.names).T
    found = {
        "atlas-fast": predicted(task, texts, draws, config),
        "baseline-name-similarity": [near] * count,
    }
    return [row(task, system, scores, truth, draws) for system, scores in found.items()]


def draw(task: Task, seed: int) -> Draw:
    generator = np.random.default_rng(seed)
    hidden = generator.random(task.space) < HIDDEN
    hidden &= [not name.startswith(CODES) for name in task.names]
    others = generator.permutation(np.flatnonzero(~hidden))[: hidden.sum()]
    return Draw(hidden, np.isin(np.arange(task.space), others))


def predicted(task: Task, texts: list[str], draws: list[Draw], config: TrainConfig) -> list[np.ndarray]:
    """Scores of every label for every text, float32 [texts, labels], by an annotator trained for each draw."""
    named = tokenizer(TOKENIZER)
    ids = [str(number) for number in range(len(task.training.texts))]
    position = np.array([document_position(doc_id, config.seed) for doc_id in ids])
    tokens, read = [named.encode(text) for text in task.training.texts], [named.encode(text) for text in texts]
    every = label_matrix(list(task.training.gold), task.space)
    model = teacher(config.encoder, TOKENIZER, threads=1)
    found = []
    for own in draws:
        data = Labelled(tokens, task.training.texts, ids, without(every, ~own.hidden), position)
        weights, featurizer, _ = train(data, library_of(task.names), TOKENIZER, model, config)
        found.append(predict(weights, featurizer, read))
    return found


def row(task: Task, system: str, scores: list[np.ndarray], truth: np.ndarray, draws: list[Draw]) -> Row:
    hidden = [areas(own, truth, drawn.hidden) for own, drawn in zip(scores, draws, strict=True)]
    others = [areas(own, truth, ~drawn.hidden) for own, drawn in zip(scores, draws, strict=True)]
    pairs = list(zip(scores, draws, strict=True))
    return {
        "benchmark": "annotator_new_concepts",
        "dataset": task.dataset,
        "system": system,
        "hidden_labels": sum(int(drawn.hidden.sum()) for drawn in draws),
        "areas": sum(map(len, hidden)),
        "auc_hidden": mean([area for own in hidden for area in own]),
        "auc_others": mean([area for own in others for area in own]),
        "p@5_hidden": mean([precision(own, truth, drawn.hidden) for own, drawn in pairs]),
        "p@5_others": mean([precision(own, truth, drawn.as_many) for own, drawn in pairs]),
    }


def areas(scores: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> list[float]:
    enough = np.flatnonzero(labels & (truth.sum(axis=0) >= LEAST))
    return [found for label in enough if (found := metrics.roc_auc(scores[:, label], truth[:, label])) is not None]


def precision(scores: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> float | None:
    return metrics.ranking(scores[:, labels], truth[:, labels]).get("p@5")


def mean(found: list[float | None] | list[float]) -> float | None:
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


if __name__ == "__main__":
    main()
