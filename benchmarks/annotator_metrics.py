"""How well ranked labels fit the labels that people gave. Definitions as in the extreme-classification literature.

A *ranking* is a pair of arrays of shape [documents, K]: label numbers, best first, and their scores, descending; where
a system gave fewer than K labels, the rest have number -1 and score -inf. *Gold* is a list of sets of label numbers,
one a document. Labels that a system cannot give (no training document has them) are in the gold all the same, so that
they count as misses wherever recall counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

ABSENT = -1
BANDS = {"0": (0, 1), "1-4": (1, 5), "5-19": (5, 20), "20+": (20, 1 << 62)}  # by training documents
BINS = 15
MOST_LABELS = 20  # that a decision may give a document


class Ranking(NamedTuple):
    """Label numbers int64 [documents, K] and scores float32 [documents, K], best first."""

    ids: np.ndarray
    scores: np.ndarray


Gold = Sequence[frozenset[int]]


def ordered(ids: np.ndarray, scores: np.ndarray, depth: int) -> Ranking:
    """A ranking of ``depth`` columns from columns in any order. Of equal scores the lower number comes first."""
    usable = (ids != ABSENT) & np.isfinite(scores)
    ids, scores = np.where(usable, ids, ABSENT), np.where(usable, scores, -np.inf)
    places = np.lexsort((ids, -scores), axis=1)[:, :depth]
    lacking = ((0, 0), (0, depth - places.shape[1]))
    return Ranking(
        np.pad(np.take_along_axis(ids, places, axis=1), lacking, constant_values=ABSENT).astype(np.int64),
        np.pad(np.take_along_axis(scores, places, axis=1), lacking, constant_values=-np.inf).astype(np.float32),
    )


def hits(ids: np.ndarray, gold: Gold) -> np.ndarray:
    """Which of the ranked labels are right, bool [documents, K]."""
    return np.array([[label in own for label in row] for row, own in zip(ids.tolist(), gold, strict=True)], dtype=bool)


def propensities(documents: np.ndarray, training: int, a: float = 0.55, b: float = 1.5) -> np.ndarray:
    """Chance that a label that holds was given, by its training documents, float64 [labels] (Jain et al., 2016)."""
    c = (np.log(max(training, 2)) - 1) * (b + 1) ** a
    return 1 / (1 + c * (documents + b) ** -a)


def ranked_metrics(ranking: Ranking, gold: Gold, documents: np.ndarray, training: int) -> dict[str, float]:
    """P@k, PSP@k, nDCG@5 and R@10; F1@5 a document; and the share of each frequency band's labels in the first ten.

    ``psp@k`` asks for all labels, ``psp_seen@k`` for those alone that have a training document, as most papers do.

    Args:
        documents: training documents of every label that occurs anywhere, int64 [labels].
        training: training documents in all.
    """
    right, sizes = hits(ranking.ids, gold), np.array([len(own) for own in gold])
    gains = 1 / propensities(documents, training)
    found = {f"p@{k}": float(right[:, :k].sum() / (k * len(gold))) for k in (1, 3, 5)}
    found |= {f"psp@{k}": value for k, value in _psp(ranking, right, gold, gains).items()}
    found |= {f"psp_seen@{k}": value for k, value in _psp(ranking, right, gold, gains * (documents > 0)).items()}
    discounts = 1 / np.log2(np.arange(2, 7))
    ideal = np.cumsum(discounts)[np.clip(sizes, 1, 5) - 1]
    found["ndcg@5"] = float(((right[:, :5] * discounts[: right.shape[1]]).sum(axis=1) / ideal).mean())
    found["r@10"] = float((right[:, :10].sum(axis=1) / np.maximum(sizes, 1)).mean())
    first = right[:, :5].sum(axis=1)
    given = (ranking.ids[:, :5] != ABSENT).sum(axis=1)
    found["f1@5"] = float((2 * first / np.maximum(given + sizes, 1)).mean())
    in_ten = np.bincount(ranking.ids[:, :10][right[:, :10]], minlength=len(documents))
    wanted = np.bincount([label for own in gold for label in own], minlength=len(documents))
    for name, (low, high) in BANDS.items():
        band = (documents >= low) & (documents < high)
        if wanted[band].sum():
            found[f"r@10 {name}"] = float(in_ten[band].sum() / wanted[band].sum())
    return found


def _psp(ranking: Ranking, right: np.ndarray, gold: Gold, gains: np.ndarray) -> dict[int, float]:
    """What the first k gained, of the most that k labels of each document could have gained."""
    got = right * gains[ranking.ids]  # -1 takes the last label's gain, times False
    best = np.zeros((len(gold), 5))
    for row, own in enumerate(gold):
        largest = np.sort(gains[list(own)])[::-1][:5]
        best[row, : len(largest)] = largest
    return {k: float(got[:, :k].sum() / best[:, :k].sum()) for k in (1, 3, 5)}


@dataclass(frozen=True, slots=True)
class Cut:
    """Which ranked labels are given: those from a score on, and no more than ``most`` a document."""

    score: float
    most: int

    def given(self, ranking: Ranking) -> np.ndarray:
        return (ranking.ids[:, : self.most] != ABSENT) & (ranking.scores[:, : self.most] >= self.score)


def best_cut(ranking: Ranking, gold: Gold) -> Cut:
    """The cut with the best micro-F1: either one score for all labels and documents, or one number of labels."""
    right, total = hits(ranking.ids, gold)[:, :MOST_LABELS], sum(len(own) for own in gold)
    scores = ranking.scores[:, :MOST_LABELS].ravel()
    order = np.argsort(-scores, kind="stable")
    order = order[np.isfinite(scores[order])]
    last = np.flatnonzero(np.append(scores[order][1:] < scores[order][:-1], True))  # equal scores pass together
    by_score = 2 * np.cumsum(right.ravel()[order])[last] / (last + 1 + total)
    given = (ranking.ids[:, :MOST_LABELS] != ABSENT).sum(axis=0)
    by_number = 2 * np.cumsum(right.sum(axis=0)) / (np.cumsum(given) + total)
    if by_score.max() >= by_number.max():
        return Cut(float(scores[order][last[by_score.argmax()]]), MOST_LABELS)
    return Cut(-np.inf, int(by_number.argmax()) + 1)


def decided_metrics(ranking: Ranking, gold: Gold, cut: Cut) -> dict[str, float]:
    """Micro-F1, and macro-F1 over the labels that occur in the gold."""
    given, right = cut.given(ranking), hits(ranking.ids, gold)[:, : cut.most]
    ids = ranking.ids[:, : cut.most]
    wanted = np.bincount([label for own in gold for label in own])
    count = max(len(wanted), int(ids.max()) + 1)
    wanted = np.pad(wanted, (0, count - len(wanted)))
    named, correct = np.bincount(ids[given], minlength=count), np.bincount(ids[given & right], minlength=count)
    there = wanted > 0
    return {
        "micro_f1": float(2 * correct.sum() / (named.sum() + wanted.sum())),
        "macro_f1": float((2 * correct[there] / (named[there] + wanted[there])).mean()),
    }


def calibration_error(ranking: Ranking, gold: Gold, depth: int, equal_mass: bool) -> float:
    """Expected calibration error over each document's first ``depth`` labels, 15 bins of equal width or mass."""
    there = ranking.ids[:, :depth] != ABSENT
    scores = ranking.scores[:, :depth][there].astype(np.float64)
    right = hits(ranking.ids[:, :depth], gold)[there]
    if equal_mass:
        bins = np.empty(len(scores), dtype=np.int64)
        bins[np.argsort(scores, kind="stable")] = np.arange(len(scores)) * BINS // len(scores)
    else:
        bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=scores, minlength=BINS) - np.bincount(bins, weights=right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(scores))
