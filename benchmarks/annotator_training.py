"""How long does training take as chunks and concepts grow? All label sets in one, from a thousand documents up.

    python benchmarks/annotator_training.py --data DIR [--sizes 1000,10000,...]

Documents of all sets of ``annotator.py`` (training parts) are shuffled together, their labels are one label space; each
document is a chunk. Where there are fewer documents than asked for, each comes several times with a tenth of its words
left out; of its labels, those that have a twin (another real name of YSO or TIB, so that there are 33,732 concepts in
all) are every other time the twin. So sizes beyond the data tell of time and memory alone. Seconds are of the clock, on
two cores at most, but for ``cpu_s``; ``p@1`` is on the tune parts.
"""

import argparse
import random
import resource
import time
from pathlib import Path

import numpy as np
from annotator_atlas import TOKENIZER, library_of
from annotator_data import SETS, split
from annotator_speed import CONCEPTS, padded
from rows import Row, finish

from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled, document_position, label_matrix
from atlas.annotator.distill import teacher
from atlas.annotator.model import scored
from atlas.annotator.train import train
from atlas.chunking.tokenizer import tokenizer

LEFT_OUT = 0.1
Document = tuple[str, list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--sizes", default="1000,10000,40000", help="documents to train on")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    options = parser.parse_args()
    names, training, tune = together(options.data)
    twins = [name for name in padded(names, options.data) if name not in set(names)][: CONCEPTS - len(names)]
    rows: list[Row] = [measured(names, twins, training, tune, int(size)) for size in options.sizes.split(",")]
    finish(rows, options.json)


def together(data: Path) -> tuple[list[str], list[Document], list[Document]]:
    """All labels' names, and the documents of all sets with the numbers of their labels."""
    names: list[str] = []
    training: list[Document] = []
    tune: list[Document] = []
    for name in SETS:
        task = split(data, name, 0, None, False)
        for part, found in ((task.training, training), (task.tune, tune)):
            for text, gold in zip(part.texts, part.gold, strict=True):
                found.append((text, sorted(len(names) + label for label in gold if label < task.space)))
        names += task.names
    random.Random(0).shuffle(training)
    return names, training, tune


def measured(names: list[str], twins: list[str], documents: list[Document], tune: list[Document], size: int) -> Row:
    generator = random.Random(size)
    chosen = [
        again(documents[n % len(documents)], n // len(documents), len(names), len(twins), generator)
        for n in range(size)
    ]
    names = [*names, *twins]
    config, named = TrainConfig(), tokenizer(TOKENIZER)
    used = np.unique([label for _, own in chosen for label in own])
    column = {int(label): place for place, label in enumerate(used)}
    ids = [str(number) for number in range(size)]
    labels = label_matrix([[column[label] for label in own] for _, own in chosen], len(used))
    position = np.array([document_position(doc_id, config.seed) for doc_id in ids])
    texts = [text for text, _ in chosen]
    data = Labelled([named.encode(text) for text in texts], texts, ids, labels, position)
    library = library_of([names[label] for label in used])
    start = time.process_time()
    weights, featurizer, seconds = train(data, library, TOKENIZER, teacher(config.encoder, TOKENIZER), config)
    spent = time.process_time() - start
    right = 0
    for text, own in tune:
        found = scored(weights, featurizer, [named.encode(text)])
        right += bool(len(found.scores)) and int(used[found.columns[found.scores.argmax()]]) in own
    return {
        "benchmark": "annotator_training",
        "dataset": "all sets",
        "system": "atlas-fast",
        "chunks": size,
        "concepts": len(used),
        **{f"{step}_s": value for step, value in seconds.items()},
        "total_s": sum(seconds.values()),
        "cpu_s": spent,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "p@1": right / len(tune) if size <= len(documents) else None,
    }


def again(document: Document, turn: int, labels: int, twins: int, generator: random.Random) -> Document:
    """A document as it is at the first turn; after that thinned, every other time with its labels' twins."""
    if not turn:
        return document
    text, own = document
    words = (word for word in text.split(" ") if generator.random() >= LEFT_OUT)
    return " ".join(words), [labels + label if turn % 2 and label < twins else label for label in own]


if __name__ == "__main__":
    main()
