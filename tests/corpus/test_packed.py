"""Rows that are packed come back as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from atlas.corpus.packed import AT_ONCE, Packed


@pytest.mark.parametrize("number", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 5])
def test_rows_come_back_in_order(number: int) -> None:
    rows = [(row, f"row {row}", None) for row in range(number)]
    packed = Packed(rows)
    assert len(packed) == number
    assert list(packed) == list(packed) == rows


@given(some.sets(some.integers(0, 2 * AT_ONCE + 9)))
def test_rows_are_picked_by_their_numbers(wanted: set[int]) -> None:
    packed = Packed((row,) for row in range(2 * AT_ONCE + 10))
    assert list(packed.picked(np.array(sorted(wanted), int))) == [(row,) for row in sorted(wanted)]
