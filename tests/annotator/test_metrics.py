"""Metrics, against figures worked out by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from atlas.annotator import metrics

SCORES = np.array([[0.9, 0.8, 0.1, 0.05], [0.2, 0.7, 0.6, 0.5], [0.4, 0.3, 0.2, 0.1]], dtype=np.float32)
TRUTH = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]], dtype=bool)
HALF = np.full(4, 0.5, dtype=np.float32)


def test_ranking_by_hand() -> None:
    found = metrics.ranking(SCORES, TRUTH)  # the third row has no label and does not count
    assert found["p@1"] == pytest.approx(2 / 2)
    assert found["p@3"] == pytest.approx((2 + 2) / (2 * 3))
    assert "p@5" not in found
    assert "r@5" not in found


def test_recall_divides_by_the_rows_own_labels() -> None:
    scores = np.tile(np.linspace(1, 0, 6, dtype=np.float32), (2, 1))
    truth = np.array([[1, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 1]], dtype=bool)
    found = metrics.ranking(scores, truth)
    assert found["r@5"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["p@5"] == pytest.approx(2 / 10)


def test_propensity_scored_precision_by_hand() -> None:
    propensities = np.array([0.5, 0.25, 1.0, 0.2])
    scores = np.array([[0.9, 0.8, 0.7, 0.1]], dtype=np.float32)
    truth = np.array([[1, 0, 0, 1]], dtype=bool)
    found = metrics.ranking(scores, truth, propensities)
    assert found["psp@1"] == pytest.approx((1 / 0.5) / (1 / 0.2))
    assert found["psp@3"] == pytest.approx((1 / 0.5) / (1 / 0.5 + 1 / 0.2))


def test_perfect_ranking_has_propensity_scored_precision_one() -> None:
    truth = np.random.default_rng(0).random((20, 8)) < 0.4
    propensities = np.linspace(0.1, 1, 8)
    found = metrics.ranking(truth / propensities, truth, propensities)
    assert [found[f"psp@{k}"] for k in (1, 3, 5)] == pytest.approx([1, 1, 1])


def test_rows_without_labels_alone_have_no_ranking() -> None:
    assert metrics.ranking(SCORES, np.zeros_like(TRUTH)) == {}


def test_propensities_by_the_formula() -> None:
    n, positives = 1000, np.array([0, 3, 100])
    c = (np.log(n) - 1) * 2.5**0.55
    assert metrics.propensities(positives, n) == pytest.approx(1 / (1 + c * (positives + 1.5) ** -0.55))
    found = metrics.propensities(np.arange(50), n)
    assert ((found > 0) & (found < 1)).all()
    assert (np.diff(found) > 0).all()


def test_decisions_by_hand() -> None:
    decided = metrics.decide(SCORES, TRUTH, HALF, most=10)
    assert decided.true.tolist() == [1, 1, 2, 0]
    assert decided.predicted.tolist() == [1, 2, 1, 1]
    assert decided.correct.tolist() == [1, 1, 1, 0]
    assert decided.micro_f1 == pytest.approx(2 * 3 / (5 + 4))
    assert decided.macro_f1 == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)  # over the labels that occur


def test_no_row_is_given_more_than_the_most() -> None:
    decided = metrics.decide(SCORES, TRUTH, np.zeros(4, dtype=np.float32), most=2)
    assert decided.predicted.tolist() == [2, 3, 1, 0]


def test_given_are_the_best_of_those_at_or_above_their_threshold() -> None:
    thresholds = np.array([0.95, 0.5, 0.1, 0.05], dtype=np.float32)
    found = metrics.given(SCORES, thresholds, 2)
    assert found.tolist() == [[False, True, True, False], [False, True, True, False], [False, False, True, True]]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_given_never_passes_the_most_nor_leaves_out_a_better_one(seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    scores, thresholds = rng.random((7, 6)).astype(np.float32), rng.random(6).astype(np.float32)
    found, passed = metrics.given(scores, thresholds, most), scores >= thresholds
    assert found.sum(axis=1).tolist() == np.minimum(passed.sum(axis=1), most).tolist()
    assert not (found & ~passed).any()
    for row in range(len(scores)):
        assert scores[row][found[row]].min(initial=1) >= scores[row][passed[row] & ~found[row]].max(initial=0)


def test_score_at_its_threshold_is_chosen() -> None:
    decided = metrics.decide(np.array([[0.5]], dtype=np.float32), np.array([[True]]), HALF[:1], most=1)
    assert decided.micro_f1 == 1


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_f1_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, truth = rng.random((12, 5)).astype(np.float32), rng.random((12, 5)) < 0.4
    decided = metrics.decide(scores, truth, np.full(5, 0.5, dtype=np.float32), most=5)
    chosen, present = scores >= 0.5, truth.any(axis=0)
    assert decided.micro_f1 == pytest.approx(f1_score(truth, chosen, average="micro", zero_division=0))
    if present.any():
        expected = f1_score(truth[:, present], chosen[:, present], average="macro", zero_division=0)
        assert decided.macro_f1 == pytest.approx(expected)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 1000]))
def test_average_precision_is_scikit_learns_with_and_without_ties(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (9, 6)).astype(np.float32)
    truth = rng.random((9, 6)) < 0.3
    truth[0, 0] = True
    expected = average_precision_score(truth.ravel(), scores.ravel())
    assert metrics.average_precision(scores, truth) == pytest.approx(expected)


def test_average_precision_without_a_label_is_zero() -> None:
    assert metrics.average_precision(SCORES, np.zeros_like(TRUTH)) == 0


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 1000]))
def test_roc_auc_is_scikit_learns_with_and_without_ties(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    scores, truth = rng.integers(0, levels, 20).astype(np.float32), rng.random(20) < 0.3
    truth[:2] = [True, False]
    assert metrics.roc_auc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))


@pytest.mark.parametrize("holds", [True, False])
def test_rows_of_one_kind_have_no_roc_auc(holds: bool) -> None:
    assert metrics.roc_auc(np.arange(4, dtype=np.float32), np.full(4, holds)) is None


# Calibration


def test_calibrated_scores_have_next_to_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((4000, 10)).astype(np.float32)
    assert metrics.calibration_error(scores, rng.random(scores.shape) < scores) < 0.02


def test_scores_that_are_always_wrong_have_calibration_error_one() -> None:
    assert metrics.calibration_error(np.ones((30, 5)), np.zeros((30, 5), dtype=bool)) == pytest.approx(1)
    assert metrics.calibration_error(np.zeros((30, 5)), np.ones((30, 5), dtype=bool)) == pytest.approx(1)


def test_calibration_error_by_hand() -> None:
    scores = np.repeat([0.2, 0.6], 15)[:, None]
    truth = np.concatenate([np.arange(15) < 3, np.arange(15) < 12])[:, None]  # 0.2 and 0.8
    found = metrics.calibration_error(scores, truth)
    assert found >= 0.5 * 0.2 - 1e-9  # equal-mass bins can only add to the gap between the halves
    assert metrics.calibration_error(np.full((30, 1), 0.5), np.arange(30)[:, None] % 2 == 0) < 0.26


def test_calibration_is_measured_on_the_top_labels_alone() -> None:
    scores = np.concatenate([np.full((20, metrics.ECE_LABELS), 0.5), np.full((20, 50), 0.4)], axis=1)
    truth = np.zeros(scores.shape, dtype=bool)
    truth[:, : metrics.ECE_LABELS : 2] = True  # below the top labels the truth never holds
    assert metrics.calibration_error(scores, truth) < 0.1
