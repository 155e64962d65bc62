"""Wrong input ends in one message that says where and what to do, or in a reject that says why."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from corpus_files import Rows, lines, read, source, units, write, write_jsonl, write_parquet, write_texts
from pydantic import ValidationError

from atlas.corpus.config import CorpusConfig
from atlas.errors import AtlasError

ROWS = [{"id": str(number), "text": f"Document {number}."} for number in range(40)]


def message(path: Path | str, **settings: Any) -> str:
    """The one message with which a corpus is refused, before or while it is read."""
    with pytest.raises(AtlasError) as raised:
        read(path, **settings)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def content(value: bytes | None) -> Any:
    assert value is not None
    return json.loads(value)


# --- nothing to read


@pytest.mark.parametrize("name", ["nowhere", "nowhere.parquet", "nowhere/*.jsonl", "no[t]here.jsonl"])
def test_missing_path_is_named(name: str, tmp_path: Path) -> None:
    said = message(tmp_path / name)
    assert said == f"{tmp_path / name}: no such file or folder; give a file, a folder, a glob or a URL"


@pytest.mark.parametrize("address", ["memory://nowhere", "memory://nowhere/*.jsonl"])
def test_missing_address_is_named(address: str) -> None:
    assert message(address).startswith(f"{address}: no such file or folder")


def test_unknown_kind_of_address_is_named() -> None:
    assert message("zork://bucket/a.jsonl").startswith("zork://bucket/a.jsonl: no filesystem for this address")


def test_corpus_without_a_path_is_refused() -> None:
    assert message("") == "the corpus has no path; give a file, a folder, a glob or a URL"


@pytest.mark.parametrize("names", [(), ("a.png",), ("a.json", "b.csv"), ("_a.jsonl",)])
def test_folder_without_a_corpus_file_is_told_the_endings(names: tuple[str, ...], tmp_path: Path) -> None:
    folder = write_texts(tmp_path / "c", dict.fromkeys(names, "{}"))
    folder.mkdir(exist_ok=True)
    said = message(folder)
    assert said.startswith(f"{folder}: holds no corpus file; files must end in one of ")
    assert ".jsonl.zst" in said
    assert ".parquet" in said


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r\n  \n\n"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_json_lines_without_a_line_are_an_empty_corpus(name: str, raw: bytes, tmp_path: Path) -> None:
    compress = {"a.jsonl": bytes, "a.jsonl.gz": gzip.compress, "a.jsonl.zst": zstandard.compress}[name]
    path = write(tmp_path / name, compress(raw))
    assert message(path) == f"{path}: the corpus is empty; it has no document"


def test_parquet_without_a_row_is_an_empty_corpus(tmp_path: Path) -> None:
    table = pa.table({"text": pa.array([], pa.string())})
    pq.write_table(table, tmp_path / "none.parquet")
    with pq.ParquetWriter(tmp_path / "group.parquet", table.schema) as writer:
        writer.write_table(table)
    for name in ("none.parquet", "group.parquet"):
        assert message(tmp_path / name) == f"{tmp_path / name}: the corpus is empty; it has no document"


def test_dataset_without_a_row_is_refused_by_name(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_dict({"text": []}).save_to_disk(str(tmp_path / "d"))
    assert message(tmp_path / "d").startswith(f"{tmp_path / 'd'}: ")


def test_empty_file_beside_full_ones_does_no_harm(tmp_path: Path) -> None:
    write(tmp_path / "c" / "a.jsonl", b"")
    write_jsonl(tmp_path / "c" / "b.jsonl", ROWS)
    assert len(read(tmp_path / "c").documents) == len(ROWS)


# --- wrong columns


@pytest.mark.parametrize(
    ("settings", "column", "rest"),
    [
        ({"text": "body"}, "body", "(wanted as the text column); it has 'id', 'text'. Name the right one with --text."),
        ({"id": "key"}, "key", "(wanted as the id column); it has 'id', 'text'. Name the right one with --id."),
        ({"source": "s"}, "s", "(wanted as the source column); it has 'id', 'text'. Name the right one with --source."),
        ({"carry": ("lang",)}, "lang", "to carry; it has 'id', 'text'"),
    ],
)
@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.jsonl.gz", "dataset"])
def test_wrong_column_columnis_refused_with_those_there_are(
    name: str, settings: dict[str, Any], column: str, rest: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if name == "a.parquet":
        write_parquet(path, ROWS)
    elif name == "dataset":
        import datasets

        datasets.Dataset.from_list(ROWS).save_to_disk(str(path))
    else:
        write(path, gzip.compress(lines(ROWS)) if name.endswith("gz") else lines(ROWS))
    assert message(path, **settings) == f"{path}: has no column '{column}' {rest}"


@pytest.mark.parametrize("settings", [{"source": "from"}, {"carry": ("lang",)}])
def test_column_that_text_files_do_not_have_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    folder = write_texts(tmp_path / "t", {"a.txt": "A"})
    assert message(folder, **settings).startswith(f"{folder}: has no column ")


@pytest.mark.parametrize(
    ("carry", "wanted"),
    [
        (("lang", "lang"), "column 'lang' is named twice"),
        (("status",), "column 'status' would take the place of Atlas's own column 'status'; rename yours"),
        (("text",), "column 'text' would take the place"),
        (("doc_id",), "column 'doc_id' would take the place"),
        (("concept_ids",), "column 'concept_ids' would take the place"),
    ],
)
def test_carried_column_that_would_replace_another_is_refused(carry: tuple[str, ...], wanted: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(wanted)):
        CorpusConfig(path="c", carry=carry)


# --- rows that are no documents


def test_null_text_is_rejected(tmp_path: Path) -> None:
    rows = [*ROWS[:3], {"id": "x", "text": None}, *ROWS[3:6]]
    for path in (write_parquet(tmp_path / "a.parquet", rows), write_jsonl(tmp_path / "a.jsonl", rows)):
        found = read(path, id="id")
        assert found.texts == [row["text"] for row in ROWS[:6]]
        (reject,) = found.rejects
        assert (reject.reason, reject.doc_id) == ("null_text", "x")
        assert str(path) in reject.location
        assert content(reject.content) == {"id": "x", "text": None}


def test_text_missing_in_one_json_line_is_rejected(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [ROWS[0], {"id": "x", "body": "?"}, ROWS[1]])
    found = read(path, id="id")
    assert found.ids == ["0", "1"]
    (reject,) = found.rejects
    assert (reject.reason, reject.doc_id, reject.detail) == ("missing_text", "x", "no 'text' in this row")
    assert reject.location == f"{path}, byte {len(lines(ROWS[:1]))}"


@pytest.mark.parametrize(
    ("values", "kind"), [([1, 2], "int"), ([0.5, 1.5], "float"), ([b"a", b"b"], "bytes"), ([["a"], ["b"]], "list")]
)
def test_text_that_is_no_string_is_rejected_with_its_type(values: list[Any], kind: str, tmp_path: Path) -> None:
    found = read(write_parquet(tmp_path / "a.parquet", [{"text": value} for value in values]))
    assert found.documents == []
    assert found.reasons == [(0, "text_not_string"), (1, "text_not_string")]
    assert {reject.detail for reject in found.rejects} == {f"column 'text' holds {kind}, not a string"}


def test_json_text_that_is_no_string_is_rejected(tmp_path: Path) -> None:
    rows: Rows = [{"text": value} for value in (1, True, ["a"], {"a": 1}, "good")]
    found = read(write_jsonl(tmp_path / "a.jsonl", rows))
    assert found.texts == ["good"]
    assert [reject.reason for reject in found.rejects] == ["text_not_string"] * 4
    assert [content(reject.content) for reject in found.rejects] == list(rows[:4])


@pytest.mark.parametrize("rest", [{"id": None}, {}])
def test_null_or_missing_id_is_rejected(rest: dict[str, None], tmp_path: Path) -> None:
    found = read(write_jsonl(tmp_path / "a.jsonl", [ROWS[0], {"text": "no id", **rest}, ROWS[1]]), id="id")
    assert found.ids == ["0", "1"]
    (reject,) = found.rejects
    assert (reject.reason, reject.detail) == ("null_id", "column 'id' is null or missing")


def test_second_document_of_an_id_is_rejected_with_the_row_of_the_first(tmp_path: Path) -> None:
    rows = [*ROWS[:4], {"id": "2", "text": "Another."}, *ROWS[4:6]]
    for settings in ({}, {"batch_bytes": 1}):
        found = read(write_parquet(tmp_path / "a.parquet", rows), id="id", **settings)
        assert found.ids == ["0", "1", "2", "3", "4", "5"]
        (reject,) = found.rejects
        assert (reject.row, reject.reason, reject.doc_id) == (4, "duplicate_id", "2")
        assert reject.detail == "'2' is the id of row 2 too; ids must be unique"


def test_ids_that_are_the_same_text_are_duplicates(tmp_path: Path) -> None:
    found = read(write_jsonl(tmp_path / "a.jsonl", [{"id": 1, "text": "a"}, {"id": "1", "text": "b"}]), id="id")
    assert found.ids == ["1"]
    assert [reject.reason for reject in found.rejects] == ["duplicate_id"]


@pytest.mark.parametrize("column", ["text", "id", "source", "lang"])
def test_lone_surrogate_in_any_used_column_is_rejected(column: str, tmp_path: Path) -> None:
    bad = {"id": "x", "text": "x", "source": "x", "lang": "x"} | {column: "ab\ud800"}
    good = {"id": "y", "text": "pair \U0001f600", "source": "y", "lang": "y"}
    path = write(tmp_path / "a.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in (bad, good)))
    found = read(path, id="id", carry=("lang",))
    assert found.texts == ["pair \U0001f600"]
    (reject,) = found.rejects
    assert (reject.row, reject.reason) == (0, "not_unicode")
    assert reject.detail == f"lone surrogate at character 2 of column '{column}'"
    assert content(reject.content) == bad
    assert (reject.doc_id or "").encode()


def test_lone_surrogate_in_an_unused_column_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", b'{"text": "x", "other": "\\ud800"}\n')
    assert read(path).texts == ["x"]


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (b'{"text": "caf\xe9"}', "not UTF-8: byte 0xe9 at position 13 of the line"),
        (b"\xff\xfe{}", "not UTF-8: byte 0xff at position 0 of the line"),
        (b'{"text": "cut of', "not JSON: "),
        (b"text", "not JSON: "),
        (b"{'text': 'x'}", "not JSON: "),
        (b'{"text": "a"} {"text": "b"}', "not JSON: Extra data"),
        (b'["text"]', "holds a JSON list, not an object"),
        (b'"text"', "holds a JSON str, not an object"),
        (b"12", "holds a JSON int, not an object"),
        (b"null", "holds a JSON NoneType, not an object"),
        (b"[" * 200_000, "not JSON: nested too deeply"),
        (b'{"text": ' + b"1" * 5000 + b"}", "not JSON: "),
        (b"\x00\x00", "not JSON: "),
    ],
    ids="latin-1 utf-16 cut-off word quotes two list string number null deep huge nul".split(),
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_line_that_is_no_json_object_is_rejected_whole(name: str, line: bytes, detail: str, tmp_path: Path) -> None:
    raw = lines(ROWS[:2]) + line + b"\n" + lines(ROWS[2:4])
    compress = {"a.jsonl": bytes, "a.jsonl.gz": gzip.compress, "a.jsonl.zst": zstandard.compress}[name]
    path = write(tmp_path / name, compress(raw))
    found = read(path, id="id")
    assert found.ids == ["0", "1", "2", "3"]
    (reject,) = found.rejects
    assert (reject.reason, reject.content) == ("unreadable", line + b"\n")
    assert reject.detail.startswith(detail)
    where = f"byte {len(lines(ROWS[:2]))}" if name == "a.jsonl" else "line 3"
    assert reject.location == f"{path}, {where}"


def test_text_file_that_is_not_utf8_is_rejected_with_its_bytes(tmp_path: Path) -> None:
    folder = write_texts(tmp_path / "t", {"a.txt": "A", "c.txt": "C"})
    write(folder / "b.txt", "blåbær".encode("latin-1"))
    found = read(folder)
    assert found.ids == ["a.txt", "c.txt"]
    (reject,) = found.rejects
    assert (reject.row, reject.reason, reject.content) == (1, "unreadable", "blåbær".encode("latin-1"))
    assert reject.location == str(folder / "b.txt")
    assert reject.detail == "not UTF-8 (byte 2); save it as UTF-8"


def test_file_columnthat_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    try:
        Path(bytes(tmp_path).decode() + "/c").mkdir()
        with open(bytes(tmp_path) + b"/c/b\xff.txt", "wb") as file:  # noqa: PTH123 (a Path holds no bytes)
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert r"holds a file whose name is not UTF-8 (b'" in message(tmp_path / "c")
    assert r"b\xff.txt'); rename it" in message(tmp_path / "c")


# --- damaged files


def test_parquet_cut_off_is_refused_by_name(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", ROWS)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said = message(path)
    assert said.startswith(f"{path}: not a readable Parquet file")
    assert said.endswith("It may be cut off: write it again, or take it out of the corpus.")


@pytest.mark.parametrize("raw", [b"", b"PAR1", b"not parquet at all"])
def test_file_that_is_no_parquet_is_refused_by_name(raw: bytes, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", raw)
    assert message(path).startswith(f"{path}: not a readable Parquet file")


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "none"])
@pytest.mark.parametrize("unit_bytes", [1, 1 << 20])
def test_rows_of_a_damaged_row_group_are_rejected_and_others_kept(
    compression: str, unit_bytes: int, tmp_path: Path
) -> None:
    path = write_parquet(tmp_path / "a.parquet", ROWS, 10, compression=compression, write_page_checksum=True)
    column = pq.read_metadata(path).row_group(2).column(1)
    raw = bytearray(path.read_bytes())
    end = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size
    raw[end - 20 : end] = b"\xff" * 20
    path.write_bytes(raw)
    found = read(path, id="id", unit_bytes=unit_bytes)
    assert found.ids == [row["id"] for row in ROWS if not 20 <= int(row["id"]) < 30]
    assert found.reasons == [(row, "unreadable") for row in range(20, 30)]
    assert found.rejects[0].detail.startswith("row group 2 is damaged: ")
    assert found.rejects[0].location == f"{path}, row 20"
    assert len(found.documents) + len(found.rejects) == len(ROWS)


def test_parquet_text_that_is_not_utf8_is_rejected_with_its_bytes(tmp_path: Path) -> None:
    raw = pa.array([b"good", b"caf\xe9", "漢字".encode()])
    texts = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert (found.texts, found.rows) == (["good", "漢字"], [0, 2])
    (reject,) = found.rejects
    assert (reject.row, reject.reason, reject.content) == (1, "unreadable", b"caf\xe9")


def test_carried_date_that_python_has_none_of_is_rejected(tmp_path: Path) -> None:
    days = pa.array([1, 2**62], pa.timestamp("us"))
    pq.write_table(pa.table({"text": ["a", "b"], "day": days}), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", carry=("day",))
    assert found.texts == ["a"]
    assert found.reasons == [(1, "unreadable")]


@pytest.mark.parametrize("kept", [0.2, 0.9, 0.999])
@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_compressed_file_cut_off_is_read_so_far_and_its_rest_is_one_reject(
    name: str, kept: float, tmp_path: Path
) -> None:
    compress = gzip.compress if name.endswith("gz") else zstandard.compress
    texts = [f"{number**9:x} " * 3 for number in range(20_000)]
    whole = compress(lines([{"text": text} for text in texts]))
    found = read(write(tmp_path / name, whole[: int(len(whole) * kept)]))
    assert found.texts == texts[: len(found.texts)]
    assert found.reasons == [(len(found.texts), "unreadable")]
    (reject,) = found.rejects
    assert reject.detail.startswith("compressed data breaks off or is damaged (")
    assert reject.detail.endswith("; write the file again")


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_compressed_file_damaged_inside_ends_in_one_reject(name: str, tmp_path: Path) -> None:
    checked = zstandard.ZstdCompressor(write_checksum=True)  # as the zstd program does
    compress = gzip.compress if name.endswith("gz") else checked.compress
    raw = bytearray(compress(lines([{"text": f"{number**9:x} " * 3} for number in range(20_000)])))
    raw[len(raw) // 2 : len(raw) // 2 + 200] = b"\xff" * 200
    found = read(write(tmp_path / name, bytes(raw)))
    assert "compressed data breaks off or is damaged (" in found.rejects[-1].detail


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_file_that_is_not_compressed_as_its_name_says_is_one_reject(name: str, tmp_path: Path) -> None:
    found = read(write(tmp_path / name, lines(ROWS)))
    assert (found.texts, found.reasons) == ([], [(0, "unreadable")])


def test_parquet_that_is_none_beside_one_that_is_one_is_one_reject(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", ROWS)
    write(tmp_path / "b.parquet", b"<html>503 Slow Down</html>")
    found = read(tmp_path)
    assert len(found.texts) == len(ROWS)
    assert found.reasons == [(0, "unreadable")]


def test_saved_dataset_of_several_splits_is_refused_with_their_names(tmp_path: Path) -> None:
    import datasets

    rows = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": rows, "test": rows}).save_to_disk(str(tmp_path / "d"))
    said = message(tmp_path / "d")
    assert said == f"{tmp_path / 'd'}: has splits train, test; point at one (a sub-folder, or hf:NAME:SPLIT)"


def test_saved_dataset_with_a_file_missing_is_refused_by_name(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "d"))
    for part in (tmp_path / "d").glob("*.arrow"):
        part.unlink()
    with pytest.raises(AtlasError, match="Hugging Face datasets can't load it"):
        units(tmp_path / "d")


def test_every_row_of_a_bad_file_is_a_document_or_a_reject(tmp_path: Path) -> None:
    good = lines(ROWS)
    bad = b'{"text": 1}\n\xff\n[]\n{"id": "0", "text": "again"}\n{"text": null}\n{\n'
    path = write(tmp_path / "a.jsonl", good[: len(good) // 2].rpartition(b"\n")[0] + b"\n" + bad)
    total = path.read_bytes().count(b"\n")
    for unit_bytes in (7, 100, 1 << 20):
        corpus = source(path, unit_bytes=unit_bytes)
        batches = [batch for unit in corpus.units() for batch in corpus.read(unit)]
        assert sum(batch.documents.num_rows + len(batch.rejects) for batch in batches) == total
