"""Which files make a corpus, and what they are called."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from corpus_files import read, units, write_jsonl, write_parquet, write_texts

from atlas.corpus.files import find, format_of
from atlas.errors import AtlasError


def labels(url: Path | str) -> list[str]:
    return [file.label for file in find(str(url))[1]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    names = ("b.jsonl", "a.jsonl", "x/a.jsonl", "x/y/a.jsonl", "x/b.jsonl", "z.log")
    return write_texts(tmp_path / "tree", {name: f'{{"text": "{name}"}}\n' for name in names})


@pytest.fixture
def remote_tree(tree: Path) -> Iterator[str]:
    memory = fsspec.filesystem("memory")
    for path in tree.rglob("*.*"):
        memory.pipe(f"/tree/{path.relative_to(tree)}", path.read_bytes())
    yield "memory://tree"
    memory.rm("/tree", recursive=True)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.parquet", "parquet"),
        ("A.PARQUET", "parquet"),
        ("folder.parquet/a.jsonl", "jsonl"),
        ("a.b.jsonl.gz", "jsonl.gz"),
        ("a.json.zst", "jsonl.zst"),
        ("a.txt", "text"),
        ("a.json", None),
        ("a.gz", None),
        ("parquet", None),
    ],
)
def test_format_is_told_by_the_ending(name: str, wanted: str | None) -> None:
    assert format_of(name) == wanted


def test_folder_is_searched_to_the_bottom_in_name_order(tree: Path) -> None:
    assert labels(tree) == ["a.jsonl", "b.jsonl", "x/a.jsonl", "x/b.jsonl", "x/y/a.jsonl"]


def test_files_are_in_the_order_of_their_paths_whatever_folders_they_are_in(tmp_path: Path) -> None:
    names = ("a.jsonl", "a/x.jsonl", "a-b.jsonl", "a0/x.jsonl", "Z/x.jsonl", "a/.b/x.jsonl", ".c/x.jsonl", "_d/x.jsonl")
    tree = write_texts(tmp_path / "tree", dict.fromkeys(names, '{"text": "x"}\n'))
    (tree / "link").symlink_to(tree / "a")
    (tree / "nowhere.jsonl").symlink_to(tree / "gone")
    assert labels(tree) == ["Z/x.jsonl", "a-b.jsonl", "a.jsonl", "a/x.jsonl", "a0/x.jsonl", "link/x.jsonl"]


def test_ids_of_nested_files_are_relative_path_and_row(tree: Path) -> None:
    found = read(tree)
    assert found.ids == [f"{label}#0" for label in labels(tree)]
    assert len({unit.name for unit in units(tree)}) == 5


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("*/*.jsonl", ["x/a.jsonl", "x/b.jsonl"]),
        ("**/a.jsonl", ["a.jsonl", "x/a.jsonl", "x/y/a.jsonl"]),
        ("**/*.jsonl", ["a.jsonl", "b.jsonl", "x/a.jsonl", "x/b.jsonl", "x/y/a.jsonl"]),
        ("x/[!a].jsonl", ["b.jsonl"]),
        ("?.jsonl", ["a.jsonl", "b.jsonl"]),
    ],
)
def test_glob_means_the_same_on_local_and_remote_files(
    pattern: str, wanted: list[str], tree: Path, remote_tree: str
) -> None:
    assert labels(f"{tree}/{pattern}") == wanted
    assert labels(f"{remote_tree}/{pattern}") == wanted


@pytest.mark.parametrize("suffix", ["", "/x", "/x/y/a.jsonl", "/*/b.jsonl"])
def test_new_file_elsewhere_in_the_corpus_leaves_the_labels_of_others(suffix: str, tree: Path) -> None:
    before = labels(f"{tree}{suffix}")
    write_jsonl(tree / "new" / "b.jsonl", [{"text": "new"}])
    write_jsonl(tree / "x" / "new" / "b.jsonl", [{"text": "new"}])
    assert set(before) <= set(labels(f"{tree}{suffix}"))


def test_only_file_of_a_subfolder_is_called_by_its_whole_relative_path(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "c" / "sub" / "a.jsonl", [{"text": "x"}])
    assert labels(tmp_path / "c") == ["sub/a.jsonl"]


def test_hidden_and_unfinished_files_and_folders_are_passed_over(tree: Path) -> None:
    hidden = (".hidden.jsonl", "_SUCCESS.jsonl", ".git/a.jsonl", "_temporary/0/a.jsonl", ".tmp-1-a.jsonl")
    before = labels(tree)
    write_texts(tree, dict.fromkeys(hidden, "{}"))
    assert labels(tree) == before


def test_corpus_below_a_hidden_folder_is_found(tmp_path: Path) -> None:
    write_jsonl(tmp_path / ".cache" / "corpus" / "a.jsonl", [{"text": "x"}])
    assert labels(tmp_path / ".cache" / "corpus") == ["a.jsonl"]


@pytest.mark.parametrize("name", ["_hidden.jsonl", ".hidden.jsonl", "a[1].jsonl", "what?.jsonl", "å b.jsonl"])
def test_file_named_in_full_is_found_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / name, [{"text": "x"}])
    assert labels(path) == [name]
    assert read(path).texts == ["x"]


def test_text_files_beside_structured_ones_are_no_documents(tmp_path: Path) -> None:
    write_parquet(tmp_path / "c" / "a.parquet", [{"text": "x"}])
    write_texts(tmp_path / "c", {"README.md": "About this corpus."})
    assert read(tmp_path / "c").texts == ["x"]


def test_files_whose_parts_would_have_one_name_are_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "c" / "x" / "a.jsonl", [{"text": "x"}])
    write_jsonl(tmp_path / "c" / "x_a.jsonl", [{"text": "x"}])
    with pytest.raises(AtlasError, match=r"x_a\.jsonl and .*x/a\.jsonl would both be written as .*; rename one"):
        units(tmp_path / "c")
