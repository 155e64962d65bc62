"""How labels are made noisy, and what losses and neighbours of the experiment do: else it would tell nothing."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import annotator_labels as labels

from atlas.annotator.data import label_matrix
from atlas.annotator.features import Words
from atlas.annotator.linear import one_vs_rest
from atlas.annotator.train import Featured

LOGITS = torch.tensor([-2.0, -0.5, 0.3, 3.0])
HOLDS = torch.tensor([0.0, 1.0, 0.0, 1.0])
MANY = label_matrix([{row % 7, 7 + row % 3, 10 + row % 2} for row in range(2_000)], 12)


def featured(rows: list[list[float]], given: list[set[int]]) -> Featured:
    vectors = np.array(rows, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    starts = np.arange(len(rows) + 1, dtype=np.int64)
    words = Words(np.zeros(len(rows), np.int32), starts)
    return Featured(words, sparse.csr_matrix(vectors), label_matrix(given, max(map(max, given)) + 1))


def sets(found: sparse.csr_matrix) -> list[set[int]]:
    return [set(row.indices.tolist()) for row in found]


def test_nothing_is_missing_or_wrong_where_nothing_is_to_be() -> None:
    assert (labels.made_noisy(MANY, 0, 0, np.random.default_rng(0)) != MANY).nnz == 0


def test_share_of_labels_is_missing_and_one_of_a_document_stays() -> None:
    noisy = labels.made_noisy(MANY, 0.5, 0, np.random.default_rng(0))
    assert noisy.nnz / MANY.nnz == pytest.approx(0.5 + 0.125 / 3, abs=0.02)  # an eighth of documents would have none
    assert (noisy.sum(axis=1) > 0).all()
    assert noisy.multiply(MANY).nnz == noisy.nnz


def test_wrong_labels_come_on_top() -> None:
    noisy = labels.made_noisy(MANY, 0.5, 0.2, np.random.default_rng(0))
    wrong = noisy.nnz - noisy.multiply(MANY).nnz
    assert 0.05 < wrong / noisy.nnz < 0.2  # some that are drawn hold


def test_unbiased_loss_is_cross_entropy_where_everything_that_holds_was_given() -> None:
    assert labels.unbiased(LOGITS, HOLDS).item() == pytest.approx(labels.cross_entropy(LOGITS, HOLDS).item())


def test_unbiased_loss_is_of_all_pairs_what_cross_entropy_is_of_the_truth() -> None:
    """Half of what holds is given: pairs of one logit, 2 of 8 given, 4 of 8 true."""
    logits, given = torch.full((8,), 0.7), torch.tensor([1.0, 1, 0, 0, 0, 0, 0, 0])
    truth = torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0])
    assert labels.unbiased(logits, given / 0.5).item() == pytest.approx(labels.cross_entropy(logits, truth).item())


def test_unbiased_loss_is_never_negative() -> None:
    assert labels.unbiased(torch.full((4,), 30.0), torch.full((4,), 2.0)).item() >= 0


def test_pairs_that_are_ignored_do_not_count() -> None:
    wanted = torch.tensor([0.0, 1.0, -1.0, 1.0])
    kept = wanted >= 0
    expected = labels.cross_entropy(LOGITS[kept], HOLDS[kept]).item()
    assert labels.all_but_ignored(LOGITS, wanted).item() == pytest.approx(expected)
    assert labels.ignored(np.array([False, True, False]), np.array([0.9, 0.9, 0.1])).tolist() == [-1, 1, 0]


def test_label_that_half_of_the_neighbours_have_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "NEAR", 2)
    seen = featured([[1, 0], [1, 0.1], [1, 0.2], [0, 1]], [{0}, {0, 1}, {0}, {2}])
    assert sets(labels.added(seen)) == [{0, 1}, {0, 1}, {0, 1}, {0, 1, 2}]


def test_label_that_no_neighbour_has_is_dropped_but_for_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "FAR", 1)
    seen = featured([[1, 0], [1, 0.1], [0, 1]], [{0, 1}, {0}, {2}])
    assert sets(labels.dropped(seen)) == [{0}, {0}, {2}]


def test_machines_of_hard_counterexamples_are_those_of_all_where_these_are_few() -> None:
    rng = np.random.default_rng(0)
    told = np.arange(60)[:, None] % 3 == np.arange(8) % 3
    features = sparse.csr_matrix((rng.random((60, 8)) + told).astype(np.float32) / 4)
    given = label_matrix([{int(row % 3 == 0), 2} if row % 2 else {int(row % 3 == 0)} for row in range(60)], 4)
    settings = {"least": 10, "kept": 8, "cost": 1.0, "absent": 1.0, "negatives": 1_000, "seed": 0}
    margins = [
        (features @ weights.T).toarray() + bias
        for weights, bias in (
            labels.hard_machines(features, given.tocsc(), **settings),
            one_vs_rest(features, given.tocsc(), **settings),
        )
    ]
    assert margins[0] == pytest.approx(margins[1], abs=0.15)  # each is done within 0.1
