"""How should labels be learned from that are noisy, and of which many were never given? Documents with human labels.

    python benchmarks/annotator_labels.py --data DIR [--sets a,b] [--missing 0,0.5] [--wrong 0.2] [--methods a,b]

An LLM's tags are positive-only: what it did not say is unknown. Training documents of ``annotator.py`` have nearly all
of their labels, so a share of them is taken away at random (``--missing``; one of a document stays), and wrong ones are
added (``--wrong``, a share of those left), drawn as often as they occur. The first documents are learned from, the last
measured by, with all of their labels; none of them is one that ``annotator.py`` reports on.

Methods change one thing each: what judges are fitted by, what machines take for counterexamples, or the labels before
anything is learned.

- ``smoothed``: absent is worth 0.05, given 0.95 (Szegedy et al., 2016).
- ``absent-half``: absent pairs weigh half (Liu et al., 2003).
- ``unlabelled``: the unbiased loss of positive and unlabelled pairs, kept from being negative (Kiryo et al., 2017), if
  0.7 of what holds was given; ``propensities``: by each label's own share, after Jain et al. (2016).
- ``focal``: hard pairs weigh more (Lin et al., 2017).
- ``believed``: targets move by a fifth to what judges fitted to other chunks say (Reed et al., 2015); ``ignored``:
  absent pairs that such judges think likelier than not do not count.
- ``machines-absent-…``: cost of counterexamples; ``machines-random``, ``machines-hard``: 1,000 of them a concept,
  drawn, or those that are most like its centroid.
- ``machines-cost-…``: what their errors cost, given or not.
- ``neighbours-add``: a chunk also gets labels that half of its 10 nearest others have; ``neighbours-judge``: for the
  judges alone; ``neighbours-drop``: labels that none of its 50 nearest has are taken away, but for the last.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any
from unittest.mock import patch

import annotator_metrics as metrics
import numpy as np
from annotator_atlas import TOKENIZER, library_of
from annotator_data import Task, split
from rows import Row, finish, parser
from scipy import sparse

from atlas.annotator import fit, judge, learn, linear
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import document_position, label_matrix
from atlas.annotator.distill import teacher
from atlas.annotator.features import Featurizer, inverse_document_frequency, weigh
from atlas.annotator.linear import one_vs_rest
from atlas.annotator.ranker import Loss, cross_entropy
from atlas.annotator.train import Featured, Fold, left_out
from atlas.annotator.views import Pairs, Tables, pairs_of
from atlas.chunking.tokenizer import tokenizer

SETS = "tib-core", "stackexchange-small", "debtags", "arxiv-abstracts"
LEARNED_FROM, MEASURED = 2_000, 1_500  # documents at most
GIVEN = 0.7  # share of what holds that ``unlabelled`` takes to be given
FEW = 1_000  # counterexamples
NEAR, FAR = 10, 50  # neighbours that add labels; neighbours of whom one must have a label
DEPTH = 20


@dataclass(frozen=True, eq=False)
class Chunks:
    """What is learned from, with labels as they were made, and what is measured by."""

    task: Task
    seen: Featured
    known: learn.Known
    position: np.ndarray
    test: Featured


@dataclass(frozen=True)
class Learned:
    """Tables, candidates of the documents that were left out of them, and those of the measured ones."""

    parts: list[Fold]
    tables: Tables
    test: Pairs

    def holds(self, labels: sparse.csr_matrix) -> np.ndarray:
        """Which of the pairs of all parts hold, bool."""
        pairs = Pairs.joined([part.pairs for part in self.parts])
        chunks = np.concatenate([part.chunks for part in self.parts])
        return np.asarray(labels[chunks][pairs.rows, pairs.columns]).ravel()

    @property
    def columns(self) -> np.ndarray:
        return np.concatenate([part.pairs.columns for part in self.parts])


def main() -> None:
    asked = parser(__doc__.splitlines()[0], SETS)
    asked.add_argument("--missing", default="0,0.5", help="shares of the labels that are taken away")
    asked.add_argument("--wrong", type=float, default=0.2, help="wrong labels a label left, where any is taken away")
    asked.add_argument("--methods", default=",".join(METHODS), help=f"of: {', '.join(METHODS)}")
    asked.add_argument("--seeds", type=int, default=1, help="runs, of whose figures the means are shown")
    options = asked.parse_args()
    rows: list[Row] = []
    for name in options.sets.split(","):
        whole = read(split(options.data, name, 0, None, every_label=name in ("tib-core", "yso-abstracts")))
        for missing in map(float, options.missing.split(",")):
            wrong = options.wrong if missing else 0.0
            found = [measured(whole, options.methods.split(","), missing, wrong, seed) for seed in range(options.seeds)]
            for method, own in found[0].items():
                means = {key: float(np.mean([by[method][key] for by in found])) for key in own}
                system = f"{method}, {missing:.0%} missing"
                rows.append({"benchmark": "annotator_labels", "dataset": name, "system": system, **means})
    finish(rows, options.json)


def read(task: Task) -> Chunks:
    """The training documents of a set, to learn from and to measure by."""
    texts = task.training.texts
    measured = min(MEASURED, len(texts) // 4)
    learned = min(LEARNED_FROM, len(texts) - measured)
    rows = [*range(learned), *range(len(texts) - measured, len(texts))]
    config, named = TrainConfig(), tokenizer(TOKENIZER)
    featurizer = Featurizer(TOKENIZER, config.bigram_buckets)
    words = featurizer.fold([named.encode(texts[row]) for row in rows])
    idf = inverse_document_frequency(featurizer.counts(words.take(np.arange(learned))))
    labels = label_matrix([sorted(task.training.gold[row]) for row in rows], task.space)
    featured = Featured(words, weigh(featurizer.counts(words), idf), labels)
    seen, test = featured.take(np.arange(learned)), featured.take(np.arange(learned, len(rows)))
    model = teacher(config.encoder, TOKENIZER, threads=1)
    known = learn.known(library_of(task.names), featurizer, idf, seen.weighed, texts[:learned], model, config)
    position = np.array([document_position(str(number), config.seed) for number in range(learned)])
    return Chunks(task, seen, known, position, test)


def measured(whole: Chunks, methods: list[str], missing: float, wrong: float, seed: int) -> dict[str, dict[str, float]]:
    noisy = made_noisy(whole.seen.labels, missing, wrong, np.random.default_rng(seed))
    chunks = replace(whole, seen=replace(whole.seen, labels=noisy))
    found = {}
    for method in methods:
        judges, knots, learned = METHODS[method](chunks, TrainConfig(seed=seed))
        logits = judge.logits(judges, learned.tables, learned.test)
        found[method] = quality(whole, learned.test, np.interp(logits, *knots), logits)
        print(
            whole.task.dataset,
            f"{missing:.0%} missing, seed {seed}, {method}",
            found[method],
            file=sys.stderr,
            flush=True,
        )
    return found


def made_noisy(
    labels: sparse.csr_matrix, missing: float, wrong: float, generator: np.random.Generator
) -> sparse.csr_matrix:
    """Labels of which a share is missing, one of a document at least staying, and with wrong ones; bool CSR."""
    occurring = labels.indices
    made = []
    for row in range(labels.shape[0]):
        own = labels.indices[labels.indptr[row] : labels.indptr[row + 1]]
        kept = own[generator.random(len(own)) >= missing]
        if not len(kept) and len(own):
            kept = generator.choice(own, 1)
        false = generator.choice(occurring, generator.binomial(len(kept), wrong))
        made.append(sorted({*kept.tolist(), *false.tolist()}))
    return label_matrix(made, labels.shape[1])


def quality(whole: Chunks, pairs: Pairs, scores: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """By the true labels; frequencies are those of the documents before any label was taken away."""
    ids = np.full((len(whole.test.words), DEPTH), metrics.ABSENT, dtype=np.int64)
    given = np.zeros(ids.shape, dtype=np.float32)
    order = np.lexsort((-logits, pairs.rows))
    place = np.arange(len(order)) - pairs.starts[pairs.rows[order]]
    order, place = order[place < DEPTH], place[place < DEPTH]
    ids[pairs.rows[order], place], given[pairs.rows[order], place] = pairs.columns[order], scores[order]
    gold = [frozenset(row.indices.tolist()) for row in whole.test.labels]
    documents = np.asarray(whole.seen.labels.sum(axis=0)).ravel()
    ranking = metrics.Ranking(ids, given)
    found = metrics.ranked_metrics(ranking, gold, documents, len(whole.position))
    error = metrics.calibration_error(ranking, gold, 10, equal_mass=False)
    return {key: found[key] for key in ("p@1", "p@5", "psp@5", "r@10")} | {"ece": error}


Fitted = tuple[judge.Judges, tuple[np.ndarray, np.ndarray], Learned]
Method = Callable[[Chunks, TrainConfig], Fitted]


@lru_cache(maxsize=1)
def learned_by(chunks: Chunks, config: TrainConfig) -> Learned:
    parts = [left_out(fold, chunks.seen, chunks.position, chunks.known, config) for fold in range(config.folds)]
    tables = learn.tables(chunks.seen.words, chunks.seen.weighed, chunks.seen.labels, chunks.known, config)
    return Learned(parts, tables, pairs_of(chunks.test.words, chunks.test.weighed, tables))


def judged(learned: Learned, wanted: np.ndarray, holds: np.ndarray, seed: int, loss: Loss = cross_entropy) -> Fitted:
    """Judges by what is ``wanted`` of pairs, calibrated by which of them were given."""
    told = [(part.pairs, part.company, part.meaning) for part in learned.parts]
    judges, logits = judge.fitted(told, wanted, seed, loss)
    return judges, fit.calibration_knots(logits, holds), learned


def with_loss(loss: Loss, chunks: Chunks, config: TrainConfig) -> Fitted:
    learned = learned_by(chunks, config)
    holds = learned.holds(chunks.seen.labels)
    return judged(learned, holds, holds, config.seed, loss)


def with_propensities(chunks: Chunks, config: TrainConfig) -> Fitted:
    learned = learned_by(chunks, config)
    holds = learned.holds(chunks.seen.labels)
    documents = np.asarray(chunks.seen.labels.sum(axis=0)).ravel()
    shares = metrics.propensities(documents, len(chunks.position))[learned.columns]
    return judged(learned, (holds / shares).astype(np.float32), holds, config.seed, unbiased)


def twice(change: Callable[[np.ndarray, np.ndarray], np.ndarray], chunks: Chunks, config: TrainConfig) -> Fitted:
    """Judges of targets that are changed by what judges fitted to other chunks say."""
    learned = learned_by(chunks, config)
    holds = learned.holds(chunks.seen.labels)
    _, logits = judge.fitted([(part.pairs, part.company, part.meaning) for part in learned.parts], holds, config.seed)
    said = 1 / (1 + np.exp(-logits))
    return judged(learned, change(holds, said).astype(np.float32), holds, config.seed, all_but_ignored)


def with_machines(changed: Callable[[], AbstractContextManager], chunks: Chunks, config: TrainConfig) -> Fitted:
    with changed():
        return with_loss(cross_entropy, replace(chunks), config)  # another, as what was learned before is kept


def with_labels(
    changed: Callable[[Featured], sparse.csr_matrix], judges_alone: bool, chunks: Chunks, config: TrainConfig
) -> Fitted:
    labels = changed(chunks.seen)
    known = chunks if judges_alone else replace(chunks, seen=replace(chunks.seen, labels=labels))
    learned = learned_by(known, config)
    return judged(learned, learned.holds(labels), learned.holds(chunks.seen.labels), config.seed)


def smoothed(logits, holds):  # type: ignore[no-untyped-def]
    return cross_entropy(logits, 0.05 + 0.9 * holds)


def absent_half(logits, holds):  # type: ignore[no-untyped-def]
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(logits, holds, weight=0.5 + 0.5 * holds)


def focal(logits, holds):  # type: ignore[no-untyped-def]
    from torch.nn.functional import binary_cross_entropy_with_logits

    each = binary_cross_entropy_with_logits(logits, holds, reduction="none")
    return ((1 - (-each.detach()).exp()) * each).mean()


def unbiased(logits, worth):  # type: ignore[no-untyped-def]
    """``worth`` of a given pair is the reciprocal of the chance that what holds is given, of others 0."""
    from torch.nn.functional import softplus

    absent = ((1 - worth) * softplus(logits)).mean()
    return (worth * softplus(-logits)).mean() + absent.clamp(min=0)


def unlabelled(logits, holds):  # type: ignore[no-untyped-def]
    return unbiased(logits, holds / GIVEN)


def all_but_ignored(logits, wanted):  # type: ignore[no-untyped-def]
    """Pairs of which less than nothing is wanted do not count."""
    counted = wanted >= 0
    return cross_entropy(logits[counted], wanted[counted])


def believed(holds: np.ndarray, said: np.ndarray) -> np.ndarray:
    return 0.8 * holds + 0.2 * said


def ignored(holds: np.ndarray, said: np.ndarray) -> np.ndarray:
    return np.where(~holds & (said > 0.5), -1, holds)


def hard_machines(
    features: sparse.csr_matrix, labels: sparse.csc_matrix, *, least: int, **others: Any
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """As ``linear.one_vs_rest``, of the counterexamples most like the mean of what a concept holds for."""
    weights, bias = [], np.zeros(labels.shape[1], dtype=np.float32)
    for concept in range(labels.shape[1]):
        own = labels[:, [concept]]
        if own.nnz < least:
            weights.append(sparse.csr_matrix((1, features.shape[1]), dtype=np.float32))
            continue
        alike = np.asarray(features @ features[own.indices].mean(axis=0).T).ravel()
        alike[own.indices] = -1
        rows = np.concatenate([own.indices, np.argsort(-alike, kind="stable")[: min(FEW, len(alike) - own.nnz)]])
        one, two = one_vs_rest(features[rows], own.tocsr()[rows].tocsc(), least=least, **others)
        weights.append(one)
        bias[concept] = two[0]
    return sparse.vstack(weights, format="csr"), bias


def neighbours(seen: Featured, kept: int) -> sparse.csr_matrix:
    """The chunks most like each, itself left out, as ones; float32 CSR [chunks, chunks]."""
    near = (seen.weighed @ seen.weighed.T).toarray()
    np.fill_diagonal(near, -1)
    columns = np.argpartition(-near, kept, axis=1)[:, :kept]
    starts = np.arange(0, columns.size + 1, kept)
    return sparse.csr_matrix((np.ones(columns.size, np.float32), columns.ravel(), starts), shape=near.shape)


def added(seen: Featured) -> sparse.csr_matrix:
    held = neighbours(seen, NEAR) @ seen.labels.astype(np.float32)
    return as_labels((held >= NEAR / 2) + seen.labels)


def dropped(seen: Featured) -> sparse.csr_matrix:
    backed = (neighbours(seen, FAR) @ seen.labels.astype(np.float32)).multiply(seen.labels) > 0
    bare = np.asarray(backed.sum(axis=1)).ravel() == 0
    return as_labels(backed + sparse.diags(bare.astype(np.float32)) @ seen.labels)


def as_labels(labels: sparse.spmatrix) -> sparse.csr_matrix:
    found = sparse.csr_matrix(labels)
    return label_matrix([sorted(set(row.indices[row.data > 0].tolist())) for row in found], found.shape[1])


def patched(**values: Any) -> Callable[[], AbstractContextManager]:
    return lambda: patch.multiple(learn, **values)


METHODS: dict[str, Method] = {
    "as-shipped": partial(with_loss, cross_entropy),
    "smoothed": partial(with_loss, smoothed),
    "absent-half": partial(with_loss, absent_half),
    "unlabelled": partial(with_loss, unlabelled),
    "propensities": with_propensities,
    "focal": partial(with_loss, focal),
    "believed": partial(twice, believed),
    "ignored": partial(twice, ignored),
    "machines-absent-0.5": partial(with_machines, patched(ABSENT=0.5)),
    "machines-absent-0.1": partial(with_machines, patched(ABSENT=0.1)),
    "machines-cost-0.25": partial(with_machines, patched(COST=0.25)),
    "machines-cost-4": partial(with_machines, patched(COST=4.0)),
    "machines-random": partial(with_machines, patched(NEGATIVES=FEW)),
    "machines-hard": partial(with_machines, lambda: patch.object(linear, "one_vs_rest", hard_machines)),
    "neighbours-add": partial(with_labels, added, False),
    "neighbours-judge": partial(with_labels, added, True),
    "neighbours-drop": partial(with_labels, dropped, False),
}


if __name__ == "__main__":
    main()
