"""Metrics of the annotator benchmark, against values worked out by hand."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import annotator_metrics as metrics

GOLD = [frozenset({0, 1}), frozenset({2}), frozenset({0, 3, 4})]  # label 4 has no training document
IDS = np.array([[0, 2, 1, 3, -1], [0, 2, 1, 3, -1], [3, 1, 0, 2, -1]])
SCORES = np.array([[0.9, 0.8, 0.7, 0.1, -np.inf], [0.6, 0.5, 0.4, 0.3, -np.inf], [0.9, 0.8, 0.2, 0.1, -np.inf]])
DOCUMENTS = np.array([30, 10, 4, 1, 0])
TRAINING = 100


@pytest.fixture
def ranking() -> metrics.Ranking:
    return metrics.ordered(IDS, SCORES, 5)


@pytest.fixture
def found(ranking: metrics.Ranking) -> dict[str, float]:
    return metrics.ranked_metrics(ranking, GOLD, DOCUMENTS, TRAINING)


def test_orders_by_score_then_number_and_fills_up() -> None:
    ids, scores = np.array([[7, 3, -1, 5]]), np.array([[0.5, 0.5, 9.0, 0.8]])
    ranking = metrics.ordered(ids, scores, 5)
    assert ranking.ids.tolist() == [[5, 3, 7, -1, -1]]
    assert ranking.scores[0, :3] == pytest.approx([0.8, 0.5, 0.5])
    assert np.isneginf(ranking.scores[0, 3:]).all()


def test_a_score_that_is_no_number_gives_no_label() -> None:
    ranking = metrics.ordered(np.array([[1, 2]]), np.array([[np.nan, 0.1]]), 2)
    assert ranking.ids.tolist() == [[2, -1]]


def test_precision_divides_by_k_even_where_labels_are_fewer(found: dict[str, float]) -> None:
    assert found["p@1"] == pytest.approx(2 / 3)
    assert found["p@3"] == pytest.approx(5 / 9)
    assert found["p@5"] == pytest.approx(5 / 15)


def test_recall_counts_labels_that_cannot_be_given(found: dict[str, float]) -> None:
    assert found["r@10"] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert found["r@10 0"] == 0.0
    assert found["r@10 1-4"] == 1.0
    assert found["r@10 5-19"] == 1.0
    assert found["r@10 20+"] == 1.0


def test_gain_is_discounted_by_rank(found: dict[str, float]) -> None:
    second, third = 1 / math.log2(3), 1 / math.log2(4)
    expected = [(1 + third) / (1 + second), second, (1 + third) / (1 + second + third)]
    assert found["ndcg@5"] == pytest.approx(sum(expected) / 3)


def test_f1_at_five_is_per_document(found: dict[str, float]) -> None:
    assert found["f1@5"] == pytest.approx((2 * 2 / (4 + 2) + 2 * 1 / (4 + 1) + 2 * 2 / (4 + 3)) / 3)


def test_propensity_as_published() -> None:
    c = (math.log(100) - 1) * 2.5**0.55
    expected = [1 / (1 + c * (n + 1.5) ** -0.55) for n in (0, 1, 30)]
    assert metrics.propensities(np.array([0, 1, 30]), 100) == pytest.approx(expected)


def test_propensity_scored_precision_is_of_the_best_that_could_be_had(found: dict[str, float]) -> None:
    gain = 1 / metrics.propensities(DOCUMENTS, TRAINING)
    assert found["psp@1"] == pytest.approx((gain[0] + gain[3]) / (gain[1] + gain[2] + gain[4]))
    got = gain[0] + gain[1] + gain[2] + gain[3] + gain[0]
    assert found["psp@3"] == pytest.approx(got / (gain[0] + gain[1] + gain[2] + gain[0] + gain[3] + gain[4]))


def test_propensity_scored_precision_of_seen_labels_leaves_out_what_no_training_document_has(
    found: dict[str, float],
) -> None:
    gain = 1 / metrics.propensities(DOCUMENTS, TRAINING)
    assert found["psp_seen@1"] == pytest.approx((gain[0] + gain[3]) / (gain[1] + gain[2] + gain[3]))


def test_a_perfect_ranking_has_all_there_is() -> None:
    ranking = metrics.ordered(np.array([[0, 1, 2]]), np.array([[3.0, 2.0, 1.0]]), 3)
    found = metrics.ranked_metrics(ranking, [frozenset({0, 1, 2})], np.array([5, 5, 5]), 20)
    assert found["psp@3"] == found["p@3"] == found["ndcg@5"] == found["r@10"] == pytest.approx(1)


def test_cut_by_score_where_that_is_best() -> None:
    ids, gold = np.array([[0, 1], [0, 1]]), [frozenset({0, 1}), frozenset({2})]
    ranking = metrics.ordered(ids, np.array([[0.9, 0.8], [0.3, 0.2]]), 2)
    cut = metrics.best_cut(ranking, gold)
    assert cut.score == pytest.approx(0.8)
    found = metrics.decided_metrics(ranking, gold, cut)
    assert found["micro_f1"] == pytest.approx(2 * 2 / (2 + 3))
    assert found["macro_f1"] == pytest.approx((1 + 1 + 0) / 3)


def test_cut_by_number_where_scores_of_documents_do_not_compare() -> None:
    ids, gold = np.array([[0, 1], [1, 0]]), [frozenset({0}), frozenset({1})]
    ranking = metrics.ordered(ids, np.array([[100.0, 90.0], [0.2, 0.1]]), 2)
    cut = metrics.best_cut(ranking, gold)
    assert cut.most == 1
    assert metrics.decided_metrics(ranking, gold, cut) == {"micro_f1": 1.0, "macro_f1": 1.0}


def test_labels_of_equal_score_pass_the_cut_together() -> None:
    ids, gold = np.array([[0, 1], [0, 1]]), [frozenset({0}), frozenset({5, 6, 7})]
    ranking = metrics.ordered(ids, np.array([[0.5, 0.5], [0.5, 0.5]]), 2)
    assert metrics.best_cut(ranking, gold) == metrics.Cut(-np.inf, 1)  # one of four right, not half a document


def test_calibration_by_equal_width() -> None:
    ranking = metrics.ordered(np.array([[0, 1], [2, 3]]), np.array([[0.9, 0.1], [0.92, 0.1]]), 2)
    error = metrics.calibration_error(ranking, [frozenset({0}), frozenset()], 10, equal_mass=False)
    assert error == pytest.approx((abs(0.9 - 1 + 0.92) + abs(0.2)) / 4, abs=1e-6)


def test_calibration_by_equal_mass_has_a_bin_a_pair_where_pairs_are_few() -> None:
    ranking = metrics.ordered(np.array([[0, 1]]), np.array([[0.9, 0.1]]), 2)
    error = metrics.calibration_error(ranking, [frozenset({0})], 20, equal_mass=True)
    assert error == pytest.approx((0.1 + 0.1) / 2)


def test_scores_that_are_right_as_often_as_they_say_have_no_error() -> None:
    ids, scores = np.tile([[0, 1]], (4, 1)), np.full((4, 2), 0.5)
    gold = [frozenset({0, 1}), frozenset(), frozenset({0}), frozenset({1})]
    assert metrics.calibration_error(metrics.ordered(ids, scores, 2), gold, 10, equal_mass=False) == pytest.approx(0)
