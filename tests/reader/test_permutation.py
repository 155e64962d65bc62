"""Orders: without replacement, spread out, the same everywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.reader.order import KINDS, Order
from atlas.reader.permutation import Permutation


@settings(deadline=None)
@given(size=st.integers(1, 3000), seed=st.integers(0, 1 << 60), epoch=st.integers(0, 5))
def test_every_number_comes_once(size: int, seed: int, epoch: int) -> None:
    assert sorted(Permutation(size, (seed, epoch))(np.arange(size))) == list(range(size))


@settings(deadline=None)
@given(size=st.integers(1, 700), block=st.integers(1, 50), pool=st.integers(1, 9), kind=st.sampled_from(KINDS))
def test_every_window_comes_once_in_every_order(size: int, block: int, pool: int, kind: str) -> None:
    order = Order(kind, 3, block, pool)  # type: ignore[arg-type]
    assert sorted(order(np.arange(size), size, 1)) == list(range(size))


@settings(deadline=None)
@given(size=st.integers(2, 700), block=st.integers(1, 50), pool=st.integers(1, 9), at=st.integers(0, 699))
def test_a_position_does_not_depend_on_what_else_is_asked(size: int, block: int, pool: int, at: int) -> None:
    order, at = Order("blocks", 3, block, pool), at % size
    assert order(np.array([at]), size, 0)[0] == order(np.arange(size), size, 0)[at]


def test_large_sizes_need_no_table() -> None:
    size = 268_000_000_000
    found = Permutation(size, (0, 0))(np.arange(100_000))
    assert len(np.unique(found)) == 100_000
    assert found.min() >= 0 and found.max() < size
    assert abs(found.mean() / size - 0.5) < 0.01


def test_neighbours_land_anywhere() -> None:
    """Chi-square of where the first and second of each pair land, in 20 × 20 fields: as for independent draws."""
    size = 100_003
    found = Permutation(size, (7, 0))(np.arange(size)) * 20 // size
    counts = np.bincount(found[:-1] * 20 + found[1:], minlength=400)
    expected = (size - 1) / 400
    assert ((counts - expected) ** 2 / expected).sum() < 500  # mean 399, standard deviation 28


def test_seeds_and_epochs_differ_and_repeat() -> None:
    positions = np.arange(1000)
    orders = [Permutation(1000, key)(positions) for key in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert np.array_equal(orders[0], orders[3])
    assert (orders[0] == orders[1]).mean() < 0.01
    assert (orders[0] == orders[2]).mean() < 0.01


def test_the_order_is_part_of_the_contract() -> None:
    """A state that was saved today must mean the same tomorrow."""
    assert Permutation(1000, (0, 0))(np.arange(6)).tolist() == EXPECTED
    blocks = Order("blocks", 0, 10, 3)(np.arange(30), 1000, 0)
    assert len({int(window) // 10 for window in blocks}) == 3


def test_an_order_that_is_none_is_refused() -> None:
    with pytest.raises(AtlasError, match="order 'random': is none"):
        Order("random")  # type: ignore[arg-type]


EXPECTED = [239, 818, 919, 973, 63, 837]
