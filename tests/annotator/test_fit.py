"""The estimators: they learn what is there, stay monotone, and cope with what is not."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from atlas.annotator import fit

Knots = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def brute_force_f1(scores: np.ndarray, truth: np.ndarray, tried: np.ndarray) -> float:
    return max(f1_score(truth, scores >= threshold, zero_division=0) for threshold in tried)


# Calibration


@pytest.mark.parametrize("knots", [fit.calibration_knots, fit.isotonic_knots])
@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(2, 400), st.floats(-2, 2))
def test_knots_ascend_and_are_probabilities(knots: Knots, seed: int, share: float, n: int, lean: float) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < share
    x, y = knots((rng.standard_normal(n) + lean * truth).astype(np.float32), truth)
    assert x.shape == y.shape
    assert x.dtype == y.dtype == np.float32
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= 0).all()
    assert ((y > 0) & (y < 1)).all()


@pytest.mark.parametrize("knots", [fit.calibration_knots, fit.isotonic_knots])
def test_knots_give_back_the_share_that_was_there(knots: Knots) -> None:
    rng = np.random.default_rng(0)
    logits = rng.standard_normal(20_000).astype(np.float32)
    truth = rng.random(20_000) < 1 / (1 + np.exp(-2 * logits))
    x, y = knots(logits, truth)
    for middle in (-1.0, 0.0, 1.0):
        assert np.interp(middle, x, y) == pytest.approx(1 / (1 + np.exp(-2 * middle)), abs=0.05)


@pytest.mark.parametrize("holds", [True, False])
def test_truth_of_one_kind_alone_gives_its_share_everywhere(holds: bool) -> None:
    x, y = fit.calibration_knots(np.linspace(-1, 1, 30, dtype=np.float32), np.full(30, holds))
    assert len(x) == len(y)
    assert y == pytest.approx(30.5 / 31 if holds else 0.5 / 31, abs=1e-4)


def test_logits_that_are_all_one_number_can_be_calibrated() -> None:
    x, y = fit.calibration_knots(np.zeros(30, dtype=np.float32), np.arange(30) % 3 == 0)
    assert np.interp(0.0, x, y) == pytest.approx(1 / 3, abs=0.03)


# Thresholds


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_best_threshold_reaches_the_best_f1_there_is(pairs: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in pairs], dtype=np.float64) / 5
    truth = np.array([holds for _, holds in pairs])
    threshold = fit.best_threshold(scores, truth)
    found = f1_score(truth, scores >= threshold, zero_division=0)
    assert found == pytest.approx(brute_force_f1(scores, truth, scores))


def test_true_pairs_without_a_score_count_as_missed() -> None:
    scores, truth = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, False, True])
    assert fit.best_threshold(scores, truth, positives=2) == fit.best_threshold(scores, truth)
    assert fit.best_threshold(scores, truth, positives=3) == pytest.approx(0.6)  # 4 / 7 there, 2 / 4 at the first
    rng = np.random.default_rng(0)
    wide, holds = rng.random(200), rng.random(200) < 0.3
    found = fit.best_threshold(wide, holds, positives=500)
    unseen = 500 - holds.sum()
    everything, missed = np.append(wide, np.full(unseen, -1.0)), np.append(holds, np.ones(unseen, dtype=bool))
    assert f1_score(missed, everything >= found) == pytest.approx(brute_force_f1(everything, missed, wide))


def test_no_score_and_no_truth_have_a_threshold_too() -> None:
    nothing = np.zeros(0, dtype=np.float32)
    assert fit.best_threshold(nothing, nothing > 0) == 1
    assert fit.thresholds(nothing.astype(np.int32), nothing, nothing > 0, np.array([0, 3])).tolist() == [1, 1]
    assert 0 <= fit.best_threshold(np.linspace(0, 1, 5), np.zeros(5, dtype=bool)) <= 1


def pairs_of_all(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Dense scores and labels as pairs in a shuffled order, every pair a candidate."""
    columns = np.tile(np.arange(scores.shape[1], dtype=np.int32), len(scores))
    order = np.random.default_rng(9).permutation(len(columns))
    return columns[order], scores.ravel()[order], labels.ravel()[order], labels.sum(axis=0)


