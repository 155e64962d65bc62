"""Nested values of arrays: taken apart by path and put together the same, whatever is missing named."""

from typing import NamedTuple

import numpy as np
import pytest

from atlas.annotator.arrays import flat, frozen, nested


class Inner(NamedTuple):
    data: np.ndarray
    starts: np.ndarray


class Outer(NamedTuple):
    first: Inner
    plain: np.ndarray
    second: Inner


@pytest.fixture
def outer() -> Outer:
    first = Inner(np.arange(6, dtype=np.float32).reshape(2, 3), np.array([0, 3], dtype=np.int64))
    return Outer(first, np.array([True, False]), Inner(np.zeros((0, 4), dtype=np.int8), np.array([0])))


def test_arrays_are_named_by_their_path(outer: Outer) -> None:
    assert list(flat(outer)) == ["first.data", "first.starts", "plain", "second.data", "second.starts"]


def test_value_taken_apart_and_put_together_is_the_same(outer: Outer) -> None:
    again = nested(Outer, flat(outer))
    assert isinstance(again, Outer)
    assert isinstance(again.first, Inner)
    for name, array in flat(again).items():
        before = flat(outer)[name]
        assert (array.dtype, array.shape, array.tobytes()) == (before.dtype, before.shape, before.tobytes()), name


@pytest.mark.parametrize("name", ["plain", "second.starts"])
def test_missing_array_is_named(outer: Outer, name: str) -> None:
    arrays = flat(outer)
    del arrays[name]
    with pytest.raises(KeyError, match=name):
        nested(Outer, arrays)


def test_array_that_is_not_contiguous_is_taken_apart_contiguous(outer: Outer) -> None:
    turned = outer._replace(plain=np.arange(6).reshape(2, 3).T)
    assert flat(turned)["plain"].flags.c_contiguous
    assert flat(turned)["plain"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_frozen_arrays_refuse_to_be_written_and_the_originals_do_not(outer: Outer) -> None:
    still = frozen(outer)
    assert isinstance(still, Outer)
    for name, array in flat(still).items():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
        assert array.tobytes() == flat(outer)[name].tobytes()
    outer.plain[1] = True
    assert outer.plain.tolist() == [True, True]
