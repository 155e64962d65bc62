"""PMI and the log-likelihood ratio, against definitions and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from atlas.products.export.association import log_likelihood, pmi


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Chunks with both, with one, with the other, and all, none of them empty."""
    a, b, c, d = (draw(st.integers(1, 10_000)) for _ in range(4))
    return a, a + b, a + c, a + b + c + d


def one(function, both: int, first: int, second: int, total: int) -> float:  # type: ignore[no-untyped-def]
    return float(function(np.array([both]), np.array([first]), np.array([second]), total)[0])


@given(tables())
def test_log_likelihood_is_the_g_statistic(counts: tuple[int, int, int, int]) -> None:
    both, first, second, total = counts
    cells = [[both, first - both], [second - both, total - first - second + both]]
    expected = chi2_contingency(cells, correction=False, lambda_="log-likelihood").statistic
    assert one(log_likelihood, *counts) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(tables())
def test_pmi_is_the_log_of_observed_over_expected(counts: tuple[int, int, int, int]) -> None:
    both, first, second, total = counts
    assert one(pmi, *counts) == pytest.approx(
        math.log2((both / total) / ((first / total) * (second / total))), abs=1e-9
    )


@pytest.mark.parametrize("counts", [(0, 5, 7, 100), (5, 5, 5, 100), (0, 0, 7, 100), (100, 100, 100, 100)])
def test_empty_cells_count_nothing(counts: tuple[int, int, int, int]) -> None:
    both, first, second, total = counts
    cells = [
        (both, first * second),
        (first - both, first * (total - second)),
        (second - both, (total - first) * second),
    ]
    cells.append((total - first - second + both, (total - first) * (total - second)))
    expected = 2 * sum(cell * math.log(cell * total / product) for cell, product in cells if cell)
    assert one(log_likelihood, *counts) == pytest.approx(expected, abs=1e-9)
