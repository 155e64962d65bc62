"""Reading ahead and writing behind change when things are done, and nothing else."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.runner.ahead import WriteBehind, read_ahead


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@given(st.lists(st.none() | st.integers()))
def test_items_come_in_order(items: list[int | None]) -> None:
    assert list(read_ahead(items)) == items


def test_error_of_the_source_comes_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("torn")

    items = read_ahead(source())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="torn"):
        next(items)


def test_one_item_is_made_while_another_is_used_and_no_more() -> None:
    made: list[int] = []
    second = threading.Event()

    def source() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    items = read_ahead(source())
    assert next(items) == 0
    assert second.wait(60)
    assert made == [0, 1]
    assert list(items) == [1, 2, 3, 4]


def test_reader_that_is_given_up_ends_its_thread() -> None:
    items = read_ahead(iter(range(1000)))
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]


def test_calls_are_made_in_order_and_at_most_one_is_under_way() -> None:
    done: list[int] = []
    behind = WriteBehind()
    for number in range(100):
        behind.call(done.append, number)
        assert len(done) >= number
    behind.join()
    assert done == list(range(100))
    behind.close()


def test_call_does_not_wait_for_itself() -> None:
    leave, done = threading.Event(), []

    def wait() -> None:
        assert leave.wait(60)
        done.append(1)

    behind = WriteBehind()
    behind.call(wait)
    assert not done
    leave.set()
    behind.join()
    assert done == [1]
    behind.close()


@pytest.mark.parametrize("then", ["call", "join"])
def test_error_is_raised_by_what_comes_next(then: str) -> None:
    def fail() -> None:
        raise ValueError("full")

    behind = WriteBehind()
    behind.call(fail)
    with pytest.raises(ValueError, match="full"):
        behind.join() if then == "join" else behind.call(print)
    behind.join()
    behind.close()


def test_close_after_an_error_ends_the_thread() -> None:
    def fail() -> None:
        raise ValueError("full")

    behind = WriteBehind()
    behind.call(fail)
    behind.close()
