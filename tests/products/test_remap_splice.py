"""A Parquet file spliced from old pages and new columns reads as if it had been written so."""

import io
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.products.remap.splice import Fresh, encoded, splice
from atlas.products.remap.thrift import read_struct, write_struct

INT_LISTS = pa.list_(pa.int32())
texts = st.none() | st.text(max_size=12)
rows = st.lists(
    st.tuples(texts, st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4), st.integers()), min_size=1, max_size=40
)


def table(found: list[tuple[str | None, list[int], int]]) -> pa.Table:
    columns = [[row[place] for row in found] for place in range(2)]
    numbers = [row[2] % 2**40 for row in found]
    return pa.table(
        {"text": pa.array(columns[0], pa.string()), "ids": pa.array(columns[1], INT_LISTS), "number": numbers}
    )


def written(whole: pa.Table, rows_each: int) -> bytes:
    stream = io.BytesIO()
    options = {"compression": "zstd", "write_page_checksum": True, "write_page_index": rows_each % 2 == 0}
    pq.write_table(whole.replace_schema_metadata({"mine": "1"}), stream, row_group_size=rows_each, **options)
    return stream.getvalue()


@settings(deadline=None, max_examples=40)
@given(rows, st.integers(1, 9), st.integers(1, 3))
def test_new_columns_and_old_ones(found: list[tuple[str | None, list[int], int]], rows_each: int, every: int) -> None:
    whole = table(found)
    raw = written(whole, rows_each)

    def renew(number: int, _: object) -> Fresh:
        if number % every:
            return {}
        return encoded(pa.table({"ids": pa.array([[9]] * len(whole.slice(number * rows_each, rows_each)), INT_LISTS)}))

    out = io.BytesIO()
    splice(io.BytesIO(raw), out, renew, lambda: {b"mine": b"2"})
    expected = [[9] if (row // rows_each) % every == 0 else ids for row, ids in enumerate(whole["ids"].to_pylist())]
    read = pq.read_table(io.BytesIO(out.getvalue()), page_checksum_verification=True)
    assert read["ids"].to_pylist() == expected
    assert read.select(["text", "number"]).equals(whole.select(["text", "number"]))
    assert pq.read_metadata(io.BytesIO(out.getvalue())).metadata[b"mine"] == b"2"


def test_another_reader_of_parquet_agrees(tmp_path: Path) -> None:
    whole = pa.table(
        {"text": [f"text {n}" for n in range(5000)], "ids": pa.array([[n] for n in range(5000)], INT_LISTS)}
    )
    path = tmp_path / "out.parquet"
    with path.open("wb") as out:
        new = encoded(whole.slice(0, 999).select(["ids"]))
        splice(io.BytesIO(written(whole, 999)), out, lambda number, _: {} if number else new, dict)
    found = duckdb.sql(f"select sum(ids[1]), count(distinct text), min(text) from '{path}'").fetchall()
    assert found == [(sum(range(5000)), 5000, "text 0")]


def test_footer_read_and_written_is_itself() -> None:
    raw = written(table([("a", [1], 2)] * 30), 1)
    length = int.from_bytes(raw[-8:-4], "little")
    footer = raw[-8 - length : -8]
    assert write_struct(read_struct(footer)[0]) == footer


def test_file_that_is_no_parquet_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid, match="not a Parquet file"):
        splice(io.BytesIO(b"no such thing at all"), io.BytesIO(), lambda *_: {}, dict)
