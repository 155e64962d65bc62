"""Labels changed on their pages are those changed as lists, for every reader of Parquet."""

import contextlib
import io
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.library.successors import DROPPED, Translation
from atlas.products.remap.kernels import pack, unpack
from atlas.products.remap.labels import relabel
from atlas.products.remap.on_pages import on_pages
from atlas.products.remap.pages import Unusual
from atlas.products.remap.splice import splice

IDS = list(range(1, 9))
TRANSLATION = Translation(np.array(IDS, np.int32), np.array([2, 2, 3, DROPPED, 3, 6, 7, 8], np.int32))
Lists = list[list[tuple[int, float]] | None]


def lists(most: int) -> st.SearchStrategy[Lists]:
    labels = st.tuples(st.sampled_from(IDS), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    chunk = st.lists(labels, max_size=8, unique_by=lambda label: label[0])
    return st.lists(st.none() | chunk, min_size=1, max_size=most)


def table(found: Lists, element_nulls: bool = True) -> pa.Table:
    columns = {
        name: pa.array(
            [None if chunk is None else [label[place] for label in chunk] for chunk in found],
            pa.list_(pa.field("element", kind, nullable=element_nulls)),
        )
        for place, (name, kind) in enumerate((("concept_ids", pa.int32()), ("scores", pa.float32())))
    }
    return pa.table({"text": [f"text {row}" for row in range(len(found))], **columns})


def written(whole: pa.Table, **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(whole, stream, **{"compression": "zstd", "write_page_checksum": True} | options)
    return stream.getvalue()


def carried(raw: bytes, translation: Translation = TRANSLATION) -> tuple[bytes, int]:
    source, out, gone = io.BytesIO(raw), io.BytesIO(), 0
    file = pq.ParquetFile(io.BytesIO(raw))

    def renew(_: int, chunks: Any) -> Any:
        nonlocal gone
        fresh, fewer = on_pages(source, file, chunks, translation)
        gone += fewer
        return fresh

    splice(source, out, renew, dict)
    return out.getvalue(), gone


def as_lists(whole: pa.Table, translation: Translation = TRANSLATION) -> pa.Table:
    columns = {name: whole[name].combine_chunks() for name in ("concept_ids", "scores")}
    new = relabel(columns, "concept_ids", ["scores"], translation)
    return pa.table({"text": whole["text"], **new}, schema=whole.schema)


@settings(deadline=None, max_examples=150)
@given(lists(30), st.booleans(), st.booleans(), st.sampled_from([7, 64, 1 << 20]), st.integers(1, 30))
def test_same_as_lists(found: Lists, nulls: bool, scores_by_dictionary: bool, limit: int, rows_each: int) -> None:
    whole = table(found, nulls)
    by_dictionary = ["concept_ids.list.element", *(["scores.list.element"] if scores_by_dictionary else [])]
    raw = written(
        whole, use_dictionary=by_dictionary, row_group_size=rows_each, data_page_size=limit, write_batch_size=3
    )
    try:
        new, gone = carried(raw)
    except Unusual:
        return  # a page without any label left, or a group of them
    read, expected = pq.read_table(io.BytesIO(new), page_checksum_verification=True), as_lists(whole)
    assert read.equals(expected)
    labels = [sum(len(ids) for ids in each["concept_ids"].to_pylist() if ids) for each in (whole, expected)]
    assert gone == labels[0] - labels[1]
    afresh = written(expected, row_group_size=rows_each)
    for number in range(pq.read_metadata(io.BytesIO(new)).num_row_groups):
        for column in (1, 2):
            mine, theirs = (pq.read_metadata(io.BytesIO(f)).row_group(number).column(column) for f in (new, afresh))
            assert mine.num_values == theirs.num_values
            if theirs.statistics.has_min_max:
                assert mine.statistics.null_count == theirs.statistics.null_count
                assert mine.statistics.min <= theirs.statistics.min
                assert mine.statistics.max >= theirs.statistics.max


def many(rows: int) -> pa.Table:
    """Lists over several pages, with scores whose dictionary grew too big."""
    generator = np.random.default_rng(0)
    ids = [generator.choice(IDS, generator.integers(0, 6), replace=False).tolist() for _ in range(rows)]
    return table([[(id_, float(generator.random(dtype=np.float32))) for id_ in chunk] for chunk in ids])


def test_many_pages_and_a_dictionary_that_grew_too_big(tmp_path: Path) -> None:
    whole = many(20_000)
    raw = written(whole, data_page_size=4096, dictionary_pagesize_limit=20_000)
    assert "PLAIN" in pq.read_metadata(io.BytesIO(raw)).row_group(0).column(2).encodings
    new, gone = carried(raw)
    assert gone
    expected = as_lists(whole)
    (tmp_path / "new.parquet").write_bytes(new)
    assert pq.read_table(tmp_path / "new.parquet", page_checksum_verification=True).equals(expected)
    assert pl.read_parquet(tmp_path / "new.parquet").to_arrow().to_pylist() == expected.to_pylist()
    query = f"select concept_ids, scores from '{tmp_path}/new.parquet'"
    assert duckdb.sql(query).fetchall() == list(
        zip(expected["concept_ids"].to_pylist(), expected["scores"].to_pylist(), strict=True)
    )


def test_again_and_again() -> None:
    whole = many(500)
    raw, expected = written(whole), whole
    for gone in (1, 4, 8):
        edit = Translation(np.array(IDS, np.int32), np.array([3 if i == gone else i for i in IDS], np.int32))
        raw, expected = carried(raw, edit)[0], as_lists(expected, edit)
    assert pq.read_table(io.BytesIO(raw), page_checksum_verification=True).equals(expected)


def test_row_group_without_the_merged_concept_stays_byte_for_byte() -> None:
    raw = written(table([[(6, 0.5), (8, 0.2)], [], [(7, 0.1)]]))
    assert carried(raw)[0][: -len(raw) // 2] == raw[: -len(raw) // 2]


@pytest.mark.parametrize(
    "options", [{"compression": "snappy"}, {"use_dictionary": False}, {"data_page_version": "2.0"}]
)
def test_pages_of_other_writers_are_left_to_arrow(options: dict[str, Any]) -> None:
    with pytest.raises(Unusual):
        carried(written(table([[(1, 0.5), (2, 0.2)]]), **options))


@pytest.mark.parametrize("place", [1, 2])
def test_damage_is_noticed(place: int) -> None:
    raw = bytearray(written(many(500)))
    chunk = pq.read_metadata(io.BytesIO(raw)).row_group(0).column(place)
    raw[chunk.dictionary_page_offset + chunk.total_compressed_size - 2] ^= 0xFF
    with pytest.raises(ValueError, match="checksum"):
        carried(bytes(raw))


@pytest.mark.parametrize("place", range(24))
def test_damaged_header_of_a_page_is_no_crash(place: int) -> None:
    raw = bytearray(written(many(50)))
    raw[pq.read_metadata(io.BytesIO(raw)).row_group(0).column(1).dictionary_page_offset + place] ^= 0xFF
    with contextlib.suppress(ValueError, OSError, pa.ArrowException, Unusual):
        carried(bytes(raw))


@settings(deadline=None)
@given(st.integers(1, 31), st.data())
def test_numbers_packed_and_unpacked(width: int, data: st.DataObject) -> None:
    drawn = st.lists(st.integers(0, 2**width - 1), min_size=1, max_size=50)
    numbers = np.array(data.draw(drawn | st.integers(0, 2**width - 1).map(lambda number: [number] * 20)), np.int32)
    packed, out = pack(numbers, width), np.empty(len(numbers), np.int32)
    assert unpack(packed, 0, width, out) == len(packed)
    assert (out == numbers).all()
    assert unpack(packed[:-1], 0, width, out) == -1 or len(numbers) % 8  # its last byte may hold padding alone
