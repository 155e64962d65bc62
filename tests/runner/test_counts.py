"""Counts add up, and so do the columns that a table names for it."""

import pyarrow as pa

from atlas.runner.counts import Counts, counted


def rows(**columns: pa.Array) -> pa.RecordBatch:
    plain = {"doc_id": pa.array(["a", "b"]), "chunk_id": pa.array([0, 0], pa.int32())}
    plain |= {"status": pa.array(["ok", "ok"]), "token_count": pa.array([3, 4], pa.int32())}
    return pa.RecordBatch.from_pydict({**plain, **columns})


def test_columns_to_be_added_up_are_counted_where_a_table_has_them() -> None:
    asked = rows(prompt_tokens=pa.array([10, 20], pa.int32()), completion_tokens=pa.array([1, 2], pa.int32()))
    assert counted(asked).sums == {"prompt_tokens": 30, "completion_tokens": 3}
    assert counted(rows()).sums == {}


def test_sums_add_up_over_parts_that_have_them_and_parts_that_do_not() -> None:
    some, more = Counts(rows=1, sums={"x": 2}), Counts(rows=2, sums={"x": 3, "y": 1})
    assert sum([Counts(), some, Counts(rows=4), more], Counts()) == Counts(rows=7, sums={"x": 5, "y": 1})


def test_counts_of_a_part_from_before_there_were_sums_are_read() -> None:
    assert Counts(rows=3).sums == {}
