"""Calibration and thresholds, learned on pairs of chunks and concepts that nothing else was learned from."""

import numpy as np
from scipy.special import expit

SHRINKAGE = 8.0  # chunks that a concept's own threshold weighs against the common one
ISOTONIC_POSITIVES = 10_000
PLATT_KNOTS = 256


def calibration_knots(logits: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Monotone map from logits to probabilities as knots, ascending, float32 [k] each.

    Isotonic regression where there are positives enough for it, else a logistic curve (Platt, 1999): with few,
    the steps of an isotonic fit are wider than the differences between chunks.
    """
    if truth.sum() >= ISOTONIC_POSITIVES:
        return isotonic_knots(logits, truth)
    from sklearn.linear_model import LogisticRegression

    x = np.linspace(logits.min(), logits.max(), PLATT_KNOTS)
    share = (truth.sum() + 0.5) / (len(truth) + 1)
    y = share + 1e-6 * np.linspace(-1, 1, PLATT_KNOTS)  # where logits tell nothing of the truth
    if 0 < truth.sum() < len(truth):
        model = LogisticRegression(C=1e6).fit(logits[:, None], truth)
        if model.coef_[0, 0] > 0:
            y = expit(model.coef_[0, 0] * x + model.intercept_[0])
    return x.astype(np.float32), np.clip(y, 1e-6, 1 - 1e-6).astype(np.float32)


def isotonic_knots(logits: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Isotonic regression as at most a few hundred knots, float32 [k] each."""
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    model.fit(logits, truth.astype(np.float64))
    x, y = model.X_thresholds_.astype(np.float32), model.y_thresholds_.astype(np.float32)
    # A tiny slope keeps ranks apart where the fit is flat.
    return x, np.clip(y + 1e-6 * np.arange(len(y), dtype=np.float32) / len(y), 1e-6, 1 - 1e-6)


def thresholds(
    columns: np.ndarray, scores: np.ndarray, truth: np.ndarray, positives: np.ndarray, precision: float | None = None
) -> np.ndarray:
    """Score from which each concept is given, drawn towards the common threshold where chunks are few.

    The best F1 decides, or the lowest score of at least a ``precision``.

    Args:
        columns: int32 [pairs], the concept of each candidate pair. scores: float32 [pairs]. truth: bool [pairs].
        positives: int [C], chunks with each concept, candidates or not.

    Returns:
        float32 [C].
    """

    def best(own: slice | np.ndarray, support: int) -> float:
        if precision is not None:
            return precise_threshold(scores[own], truth[own], precision)
        return best_threshold(scores[own], truth[own], support)

    common = best(slice(None), int(positives.sum()))
    found = np.full(len(positives), common, dtype=np.float32)
    order = np.argsort(columns, kind="stable")
    bounds = np.searchsorted(columns[order], np.arange(len(positives) + 1))
    for concept in np.flatnonzero(positives):
        own = order[bounds[concept] : bounds[concept + 1]]
        if truth[own].any():
            support = int(positives[concept])
            found[concept] = (support * best(own, support) + SHRINKAGE * common) / (support + SHRINKAGE)
    return found


def rounded_down(values: np.ndarray, decimals: int) -> np.ndarray:
    """Float32 values as ``np.round`` has them that is not above: what reaches a value also does when it is rounded."""
    steps = np.float32(10**decimals)
    return np.floor(values.astype(np.float32) * steps) / steps


def best_threshold(scores: np.ndarray, truth: np.ndarray, positives: int | None = None) -> float:
    """The score that as a threshold gives the best F1; 1 where there is none.

    Args:
        positives: true pairs, those without a score included; as many as ``truth`` has unless given.
    """
    if not len(scores):
        return 1.0
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))  # equal scores pass a threshold together
    total = int(truth.sum()) if positives is None else positives
    f1 = 2 * np.cumsum(truth[order])[last] / (last + 1 + max(1, total))
    return float(ranked[last[int(f1.argmax())]])


def precise_threshold(scores: np.ndarray, truth: np.ndarray, precision: float) -> float:
    """The lowest score that as a threshold gives at least a precision; 1 where none does."""
    if not len(scores):
        return 1.0
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))
    enough = np.flatnonzero(np.cumsum(truth[order])[last] >= precision * (last + 1))
    return float(ranked[last[enough[-1]]]) if len(enough) else 1.0


def background(cosines: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Slope and intercept of the log odds of a pair that is no candidate on its cosine of meaning, float32 [2].

    Args:
        cosines: float32 [pairs]. truth: bool [pairs].
    """
    from sklearn.linear_model import LogisticRegression

    share = (truth.sum() + 0.5) / (len(truth) + 1)
    if truth.sum() < 5 or truth.all():
        return np.array([0, np.log(share / (1 - share))], dtype=np.float32)
    model = LogisticRegression(C=10.0).fit(cosines[:, None], truth)
    return np.array([max(0.0, model.coef_[0, 0]), model.intercept_[0]], dtype=np.float32)
