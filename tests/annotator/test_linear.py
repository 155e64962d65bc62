"""Linear models: machines find what parts a concept's chunks from the others, centroids what they share."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.svm import LinearSVC

from atlas.annotator import linear

SETTINGS: dict[str, Any] = {"least": 2, "kept": 1000, "cost": 1.0, "absent": 1.0, "negatives": 1000, "seed": 0}
Separable = tuple[sparse.csr_matrix, sparse.csc_matrix]


def machines(features: sparse.csr_matrix, labels: sparse.csc_matrix, **changes: Any) -> tuple[np.ndarray, np.ndarray]:
    weights, bias = linear.one_vs_rest(features, labels, **SETTINGS | changes)
    assert weights.shape == (labels.shape[1], features.shape[1])
    assert weights.dtype == bias.dtype == np.float32
    return weights.toarray(), bias


def unit(matrix: np.ndarray) -> sparse.csr_matrix:
    rows = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    return sparse.csr_matrix(rows.astype(np.float32))


@pytest.fixture(scope="module")
def separable() -> Separable:
    """Feature c decides label c for four labels; label 4 has one row, label 5 all, label 6 none."""
    rng = np.random.default_rng(0)
    features = rng.random((80, 30)) < 0.3
    labels = np.zeros((80, 7), dtype=bool)
    labels[:, :4] = features[:, :4]
    labels[7, 4] = True
    labels[:, 5] = True
    return unit(features.astype(float)), sparse.csc_matrix(labels)


def test_machine_finds_the_deciding_feature(separable: Separable) -> None:
    features, labels = separable
    weights, bias = machines(features, labels, cost=20.0)
    assert weights[:4].argmax(axis=1).tolist() == [0, 1, 2, 3]
    found = features @ weights.T + bias > 0
    assert (found[:, :4] == labels.toarray()[:, :4]).mean() > 0.95


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("cost", [0.25, 0.5])
def test_machine_is_nearly_scikit_learns(seed: int, cost: float) -> None:
    rng = np.random.default_rng(seed)
    features = unit(rng.random((200, 40)) * (rng.random((200, 40)) < 0.3))
    truth = features @ rng.standard_normal(40) + 0.2 * rng.standard_normal(200) > 0.3
    weights, bias = machines(features, sparse.csc_matrix(truth[:, None]), cost=cost)
    model = LinearSVC(loss="squared_hinge", dual=True, C=cost, tol=1e-6, max_iter=100_000).fit(features, truth)
    ours, theirs = features @ weights[0] + bias[0], model.decision_function(features)
    assert ours == pytest.approx(theirs, abs=0.05)
    assert ((ours > 0) == (theirs > 0)).mean() > 0.97


def test_absent_label_that_costs_less_is_given_more_readily(separable: Separable) -> None:
    features, labels = separable
    strict, mild = (machines(features, labels, absent=absent) for absent in (1.0, 0.1))
    margins = [features @ weights[:4].T + bias[:4] for weights, bias in (strict, mild)]
    assert margins[1].mean() > margins[0].mean() + 0.1


def test_concept_with_too_few_or_no_other_examples_has_no_machine(separable: Separable) -> None:
    weights, bias = machines(*separable)
    assert not weights[4:].any()
    assert bias[4:].tolist() == [0, 0, 0]
    assert weights[:4].any(axis=1).all()
    support = np.diff(separable[1].indptr)[:4]
    weights, bias = machines(*separable, least=int(support.max()))
    assert weights.any(axis=1).tolist() == [*(support == support.max()), False, False, False]
    assert (bias != 0).tolist() == weights.any(axis=1).tolist()


def test_no_concept_with_examples_gives_no_weight() -> None:
    weights, bias = machines(unit(np.eye(4, 9)), sparse.csc_matrix((4, 3), dtype=bool))
    assert not weights.any()
    assert bias.tolist() == [0, 0, 0]


def test_machine_looks_at_features_of_its_own_chunks_alone(separable: Separable) -> None:
    features, labels = separable
    elsewhere = sparse.hstack([features, np.asarray(1 - labels[:, [2]].toarray(), dtype=np.float32)]).tocsr()
    weights, bias = machines(elsewhere, labels[:, [2]])
    without, own_bias = machines(features, labels[:, [2]])
    assert weights[0, -1] == 0
    assert weights[0, :-1].tolist() == without[0].tolist()
    assert bias.tolist() == own_bias.tolist()


def test_machine_does_not_hang_on_the_concepts_beside_it(separable: Separable) -> None:
    features, labels = separable
    together, bias = machines(features, labels)
    alone, own_bias = machines(features, labels[:, [2]])
    assert alone[0] == pytest.approx(together[2], abs=0.03)
    assert own_bias[0] == pytest.approx(bias[2], abs=0.03)


@pytest.mark.parametrize("negatives", [1000, 20])
def test_machines_of_one_seed_are_the_same_bytes(separable: Separable, negatives: int) -> None:
    first, second = (linear.one_vs_rest(*separable, **SETTINGS | {"negatives": negatives}) for _ in range(2))
    assert first[0].data.tobytes() == second[0].data.tobytes()
    assert first[0].indices.tobytes() == second[0].indices.tobytes()
    assert first[1].tobytes() == second[1].tobytes()


def test_few_negatives_are_drawn_by_the_seed_and_learned_from(separable: Separable) -> None:
    features, labels = separable
    first, second = (machines(features, labels, negatives=30, seed=seed, cost=20.0) for seed in (0, 1))
    assert first[0].tolist() != second[0].tolist()
    for weights, bias in (first, second):
        found = features @ weights.T + bias > 0
        assert (found[:, :4] == labels.toarray()[:, :4]).mean() > 0.75


@pytest.mark.parametrize("kept", [1, 5])
def test_kept_bounds_the_weights_of_each_machine(separable: Separable, kept: int) -> None:
    weights, _ = machines(*separable)
    few, _ = machines(*separable, kept=kept)
    for concept in range(4):
        largest = np.argsort(-np.abs(weights[concept]), kind="stable")[:kept]
        assert set(np.flatnonzero(few[concept])) == set(largest)
        assert few[concept][largest].tolist() == weights[concept][largest].tolist()


def test_kept_bounds_the_weights_where_many_are_equal() -> None:
    features = unit(np.repeat(np.eye(6), 4, axis=1))  # four features always stand together
    weights, _ = machines(features, sparse.csc_matrix(np.arange(6)[:, None] < 3), kept=5)
    assert np.count_nonzero(weights) <= 5


# Centroids


def test_centroid_is_the_largest_components_of_the_mean_at_length_one(separable: Separable) -> None:
    features, labels = separable
    found = linear.centroids(features, labels, 6)
    assert (found.shape, found.dtype) == ((7, 30), np.dtype(np.float32))
    means = (labels.T.astype(np.float32) @ features).toarray()
    for concept in range(6):
        largest = np.argsort(-means[concept])[:6]
        expected = np.zeros(30)
        expected[largest] = means[concept][largest]
        assert found.toarray()[concept] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)
    assert found[[6]].nnz == 0


def test_centroid_of_few_components_has_them_all(separable: Separable) -> None:
    features, labels = separable
    found = linear.centroids(features, labels, 100).toarray()
    assert found[4] == pytest.approx(features.toarray()[7], abs=1e-6)


def test_largest_component_is_kept_where_smaller_ones_are_equal() -> None:
    features = sparse.csr_matrix(np.array([[1, 1, 1, 3]], dtype=np.float32) / np.sqrt(np.float32(12)))
    found = linear.centroids(features, sparse.csc_matrix(np.array([[True]])), 2).toarray()[0]
    assert np.count_nonzero(found) == 2
    assert found[3] == pytest.approx(3 / np.sqrt(10))
