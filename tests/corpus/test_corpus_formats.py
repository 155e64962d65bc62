"""Every format gives the same documents."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from corpus_files import (
    Rows,
    lines,
    read,
    save_dataset,
    units,
    write,
    write_gzip,
    write_jsonl,
    write_parquet,
    write_texts,
    write_zstd,
)

ROWS = [
    {"id": "a", "text": "First document.", "source": "web", "lang": "en"},
    {"id": "b", "text": "Andre dokument, på norsk. 漢字 😀", "source": None, "lang": "no"},
    {"id": "c", "text": "", "source": "books", "lang": None},
    {"id": "d", "text": "line one\r\nline two\u2028line three\x00", "source": "web", "lang": "en"},
]
EXAMPLES = Path(__file__).parents[2] / "examples" / "corpus"

Write = Callable[[Path, Rows], Path]
WRITERS: dict[str, Write] = {
    "corpus.parquet": write_parquet,
    "corpus.jsonl": write_jsonl,
    "corpus.ndjson": write_jsonl,
    "corpus.jsonl.gz": write_gzip,
    "corpus.json.gz": write_gzip,
    "corpus.jsonl.zst": write_zstd,
    "corpus-dataset": save_dataset,
}


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.rm("/", recursive=True)


@pytest.mark.parametrize("name", WRITERS)
def test_documents_of_each_format_are_the_rows_that_were_written(name: str, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path / name, ROWS)
    found = read(path, id="id", carry=("lang",))
    assert found.rejects == []
    assert found.documents == [
        {"doc_id": row["id"], "text": row["text"], "source": row["source"] or name, "lang": row["lang"]} for row in ROWS
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_ids_without_an_id_column_are_file_and_row(name: str, tmp_path: Path) -> None:
    found = read(WRITERS[name](tmp_path / name, ROWS))
    assert found.ids == [f"{name}#{row}" for row in found.rows]
    assert len(set(found.ids)) == len(ROWS)


@pytest.mark.parametrize("name", WRITERS)
def test_columns_may_have_other_names(name: str, tmp_path: Path) -> None:
    rows = [{"key": 7, "body": "First.", "from": "web"}, {"key": 8, "body": "Second.", "from": "books"}]
    found = read(WRITERS[name](tmp_path / name, rows), id="key", text="body", source="from")
    assert found.documents == [
        {"doc_id": "7", "text": "First.", "source": "web"},
        {"doc_id": "8", "text": "Second.", "source": "books"},
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_documents_of_each_format_do_not_depend_on_unit_or_batch_size(name: str, tmp_path: Path) -> None:
    rows = [{"id": str(number), "text": f"Document {number}. " * (number % 9)} for number in range(600)]
    path = WRITERS[name](tmp_path / name, rows)
    wanted = read(path, id="id").documents
    assert [document["doc_id"] for document in wanted] == [row["id"] for row in rows]
    assert read(path, id="id", unit_bytes=9000).documents == wanted
    assert read(path, id="id", batch_bytes=50).documents == wanted


def test_text_files_are_documents_with_their_path_as_id_and_folder_as_source(tmp_path: Path) -> None:
    folder = write_texts(tmp_path / "t", {"b.txt": "B", "a.md": "# A", "sub/deep/c.rst": "C 漢字", "skip.png": "x"})
    assert read(folder).documents == [
        {"doc_id": "a.md", "text": "# A", "source": "text"},
        {"doc_id": "b.txt", "text": "B", "source": "text"},
        {"doc_id": "sub/deep/c.rst", "text": "C 漢字", "source": "sub/deep"},
    ]


def test_text_files_are_read_the_same_for_any_unit_size(tmp_path: Path) -> None:
    folder = write_texts(tmp_path / "t", {f"{number:02}.txt": "word " * number for number in range(20)})
    wanted = read(folder).documents
    for unit_bytes in (1, 60, 300):
        found = units(folder, unit_bytes=unit_bytes)
        assert len(found) > 1
        assert sum(unit.rows for unit in found) == 20
        assert read(folder, unit_bytes=unit_bytes).documents == wanted


def test_byte_order_mark_is_no_part_of_the_first_document(tmp_path: Path) -> None:
    write(tmp_path / "t" / "a.txt", b"\xef\xbb\xbfText.")
    path = write(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + lines(ROWS[:2]))
    assert read(tmp_path / "t").texts == ["Text."]
    assert read(path).texts == [row["text"] for row in ROWS[:2]]


@pytest.mark.parametrize("name", ["corpus.jsonl.gz", "corpus.jsonl.zst"])
def test_compressed_file_of_several_frames_is_read_to_its_end(name: str, tmp_path: Path) -> None:
    compress = gzip.compress if name.endswith("gz") else zstandard.compress
    path = write(tmp_path / name, b"".join(compress(lines([row])) for row in ROWS))
    assert read(path, id="id").ids == ["a", "b", "c", "d"]


def test_zstd_file_with_a_frame_to_skip_is_read_to_its_end(tmp_path: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
    frames = zstandard.compress(lines(ROWS[:2])) + skipped + zstandard.compress(lines(ROWS[2:]))
    assert read(write(tmp_path / "a.jsonl.zst", frames), id="id").ids == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_parquet_text_of_each_string_type_is_read(kind: pa.DataType, tmp_path: Path) -> None:
    texts = pa.array(["one", "two", "two"]).cast(kind)
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").texts == ["one", "two", "two"]


def test_carried_values_of_any_type_become_text(tmp_path: Path) -> None:
    row = {"text": "x", "number": 3, "share": 0.5, "yes": True, "raw": b"\x01\xff", "list": [1, 2], "none": None}
    path = write_parquet(tmp_path / "a.parquet", [row])
    (document,) = read(path, carry=("number", "share", "yes", "raw", "list", "none")).documents
    assert {name: value for name, value in document.items() if name not in ("doc_id", "text", "source")} == {
        "number": "3",
        "share": "0.5",
        "yes": "True",
        "raw": "01ff",
        "list": "[1, 2]",
        "none": None,
    }


def test_carried_key_that_some_json_lines_lack_is_null_there(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "one"}, {"text": "two", "lang": "en"}])
    assert [document["lang"] for document in read(path, carry=("lang",)).documents] == [None, "en"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_files_behind_an_fsspec_address_are_read(name: str, tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    local = WRITERS[name.replace("a.", "corpus.")](tmp_path / name, ROWS)
    memory.pipe(f"/corpus/part/{name}", local.read_bytes())
    wanted = read(local, id="id").documents
    for address in (f"memory://corpus/part/{name}", "memory://corpus/part", "memory://corpus/part/*"):
        assert read(address, id="id").documents == wanted


def test_text_folder_behind_an_fsspec_address_is_read(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe({"/books/a.txt": b"A", "/books/old/b.txt": b"B"})
    assert read("memory://books").ids == ["a.txt", "old/b.txt"]


def test_saved_dataset_dict_of_one_split_is_read(tmp_path: Path) -> None:
    import datasets

    datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS)}).save_to_disk(str(tmp_path / "d"))
    assert read(tmp_path / "d", id="id").ids == ["a", "b", "c", "d"]


def test_split_folder_of_a_saved_dataset_dict_is_read(tmp_path: Path) -> None:
    import datasets

    splits = {"train": datasets.Dataset.from_list(ROWS[:3]), "test": datasets.Dataset.from_list(ROWS[3:])}
    datasets.DatasetDict(splits).save_to_disk(str(tmp_path / "d"))
    assert read(tmp_path / "d" / "test", id="id").ids == ["d"]


@pytest.mark.parametrize("name", ["web", "science", "code"])
def test_example_corpus_is_read_without_a_reject(name: str) -> None:
    found = read(EXAMPLES / f"{name}.parquet", id="doc_id")
    assert found.rejects == []
    assert len(found.documents) == pq.read_metadata(EXAMPLES / f"{name}.parquet").num_rows
