"""Units cover a corpus once, whatever their size, and change with what they hold."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest
from corpus_files import (
    Rows,
    lines,
    read,
    save_dataset,
    source,
    units,
    write,
    write_gzip,
    write_jsonl,
    write_parquet,
    write_texts,
    write_zstd,
)
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS = [{"text": f"Document number {number:03}."} for number in range(100)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("units")


def written_texts(folder: Path, rows: Rows) -> Path:
    return write_texts(folder, {f"{number:03}.txt": row["text"] for number, row in enumerate(rows)})


def written_groups(path: Path, rows: Rows) -> Path:
    return write_parquet(path, rows, group=7)


WRITERS: dict[str, Callable[[Path, Rows], Path]] = {
    "a.parquet": written_groups,
    "a.jsonl": write_jsonl,
    "a.jsonl.gz": write_gzip,
    "a.jsonl.zst": write_zstd,
    "texts": written_texts,
    "dataset": save_dataset,
}

json_lines = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=("Cs",)), max_size=40) | st.text("漢é😀 ", max_size=20),
        st.sampled_from(["\n", "\r\n", "\n\n", "\n \t\r\n", "  \n"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(pieces=json_lines, unit_bytes=st.integers(1, 60) | st.integers(1, 2000), ending=st.booleans())
def test_every_json_line_is_read_once_for_any_unit_size(
    pieces: list[tuple[str, str, bool]], unit_bytes: int, ending: bool, folder: Path
) -> None:
    content = "".join(json.dumps({"text": text}, ensure_ascii=escape) + end for text, end, escape in pieces)
    path = write(folder / "lines.jsonl", (content if ending else content.rstrip()).encode())
    found = read(path, unit_bytes=unit_bytes)
    assert found.rejects == []
    assert found.texts == [text for text, _, _ in pieces]
    assert found.rows == sorted(set(found.rows))
    ranges = [(unit.start, unit.stop) for unit in units(path, unit_bytes=unit_bytes)]
    assert [start for start, _ in ranges] == [0, *[stop for _, stop in ranges[:-1]]]
    assert ranges[-1][1] == path.stat().st_size


@settings(max_examples=60, deadline=None)
@given(groups=st.lists(st.integers(1, 20), min_size=1, max_size=10), unit_bytes=st.integers(1, 5000))
def test_row_groups_are_joined_to_units_of_the_wanted_size(groups: list[int], unit_bytes: int, folder: Path) -> None:
    path = folder / "groups.parquet"
    table = pq.read_table(write_parquet(path, [{"text": os.urandom(20).hex()} for _ in range(sum(groups))]))
    with pq.ParquetWriter(path, table.schema) as writer:
        for index, size in enumerate(groups):
            writer.write_table(table.slice(sum(groups[:index]), size))
    found = units(path, unit_bytes=unit_bytes)
    assert [n for unit in found for n in range(unit.start, unit.stop)] == list(range(len(groups)))
    assert [unit.rows for unit in found] == [sum(groups[unit.start : unit.stop]) for unit in found]
    metadata = pq.read_metadata(path)
    compressed = [metadata.row_group(n).column(0).total_compressed_size for n in range(len(groups))]
    for unit in found:
        assert unit.bytes == sum(compressed[unit.start : unit.stop])
        assert sum(compressed[unit.start : unit.stop - 1]) < unit_bytes
    assert all(unit.bytes >= unit_bytes for unit in found[:-1])
    assert read(path, unit_bytes=unit_bytes).texts == table.column("text").to_pylist()


@pytest.mark.parametrize("name", WRITERS)
def test_units_can_be_read_in_any_order_by_any_worker(name: str, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path / name, ROWS)
    here = source(path, unit_bytes=4096 * 30 if name == "dataset" else 300)
    planned = here.units()
    assert len(planned) > 1 or name.endswith(("gz", "zst"))
    wanted = {unit.name: [batch.documents for batch in here.read(unit)] for unit in planned}
    for unit in reversed(planned):
        worker, own = pickle.loads(pickle.dumps((here, unit)))
        assert [batch.documents for batch in worker.read(own)] == wanted[unit.name]


@pytest.mark.parametrize("name", WRITERS)
def test_planning_twice_gives_the_same_units(name: str, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path / name, ROWS)
    assert units(path, unit_bytes=300) == units(path, unit_bytes=300)


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "dataset"])
def test_unit_of_a_corpus_moved_elsewhere_has_the_same_identity(name: str, tmp_path: Path) -> None:
    first = units(WRITERS[name](tmp_path / "here" / name, ROWS))
    second = units(WRITERS[name](tmp_path / "there" / name, ROWS))
    assert [unit.identity() for unit in first] == [unit.identity() for unit in second]


@pytest.mark.parametrize("name", WRITERS)
def test_changed_content_changes_the_identity(name: str, tmp_path: Path) -> None:
    before = units(WRITERS[name](tmp_path / name, ROWS))
    after = units(WRITERS[name](tmp_path / name, [{"text": "Another."}, *ROWS[1:]]))
    assert before[0].identity() != after[0].identity()


@pytest.mark.parametrize("name", ["a.jsonl", "texts"])
def test_content_changed_in_place_to_the_same_size_and_time_changes_the_identity(name: str, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path / name, ROWS)
    file = path if path.is_file() else path / "050.txt"
    state = file.stat()
    before = units(path)
    file.write_bytes(file.read_bytes().replace(b"Document", b"Dacument", 1))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file.stat().st_size == state.st_size
    assert before[0].identity() != units(path)[0].identity()


def test_remote_content_changed_in_place_to_the_same_size_changes_the_identity() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/changing/a.jsonl", lines(ROWS))
    before = units("memory://changing")
    assert units("memory://changing") == before
    memory.pipe("/changing/a.jsonl", lines(ROWS).replace(b"Document", b"Dacument"))
    after = units("memory://changing")
    memory.rm("/changing", recursive=True)
    assert before[0].bytes == after[0].bytes
    assert before[0].identity() != after[0].identity()


def test_dataset_saved_anew_at_its_place_is_read_anew(tmp_path: Path) -> None:
    import shutil

    save_dataset(tmp_path / "d", ROWS[:2])
    before = units(tmp_path / "d")
    shutil.rmtree(tmp_path / "d")
    save_dataset(tmp_path / "d", ROWS[2:4])
    assert units(tmp_path / "d")[0].identity() != before[0].identity()
    assert read(tmp_path / "d").texts == [row["text"] for row in ROWS[2:4]]


def test_renamed_text_file_changes_the_identity_as_its_id_is_its_name(tmp_path: Path) -> None:
    folder = write_texts(tmp_path / "t", {"a.txt": "A", "b.txt": "B"})
    before = units(folder)
    (folder / "a.txt").rename(folder / "aa.txt")
    assert units(folder)[0].identity() != before[0].identity()


def test_change_of_one_file_leaves_the_identity_of_others(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "c" / "a.jsonl", ROWS[:50])
    write_jsonl(tmp_path / "c" / "b.jsonl", ROWS[50:])
    before = units(tmp_path / "c")
    write_jsonl(tmp_path / "c" / "a.jsonl", ROWS[:49])
    after = units(tmp_path / "c")
    assert [a.identity() == b.identity() for a, b in zip(before, after, strict=True)] == [False, True]


@pytest.mark.parametrize(
    "changed", [{"id": "key"}, {"text": "body"}, {"source": "from"}, {"carry": ("key",)}, {"batch_bytes": 99}]
)
def test_source_identity_tells_apart_what_changes_its_documents(changed: dict[str, object]) -> None:
    assert source("c").identity() != source("c", **changed).identity()
    assert source("c").identity() == source("elsewhere", unit_bytes=77).identity()


def test_batches_hold_about_the_wanted_text(tmp_path: Path) -> None:
    corpus = source(write_jsonl(tmp_path / "a.jsonl", ROWS), batch_bytes=100)
    sizes = [
        sum(map(len, batch.documents.column("text").to_pylist())) for u in corpus.units() for batch in corpus.read(u)
    ]
    assert len(sizes) > 10
    assert all(100 <= size < 100 + 20 for size in sizes[:-1])
