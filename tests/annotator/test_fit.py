"""The estimators: they learn what is there, stay monotone, and cope with what is not."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import f1_score

from atlas.annotator import fit

Knots = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def brute_force_f1(scores: np.ndarray, truth: np.ndarray) -> float:
    return max(f1_score(truth, scores >= threshold, zero_division=0) for threshold in scores)


# Linear weights


@pytest.fixture(scope="module")
def separable() -> tuple[sparse.csr_matrix, np.ndarray]:
    """Feature c decides label c for four labels; label 4 has one row, label 5 all, label 6 none."""
    rng = np.random.default_rng(0)
    features = (rng.random((80, 30)) < 0.3).astype(np.float32)
    labels = np.zeros((80, 7), dtype=bool)
    labels[:, :4] = features[:, :4] > 0
    labels[7, 4] = True
    labels[:, 5] = True
    return sparse.csr_matrix(features), labels


def test_linear_view_finds_the_deciding_feature(separable: tuple[sparse.csr_matrix, np.ndarray]) -> None:
    features, labels = separable
    weights, bias = fit.one_vs_rest(features, labels, 2, 0)
    assert weights.shape == (30, 7)
    assert weights.toarray()[:, :4].argmax(axis=0).tolist() == [0, 1, 2, 3]
    scores = features @ weights.toarray() + np.nan_to_num(bias)
    assert ((scores[:, :4] > 0) == labels[:, :4]).mean() > 0.95


def test_concept_with_too_few_or_no_other_examples_gets_no_weights(
    separable: tuple[sparse.csr_matrix, np.ndarray],
) -> None:
    weights, bias = fit.one_vs_rest(*separable, 2, 0)
    assert np.isnan(bias[4:]).all()
    assert weights.toarray()[:, 4:].any() == np.False_
    assert not np.isnan(bias[:4]).any()


def test_no_concept_with_examples_gives_empty_weights() -> None:
    weights, bias = fit.one_vs_rest(
        sparse.csr_matrix(np.eye(4, 9, dtype=np.float32)), np.zeros((4, 3), dtype=bool), 2, 0
    )
    assert (weights.shape, weights.nnz) == ((9, 3), 0)
    assert np.isnan(bias).all()


def test_small_weights_are_dropped(separable: tuple[sparse.csr_matrix, np.ndarray]) -> None:
    weights, _ = fit.one_vs_rest(*separable, 2, 0)
    for concept in range(4):
        column = np.abs(weights[:, [concept]].data)
        assert column.min() >= fit.PRUNE * column.max()


def test_linear_view_is_the_same_twice(separable: tuple[sparse.csr_matrix, np.ndarray]) -> None:
    first, second = (fit.one_vs_rest(*separable, 2, 0) for _ in range(2))
    assert first[0].data.tobytes() == second[0].data.tobytes()
    assert first[1].tobytes() == second[1].tobytes()


# Fusion


def test_fusion_weighs_the_view_that_tells_and_not_the_one_that_does_not() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((50, 8)) < 0.2
    stacked = rng.standard_normal((6, 50, 8)).astype(np.float32)
    stacked[1] += 4 * truth
    stacked[5] = 1
    weights = fit.fusion_weights(stacked, truth, np.ones(truth.shape, dtype=bool), fit.DEFAULT_FUSION)
    assert weights.argmax() == 1
    assert weights[1] > 3 * np.abs(weights[[0, 2, 3, 4]]).max()
    assert weights[5] < 0  # the constant carries how rare labels are


@pytest.mark.parametrize("labels", [np.zeros((9, 3), dtype=bool), np.ones((9, 3), dtype=bool), np.eye(9, 3) > 0])
def test_fusion_with_too_little_to_learn_from_is_the_default(labels: np.ndarray) -> None:
    stacked = np.random.default_rng(0).standard_normal((6, 9, 3)).astype(np.float32)
    below = np.arange(6, dtype=np.float32)
    assert fit.fusion_weights(stacked, labels, np.ones(labels.shape, dtype=bool), below).tolist() == below.tolist()


def test_fusion_of_an_empty_band_is_the_default() -> None:
    nowhere, stacked = np.zeros((9, 3), dtype=bool), np.zeros((6, 9, 3), dtype=np.float32)
    found = fit.fusion_weights(stacked, ~nowhere, nowhere, fit.DEFAULT_FUSION)
    assert found.tolist() == fit.DEFAULT_FUSION.tolist()


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
    assert found == pytest.approx(brute_force_f1(scores, truth))


def test_concept_without_examples_has_the_common_threshold() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.random((40, 3)), rng.random((40, 3)) < 0.3
    labels[:, 2] = False
    found = fit.thresholds(scores, labels)
    assert found[2] == pytest.approx(fit.best_threshold(scores.ravel(), labels.ravel()))


def test_threshold_of_a_frequent_concept_is_its_own_and_of_a_rare_one_the_common() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((2000, 2))
    labels = np.stack([scores[:, 0] > 0.9, np.arange(2000) == int(scores[:, 1].argmax())], axis=1)
    common = fit.best_threshold(scores.ravel(), labels.ravel())
    frequent, rare = fit.thresholds(scores, labels)
    assert frequent == pytest.approx(fit.best_threshold(scores[:, 0], labels[:, 0]), abs=0.02)
    own = fit.best_threshold(scores[:, 1], labels[:, 1])
    assert abs(rare - common) < abs(rare - own)
