"""What is each view of the annotator worth? Documents with human labels: one view alone, and the judges without it.

    python benchmarks/annotator_views.py --data DIR [--sets a,b]

As in ``annotator.py``, of whose split this uses the training part to learn from and the tune part to measure on. A view
alone ranks the candidates; "without" is judges fitted anew with the views of
a group blanked, or with nothing said of one another ("company").
"""

import numpy as np
from annotator_atlas import TOKENIZER, library_of
from annotator_data import SETS, Task, split
from rows import Row, arguments, finish
from scipy import sparse

from atlas.annotator import judge, learn
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import document_position, label_matrix
from atlas.annotator.distill import teacher
from atlas.annotator.features import Featurizer, inverse_document_frequency, weigh
from atlas.annotator.kernels import VIEWS
from atlas.annotator.postings import postings
from atlas.annotator.train import Featured, left_out
from atlas.annotator.views import Pairs, Tables, V, Vectors, pairs_of
from atlas.chunking.tokenizer import tokenizer

LIMIT = 10_000  # training documents
ALONE = ("alike", "machine", "akin", "meaning", "meaning_opening", "mass")
GROUPS = {
    "examples (centroids)": ("alike", "alike_best", "alike_rank"),
    "machines": ("machine", "has_machine", "machine_best"),
    "names": tuple(VIEWS[V["partly"] : V["names_found"] + 1]),
    "what names were worth": ("reliable", "stood"),
    "places of names": ("early",),
    "meaning": ("akin", "meaning", "meaning_opening", "meaning_best"),
    "frequency": ("examples", "no_example"),
    "company": (),
    "nothing": (),
}


def main() -> None:
    options = arguments(__doc__.splitlines()[0], list(SETS))
    rows: list[Row] = []
    for name in options.sets.split(","):
        rows += measured(split(options.data, name, 0, LIMIT, False))
    finish(rows, options.json)


def measured(task: Task) -> list[Row]:
    config = TrainConfig()
    featurizer = Featurizer(TOKENIZER, config.bigram_buckets)
    named = tokenizer(TOKENIZER)
    words, test_words = (
        featurizer.fold([named.encode(text) for text in part.texts]) for part in (task.training, task.tune)
    )
    counts = featurizer.counts(words)
    idf = inverse_document_frequency(counts)
    labels = label_matrix(list(task.training.gold), task.space)
    featured = Featured(words, weigh(counts, idf), labels)
    texts = task.training.texts[: config.taught_chunks]
    model = teacher(config.encoder, TOKENIZER, threads=1)
    known = learn.known(library_of(task.names), featurizer, idf, featured.weighed, texts, model, config)
    position = np.array([document_position(str(number), config.seed) for number in range(len(words))])
    parts = [left_out(fold, featured, position, known, config) for fold in range(config.folds)]
    seen = Pairs.joined([part.pairs for part in parts])
    truth = np.asarray(labels[np.concatenate([part.chunks for part in parts])][seen.rows, seen.columns]).ravel()
    tables = learn.tables(words, featured.weighed, labels, known, config)
    test = pairs_of(test_words, weigh(featurizer.counts(test_words), idf), tables)
    found = {f"{view} alone": test.views[:, V[view]] for view in ALONE}
    for group, views in GROUPS.items():
        kept = (~np.isin(VIEWS, views)).astype(np.float32)
        company = silent(tables) if group == "company" else tables
        heard = [
            (part.company, part.meaning) if company is tables else (company.company, company.meaning) for part in parts
        ]
        shown = [
            (part.pairs._replace(views=part.pairs.views * kept), *said) for part, said in zip(parts, heard, strict=True)
        ]
        judges, _ = judge.fitted(shown, truth, config.seed)
        found[f"without {group}"] = judge.logits(judges, company, test._replace(views=test.views * kept))
    return [
        {
            "benchmark": "annotator_views",
            "dataset": task.dataset,
            "system": system,
            **{f"p@{k}": precision(test, scores, task, k) for k in (1, 5)},
        }
        for system, scores in found.items()
    ]


def silent(tables: Tables) -> Tables:
    """The same, but no concept says anything of another."""
    concepts, meaning = len(tables.positives), tables.meaning
    nothing = postings(sparse.csr_matrix((concepts, concepts), dtype=np.float32), signed=True)
    return tables._replace(company=nothing, meaning=Vectors(np.zeros_like(meaning.values), meaning.scales))


def precision(pairs: Pairs, scores: np.ndarray, task: Task, k: int) -> float:
    right = 0
    for document, gold in enumerate(task.tune.gold):
        own = slice(pairs.starts[document], pairs.starts[document + 1])
        best = np.argsort(-scores[own], kind="stable")[:k]
        right += len(gold & set(pairs.columns[own][best].tolist()))
    return right / (k * len(task.tune.gold))


if __name__ == "__main__":
    main()
