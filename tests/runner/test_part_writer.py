"""The bytes of a part follow from its rows; its row groups are bounded."""

import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas.runner import part_writer
from atlas.runner.part_writer import FOOTER_KEY, PartWriter
from atlas.storage import atomic_output

SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string()),
        pa.field("chunk_id", pa.int32()),
        pa.field("text", pa.string()),
        pa.field("concept_ids", pa.list_(pa.string())),
    ]
)
BLOCK, GROUP_ROWS, GROUP_BYTES = 4, 12, 400


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_writer, "BLOCK_ROWS", BLOCK)
    monkeypatch.setattr(part_writer, "ROW_GROUP_ROWS", GROUP_ROWS)
    monkeypatch.setattr(part_writer, "ROW_GROUP_BYTES", GROUP_BYTES)


def _rows(lengths: Sequence[int]) -> pa.RecordBatch:
    """A row for each length of its text."""
    rows = [
        {"doc_id": f"d{n}", "chunk_id": n % 3, "text": chr(97 + n % 26) * length, "concept_ids": ["c"] * (n % 4)}
        for n, length in enumerate(lengths)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def _written(batches: Sequence[pa.RecordBatch]) -> bytes:
    stream = io.BytesIO()
    with PartWriter(stream, SCHEMA) as writer:
        for batch in batches:
            writer.write(batch)
        writer.close({"unit": "u"})
    return stream.getvalue()


def _cut(rows: pa.RecordBatch, cuts: Sequence[int]) -> list[pa.RecordBatch]:
    borders = [0, *sorted(cut % (rows.num_rows + 1) for cut in cuts), rows.num_rows]
    return [rows.slice(start, stop - start) for start, stop in pairwise(borders)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 300), max_size=60), st.lists(st.integers(0, 60), max_size=12))
def test_bytes_do_not_depend_on_the_batches_in_which_rows_come(lengths: list[int], cuts: list[int]) -> None:
    rows = _rows(lengths)
    whole = _written([rows])
    assert _written(_cut(rows, cuts)) == whole
    assert _written([pa.RecordBatch.from_pylist(rows.to_pylist(), schema=SCHEMA)]) == whole
    assert pq.read_table(io.BytesIO(whole)).to_pylist() == rows.to_pylist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=60))
def test_row_groups_are_bounded_by_rows_and_bytes(lengths: list[int]) -> None:
    file = pq.ParquetFile(io.BytesIO(_written([_rows(lengths)])))
    groups = [file.read_row_group(number) for number in range(file.metadata.num_row_groups)]
    assert sum(group.num_rows for group in groups) == len(lengths)
    for group in groups:
        assert 1 <= group.num_rows <= GROUP_ROWS
        before_its_last_block = group.slice(0, (group.num_rows - 1) // BLOCK * BLOCK)
        texts = before_its_last_block.column("text").to_pylist() + before_its_last_block.column("doc_id").to_pylist()
        assert sum(map(len, texts)) < GROUP_BYTES


def test_part_without_rows_has_its_columns_and_footer() -> None:
    file = pq.ParquetFile(io.BytesIO(_written([])))
    assert (file.metadata.num_rows, file.schema_arrow.names) == (0, SCHEMA.names)
    assert file.metadata.metadata[FOOTER_KEY] == b'{"unit": "u"}'


@pytest.mark.parametrize("rows", [0, 5, 50])
def test_file_that_is_given_up_leaves_nothing(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "part.parquet"

    def give_up() -> None:
        with atomic_output(pafs.LocalFileSystem(), str(path)) as stream, PartWriter(stream, SCHEMA) as writer:
            writer.write(_rows([100] * rows))
            raise RuntimeError("given up")

    with pytest.raises(RuntimeError, match="given up"):
        give_up()
    assert not list(tmp_path.iterdir())


def test_error_while_a_row_group_is_written_is_raised_and_the_file_does_not_appear(tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            if self.tell() > 100:
                raise OSError(28, "No space left on device")
            return super().write(data)  # type: ignore[arg-type]

    def fill() -> None:
        with PartWriter(Full(), SCHEMA) as writer:
            for _ in range(20):
                writer.write(_rows([100] * 10))
            writer.close({})

    with pytest.raises(OSError, match="No space left"):
        fill()


def test_batch_with_other_columns_is_an_error() -> None:
    with PartWriter(io.BytesIO(), SCHEMA) as writer, pytest.raises(ValueError, match="field"):
        writer.write(_rows([1]).drop_columns(["text"]))