def test_concept_without_examples_has_the_common_threshold() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.random((40, 3)), rng.random((40, 3)) < 0.3
    labels[:, 2] = False
    found = fit.thresholds(*pairs_of_all(scores, labels))
    assert found.dtype == np.float32
    assert found[2] == pytest.approx(fit.best_threshold(scores.ravel(), labels.ravel()))


def test_concept_that_is_never_a_candidate_has_the_common_threshold() -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.random(60), rng.random(60) < 0.3
    positives = np.array([truth.sum(), 9])
    found = fit.thresholds(np.zeros(60, dtype=np.int32), scores, truth, positives)
    assert found[1] == pytest.approx(fit.best_threshold(scores, truth, int(positives.sum())))


def test_threshold_of_a_frequent_concept_is_its_own_and_of_a_rare_one_the_common() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((2000, 2))
    labels = np.stack([scores[:, 0] > 0.9, np.arange(2000) == int(scores[:, 1].argmax())], axis=1)
    common = fit.best_threshold(scores.ravel(), labels.ravel())
    frequent, rare = fit.thresholds(*pairs_of_all(scores, labels))
    assert frequent == pytest.approx(fit.best_threshold(scores[:, 0], labels[:, 0]), abs=0.02)
    own = fit.best_threshold(scores[:, 1], labels[:, 1])
    assert abs(rare - common) < abs(rare - own)


# What is usual of pairs that are no candidates


def odds(share: float) -> float:
    return float(np.log(share / (1 - share)))


def test_background_rises_with_the_cosine_where_truth_does() -> None:
    rng = np.random.default_rng(0)
    near = rng.uniform(-1, 1, 20_000).astype(np.float32)
    slope, intercept = fit.background(near, rng.random(20_000) < 1 / (1 + np.exp(-(3 * near - 4))))
    assert slope == pytest.approx(3, abs=0.5)
    assert intercept == pytest.approx(-4, abs=0.3)


def test_background_never_falls_with_the_cosine() -> None:
    rng = np.random.default_rng(0)
    near = rng.uniform(-1, 1, 2000).astype(np.float32)
    slope, intercept = fit.background(near, rng.random(2000) < 1 / (1 + np.exp(4 * near)))
    assert slope == 0
    assert np.isfinite(intercept)


@pytest.mark.parametrize("truth", [np.zeros(50, dtype=bool), np.ones(50, dtype=bool), np.arange(50) < 3])
def test_background_of_too_little_truth_is_its_share_everywhere(truth: np.ndarray) -> None:
    found = fit.background(np.linspace(-1, 1, 50, dtype=np.float32), truth)
    assert found.dtype == np.float32
    assert found == pytest.approx([0, odds((truth.sum() + 0.5) / 51)], abs=1e-5)


def test_background_of_no_pair_is_even() -> None:
    assert fit.background(np.zeros(0, dtype=np.float32), np.zeros(0, dtype=bool)).tolist() == [0, 0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30), st.floats(0.05, 0.95))
def test_precise_threshold_is_the_lowest_that_is_precise_enough(pairs: list[tuple[int, bool]], wanted: float) -> None:
    scores = np.array([score for score, _ in pairs], dtype=np.float64) / 6
    truth = np.array([holds for _, holds in pairs])
    enough = [score for score in np.unique(scores) if truth[scores >= score].mean() >= wanted - 1e-12]
    assert fit.precise_threshold(scores, truth, wanted) == (min(enough) if enough else 1.0)


def test_thresholds_for_a_precision_are_higher_where_scores_promise_less() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(4000)
    columns = np.arange(4000) % 2
    truth = rng.random(4000) < np.where(columns == 0, scores, scores**3)
    support = np.bincount(columns[truth], minlength=2)
    sure, unsure = fit.thresholds(columns, scores, truth, support, precision=0.7)
    assert sure < unsure
    for concept, threshold in enumerate((sure, unsure)):
        given = (columns == concept) & (scores >= threshold)
        assert truth[given].mean() > 0.65
