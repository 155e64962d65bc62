"""The p-values and intervals hold what they promise though chunks cluster, and corrections are the textbook's."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from scipy.stats import false_discovery_control as reference

from atlas.products.query.statistics import (
    Group,
    design_effect,
    difference_interval,
    difference_p,
    false_discovery,
    log_likelihood,
)


def group(n: np.ndarray, y: np.ndarray) -> Group:
    """Sums over documents of one concept."""
    sums = (np.array([value.sum()], float) for value in (y > 0, y, y * y, y * n, y**3, y * y * n, y * n * n))
    return Group(float(len(n)), float(n.sum()), float((n**2).sum()), float((n**3).sum()), *sums)


def documents(
    rng: np.random.Generator, number: int, share: float, common: float, length: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Chunks of each document and those with a concept that a share ``common`` of the documents speaks of."""
    n = rng.geometric(1 / length, number).astype(float)
    rate = np.where(rng.random(number) < common, rng.beta(4 * share, 4 * (1 - share), number), 0)
    return n, rng.binomial(n.astype(int), rate).astype(float)


@pytest.mark.parametrize(("common", "first", "moved"), [(0.1, 40, 6), (0.5, 60, 8), (0.3, 300, 10), (1.0, 100, 12)])
def test_p_is_near_that_of_shuffling_documents_where_they_are_alike(common: float, first: int, moved: int) -> None:
    rng = np.random.default_rng(first)
    n, y = documents(rng, 400, 0.4, common)
    side = np.zeros(400, bool)
    side[:first] = True
    side[rng.choice(np.flatnonzero(y > 0), moved)] = True
    p = difference_p(group(n[side], y[side]), group(n[~side], y[~side]))[0]
    residual = y - y.sum() / n.sum() * n
    shuffled = np.array([residual[rng.permutation(400)[: side.sum()]].sum() for _ in range(20_000)])
    seen = residual[side].sum()
    drawn = min(1.0, 2 * min((shuffled >= seen).mean(), (shuffled <= seen).mean()))
    assert p == pytest.approx(drawn, rel=0.5, abs=0.02)


@pytest.mark.parametrize(
    ("sizes", "lengths", "share", "common", "most"),
    [
        ((80, 120), (10, 10), 0.2, 1.0, 0.075),
        ((60, 600), (60, 5), 0.2, 1.0, 0.075),  # few long documents beside many short ones
        ((80, 700), (12, 12), 0.3, 0.04, 0.07),  # a rare concept
        ((80, 700), (60, 6), 0.3, 0.04, 0.07),
    ],
)
def test_p_is_below_a_level_no_more_often_than_it_says(
    sizes: tuple[int, int], lengths: tuple[int, int], share: float, common: float, most: float
) -> None:
    """Chunk by chunk, a chi-squared test would reject a fifth to most of these, and not one in twenty."""
    rng = np.random.default_rng(0)
    p, naive = [], []
    for _ in range(400):
        sides = [documents(rng, size, share, common, length) for size, length in zip(sizes, lengths, strict=True)]
        p.append(difference_p(*(group(n, y) for n, y in sides))[0])
        table = [[y.sum() + 0.5, (n - y).sum() + 0.5] for n, y in sides]
        naive.append(chi2_contingency(table, correction=False).pvalue)
    assert np.mean(np.array(p) < 0.05) < most
    assert np.mean(np.array(p) < 0.001) < 0.01
    assert np.mean(np.array(naive) < 0.05) > 0.2


def test_a_difference_is_found() -> None:
    rng = np.random.default_rng(4)
    assert difference_p(group(*documents(rng, 300, 0.2, 1.0)), group(*documents(rng, 300, 0.1, 1.0)))[0] < 0.001


def test_intervals_hold_the_true_difference() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        low, high = difference_interval(group(*documents(rng, 90, 0.02, 1.0)), group(*documents(rng, 210, 0.1, 1.0)))
        held += bool(low[0] <= 0.02 - 0.1 <= high[0])
    assert 0.92 <= held / 400 <= 0.99


def test_a_side_without_the_concept_has_an_interval_too() -> None:
    rng = np.random.default_rng(2)
    n, y = documents(rng, 300, 0.1, 1.0)
    low, high = difference_interval(group(n, y), group(n, 0 * y))
    assert 0 < low[0] < y.sum() / n.sum() < high[0] < 1
    assert difference_p(group(n, 0 * y), group(n, 0 * y))[0] == 1


def test_design_effect_of_documents_that_are_all_or_nothing_is_their_length() -> None:
    n, y = np.full(1000, 20.0), np.repeat([20.0, 0.0], [300, 700])
    other = group(n, y)
    assert design_effect(group(n, y), other)[0] == pytest.approx(20, rel=0.01)


def test_false_discovery_rates_are_those_of_benjamini_and_hochberg() -> None:
    p = np.random.default_rng(3).random(500) ** 3
    assert false_discovery(p) == pytest.approx(reference(p))
    assert len(false_discovery(np.empty(0))) == 0


def test_log_likelihood_is_the_g_test_with_a_sign() -> None:
    here, elsewhere = np.array([30.0, 5.0, 0.0, 100.0]), np.array([20.0, 90.0, 4.0, 200.0])
    found = log_likelihood(here, 100, elsewhere, 200)
    for place, (a, b) in enumerate(zip(here[:3], elsewhere[:3], strict=True)):
        g = chi2_contingency([[a, 100 - a], [b, 200 - b]], correction=False, lambda_="log-likelihood").statistic
        assert abs(found[place]) == pytest.approx(g)
    assert (np.sign(found[:3]) == [1, -1, -1]).all()
    assert found[3] == pytest.approx(0)
