"""The estimators behind training: linear weights, fusion, calibration, thresholds."""

import numpy as np
from scipy import sparse

ABSENT_WEIGHT = 0.3  # an absent label is unknown, not wrong: tags name a few concepts of many that hold
MAX_NEGATIVES = 20_000  # per concept; more add time but no accuracy
PRUNE = 0.02  # linear weights smaller than this share of the concept's largest are dropped
REGULARISATION = 16.0
FUSION_NEGATIVES = 200_000  # pairs per band kept for fitting fusion
SHRINKAGE = 8.0  # chunks that a concept's own threshold weighs against the common one


def one_vs_rest(
    features: sparse.csr_matrix, labels: np.ndarray, min_positives: int, seed: int
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Logistic regression per concept on sparse features.

    Returns:
        Weights, CSR float32 [F, C], and bias float32 [C]; concepts with fewer positives have no weight and
        NaN as their bias.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    used, compact = np.unique(features.indices, return_inverse=True)
    narrow = sparse.csr_matrix(
        (features.data, compact.astype(np.int32), features.indptr), shape=(features.shape[0], len(used))
    )
    bias = np.full(labels.shape[1], np.nan, dtype=np.float32)
    rows, columns, values = [], [], []
    for concept in range(labels.shape[1]):
        truth = labels[:, concept]
        positives = np.flatnonzero(truth)
        negatives = np.flatnonzero(~truth)
        if len(positives) < min_positives or not len(negatives):
            continue
        if len(negatives) > MAX_NEGATIVES:
            negatives = np.sort(rng.choice(negatives, MAX_NEGATIVES, replace=False))
        chosen = np.concatenate([positives, negatives])
        weight = np.where(truth[chosen], 1.0, ABSENT_WEIGHT)
        # The dual is ten times as fast as the primal here: features outnumber chunks by far.
        model = LogisticRegression(
            C=REGULARISATION, solver="liblinear", dual=True, tol=1e-3, random_state=seed, max_iter=200
        )
        model.fit(narrow[chosen], truth[chosen], sample_weight=weight)
        coefficients = model.coef_[0].astype(np.float32)
        kept = np.flatnonzero(np.abs(coefficients) >= PRUNE * np.abs(coefficients).max())
        rows.append(used[kept])
        columns.append(np.full(len(kept), concept))
        values.append(coefficients[kept])
        bias[concept] = model.intercept_[0]
    shape = (features.shape[1], labels.shape[1])
    if not rows:
        return sparse.csr_matrix(shape, dtype=np.float32), bias
    triplets = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_matrix(triplets, shape=shape, dtype=np.float32), bias


# For the lowest band without examples to learn from: a matching name or meaning counts, the rest is prior.
DEFAULT_FUSION = np.array([0.5, 3.0, 4.0, 0.0, 0.7, -1.5], dtype=np.float32)


def fusion_weights(
    stacked: np.ndarray, labels: np.ndarray, where: np.ndarray, default: np.ndarray = DEFAULT_FUSION
) -> np.ndarray:
    """Logistic weights of the views for the (chunk, concept) pairs of a band, float32 [views].

    Negatives are thinned evenly and weighted up, so that the result stays a model of all pairs. ``default`` where
    there are too few positives to learn from.
    """
    from sklearn.linear_model import LogisticRegression

    truth = labels[where]
    if truth.sum() < 5 or truth.all():
        return default
    pairs = stacked[:, where].T
    negatives = np.flatnonzero(~truth)
    step = max(1, len(negatives) // FUSION_NEGATIVES)
    chosen = np.concatenate([np.flatnonzero(truth), negatives[::step]])
    weight = np.where(truth[chosen], 1.0, step)
    model = LogisticRegression(C=10.0, fit_intercept=False, max_iter=300)
    model.fit(pairs[chosen], truth[chosen], sample_weight=weight)
    return model.coef_[0].astype(np.float32)


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
            y = 1 / (1 + np.exp(-(model.coef_[0, 0] * x + model.intercept_[0])))
    return x.astype(np.float32), np.clip(y, 1e-6, 1 - 1e-6).astype(np.float32)


ISOTONIC_POSITIVES = 10_000
PLATT_KNOTS = 256


def isotonic_knots(logits: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Isotonic regression as at most a few hundred knots, float32 [k] each."""
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    model.fit(logits, truth.astype(np.float64))
    x, y = model.X_thresholds_.astype(np.float32), model.y_thresholds_.astype(np.float32)
    # A tiny slope keeps ranks apart where the fit is flat.
    return x, np.clip(y + 1e-6 * np.arange(len(y), dtype=np.float32) / len(y), 1e-6, 1 - 1e-6)


def thresholds(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Score from which each concept is given: best F1, drawn towards the common threshold where chunks are few."""
    common = best_threshold(scores.ravel(), labels.ravel())
    found = np.full(labels.shape[1], common, dtype=np.float32)
    for concept in range(labels.shape[1]):
        support = int(labels[:, concept].sum())
        if support:
            own = best_threshold(scores[:, concept], labels[:, concept])
            found[concept] = (support * own + SHRINKAGE * common) / (support + SHRINKAGE)
    return found


def best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The score that as a threshold gives the best F1."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))  # equal scores pass a threshold together
    f1 = 2 * np.cumsum(truth[order])[last] / (last + 1 + max(1, int(truth.sum())))
    return float(ranked[last[int(f1.argmax())]])
