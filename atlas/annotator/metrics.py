"""How well scores rank and decide. Definitions as in the extreme-classification literature."""

from dataclasses import dataclass

import numpy as np

ECE_BINS = 15
ECE_LABELS = 20


@dataclass(frozen=True, slots=True)
class Decisions:
    """Counts of decisions per label, int64 [labels]."""

    true: np.ndarray
    predicted: np.ndarray
    correct: np.ndarray

    @property
    def micro_f1(self) -> float:
        return f1(float(self.correct.sum()), float(self.predicted.sum()), float(self.true.sum()))

    @property
    def macro_f1(self) -> float:
        """Mean over labels that occur."""
        scores = [f1(c, p, t) for c, p, t in zip(self.correct, self.predicted, self.true, strict=True) if t]
        return float(np.mean(scores)) if scores else 0.0


def f1(correct: float, predicted: float, true: float) -> float:
    return 2 * correct / (predicted + true) if predicted + true else 0.0


def decide(scores: np.ndarray, truth: np.ndarray, thresholds: np.ndarray, most: int) -> Decisions:
    """Labels at or above their threshold, at most ``most`` a row, against the truth.

    Args:
        scores: float32 [rows, labels]. truth: bool [rows, labels]. thresholds: float32 [labels].
    """
    chosen = given(scores, thresholds, most)
    return Decisions(truth.sum(axis=0), chosen.sum(axis=0), (chosen & truth).sum(axis=0))


def given(scores: np.ndarray, thresholds: np.ndarray, most: int) -> np.ndarray:
    """Which labels each row gets, bool [rows, labels]: those at or above their threshold, the ``most`` best of them."""
    chosen = scores >= thresholds
    for row in np.flatnonzero(chosen.sum(axis=1) > most):
        below = np.argsort(np.where(chosen[row], -scores[row], np.inf), kind="stable")[most:]
        chosen[row, below] = False
    return chosen


def ranking(scores: np.ndarray, truth: np.ndarray, propensities: np.ndarray | None = None) -> dict[str, float]:
    """P@k, R@k and, with propensities, PSP@k, over rows with at least one true label.

    P@k divides by k; R@k by the row's number of labels; PSP@k by the best that could be had (Jain et al., 2016).
    """
    rows = np.flatnonzero(truth.any(axis=1))
    if not len(rows):
        return {}
    scores, truth = scores[rows], truth[rows]
    depth = min(10, scores.shape[1])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    hits = np.take_along_axis(truth, order, axis=1)
    sizes = truth.sum(axis=1)
    found = {f"p@{k}": float(hits[:, :k].sum() / (len(rows) * k)) for k in (1, 3, 5) if k <= depth}
    found |= {f"r@{k}": float((hits[:, :k].sum(axis=1) / sizes).mean()) for k in (5, 10) if k <= depth}
    if propensities is not None:
        gains = 1 / propensities
        best = -np.sort(-(truth * gains), axis=1)
        got = hits * gains[order]
        # The two sums of a perfect ranking are added up in different orders.
        found |= {f"psp@{k}": min(1.0, float(got[:, :k].sum() / best[:, :k].sum())) for k in (1, 3, 5) if k <= depth}
    return found


def propensities(positives: np.ndarray, rows: int, a: float = 0.55, b: float = 1.5) -> np.ndarray:
    """Chance that a true label was given at all, by its training frequency (Jain et al., 2016). float64 [labels]."""
    c = (np.log(max(rows, 2)) - 1) * (b + 1) ** a
    return 1 / (1 + c * (positives + b) ** -a)


def average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the precision-recall curve over all (row, label) pairs, as average precision.

    Pairs of equal score count together, so that the order of rows does not matter.
    """
    flat_truth = truth.ravel()
    total = int(flat_truth.sum())
    if not total:
        return 0.0
    order = np.argsort(-scores.ravel(), kind="stable")
    ranked = scores.ravel()[order]
    last = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))
    hits = np.cumsum(flat_truth[order])[last]
    return float((np.diff(hits, prepend=0) * hits / (last + 1)).sum() / total)


def roc_auc(scores: np.ndarray, truth: np.ndarray) -> float | None:
    """Chance that a true row scores higher than another, equal scores counting half; None with rows of one kind.

    Args:
        scores: float32 [rows], of one label. truth: bool [rows].
    """
    from scipy.stats import rankdata

    true = int(truth.sum())
    if not true or true == len(truth):
        return None
    ranks = rankdata(scores)
    return float((ranks[truth].sum() - true * (true + 1) / 2) / (true * (len(truth) - true)))


def calibration_error(scores: np.ndarray, truth: np.ndarray) -> float:
    """Expected calibration error: equal-mass bins over each row's top labels."""
    depth = min(ECE_LABELS, scores.shape[1])
    top = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    score = np.take_along_axis(scores, top, axis=1).ravel()
    hit = np.take_along_axis(truth, top, axis=1).ravel()
    order = np.argsort(score, kind="stable")
    bins = [b for b in np.array_split(order, ECE_BINS) if len(b)]
    return float(sum(len(b) * abs(score[b].mean() - hit[b].mean()) for b in bins) / len(order))
