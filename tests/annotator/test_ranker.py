"""The ranker: it follows the view that tells, the same way every time, and no view makes its logits unusable."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from torch import Tensor

from atlas.annotator.arrays import flat
from atlas.annotator.ranker import Ranker, cross_entropy, fitted, logits

HIDDEN = 48, 24
Example = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def telling() -> Example:
    """Four views of 3000 pairs; the second tells the truth, a tenth of them true."""
    rng = np.random.default_rng(0)
    truth = rng.random(3000) < 0.1
    views = rng.standard_normal((3000, 4)).astype(np.float32)
    views[:, 1] += 4 * truth
    return views, truth


@pytest.fixture(scope="module")
def learned(telling: Example) -> Ranker:
    return fitted(*telling, 0, HIDDEN)


def test_view_that_tells_is_followed(learned: Ranker, telling: Example) -> None:
    views, truth = telling
    found = logits(learned, views)
    assert (found.dtype, found.shape) == (np.dtype(np.float32), (3000,))
    assert roc_auc_score(truth, found) > 0.99
    unseen = np.zeros((2, 4), dtype=np.float32)
    unseen[:, 1] = [0, 4]
    low, high = logits(learned, unseen)
    assert low < 0 < high


def test_two_views_that_tell_together_are_followed() -> None:
    views = np.random.default_rng(0).standard_normal((4000, 2)).astype(np.float32)
    truth = (views[:, 0] > 0) ^ (views[:, 1] > 0)
    assert roc_auc_score(truth, logits(fitted(views, truth, 0, HIDDEN), views)) > 0.95


def test_logits_are_about_the_log_odds_of_the_truth() -> None:
    views = np.random.default_rng(0).standard_normal((5000, 3)).astype(np.float32)
    truth = np.random.default_rng(1).random(5000) < 0.2  # nothing tells of it
    mean = (1 / (1 + np.exp(-logits(fitted(views, truth, 0, HIDDEN), views)))).mean()
    assert mean == pytest.approx(0.2, abs=0.03)


def test_another_loss_is_what_becomes_least() -> None:
    views = np.random.default_rng(0).standard_normal((5000, 3)).astype(np.float32)
    truth = np.random.default_rng(1).random(5000) < 0.2

    def halved(found: Tensor, holds: Tensor) -> Tensor:
        return cross_entropy(found, holds / 2)  # as if of two that hold one were wrong

    chances = 1 / (1 + np.exp(-logits(fitted(views, truth, 0, HIDDEN, halved), views)))
    assert chances.mean() == pytest.approx(0.1, abs=0.02)


def test_same_seed_gives_the_same_bytes_and_another_other_ones(learned: Ranker, telling: Example) -> None:
    again, other = flat(fitted(*telling, 0, HIDDEN)), flat(fitted(*telling, 1, HIDDEN))
    for name, array in flat(learned).items():
        assert array.dtype == np.float32, name
        assert array.tobytes() == again[name].tobytes(), name
    assert learned.first.tobytes() != other["first"].tobytes()


@pytest.mark.parametrize("constant", [0.0, 1.0, 2.9444, -7.3, 1e4])
def test_constant_view_does_no_harm_even_where_it_changes_later(telling: Example, constant: float) -> None:
    views, truth = telling
    widened = np.column_stack([views, np.full(len(views), constant)]).astype(np.float32)
    ranker = fitted(widened, truth, 0, HIDDEN)
    found = logits(ranker, widened)
    assert roc_auc_score(truth, found) > 0.99
    moved = widened + np.array([0, 0, 0, 0, 0.5], dtype=np.float32)
    assert logits(ranker, moved) == pytest.approx(found, abs=1e-2)


@pytest.mark.parametrize("truth", [np.zeros(50, dtype=bool), np.ones(50, dtype=bool), np.arange(50) == 3])
def test_truth_of_one_kind_or_nearly_gives_finite_logits_of_its_share(truth: np.ndarray) -> None:
    views = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    found = logits(fitted(views, truth, 0, HIDDEN), views)
    assert np.isfinite(found).all()
    assert ((found > 0).mean() > 0.5) == (truth.mean() > 0.5)


def test_a_single_pair_can_be_learned_from() -> None:
    ranker = fitted(np.ones((1, 3), dtype=np.float32), np.array([True]), 0, HIDDEN)
    assert np.isfinite(logits(ranker, np.ones((1, 3), dtype=np.float32))).all()


def test_logits_of_far_off_views_are_finite_and_of_none_are_none(learned: Ranker) -> None:
    assert np.isfinite(logits(learned, np.full((3, 4), 1e6, dtype=np.float32))).all()
    assert logits(learned, np.zeros((0, 4), dtype=np.float32)).shape == (0,)


def test_logits_do_not_hang_on_the_pairs_beside_them(learned: Ranker, telling: Example) -> None:
    views = telling[0][:300]
    together = logits(learned, views)
    alone = np.concatenate([logits(learned, views[row : row + 1]) for row in range(len(views))])
    assert alone == pytest.approx(together, abs=1e-4)


def test_pair_has_the_same_bits_alone_as_beside_others(learned: Ranker, telling: Example) -> None:
    views = telling[0][:257]
    together = logits(learned, views)
    assert [logits(learned, views[row : row + 1]).tobytes() for row in range(257)] == [v.tobytes() for v in together]
    assert logits(learned, views[100:]).tobytes() == together[100:].tobytes()
