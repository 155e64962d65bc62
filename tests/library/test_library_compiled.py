"""The compiled library is quick, never stale, and may be missing, damaged or foreign."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from test_library_store import SMALL, libraries

from atlas.library import compiled, read, store
from atlas.library.compiled import Part
from atlas.library.concept import Concept, Library


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small library that is compiled as if it were big."""
    monkeypatch.setattr(compiled, "LEAST_BYTES", 0)
    store.save(SMALL, tmp_path)
    return tmp_path


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are parsed as YAML from now on."""
    texts: list[str] = []
    entries = read.entries

    def noted(text: str, *more: object) -> object:
        texts.append(text)
        return entries(text, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(read, "entries", noted)
    return texts


def parquet(folder: Path) -> Path:
    return folder / compiled.FOLDER / compiled.NAME


def test_library_that_was_saved_is_loaded_without_parsing(folder: Path, parsed: list[str]) -> None:
    assert store.load(folder) == SMALL
    assert store.load(folder).digest == SMALL.digest
    assert parsed == []


def test_places_are_those_of_the_text(folder: Path) -> None:
    where = store.read(folder).where
    parquet(folder).unlink()
    assert store.read(folder).where == where


def test_only_the_file_that_changed_is_parsed(folder: Path, parsed: list[str]) -> None:
    path = folder / "tone.yaml"
    text = path.read_text().replace("name: Calm", "name: Cool")
    times = path.stat()
    path.write_text(text)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # same size, same time
    assert store.load(folder).by_id[5].name == "Cool"
    assert parsed == [text]
    assert store.load(folder).by_id[5].name == "Cool"
    assert parsed == [text]


def test_files_that_came_went_or_were_renamed_are_noticed(folder: Path) -> None:
    (folder / "tone.yaml").rename(folder / "mine.yaml")
    assert store.load(folder) == SMALL
    assert store.read(folder).where[5].path.name == "mine.yaml"
    (folder / "mine.yaml").unlink()
    assert 5 not in store.load(folder).by_id


def test_library_with_mistakes_is_not_compiled(folder: Path) -> None:
    before = parquet(folder).read_bytes()
    path = folder / "tone.yaml"
    path.write_text(path.read_text().replace("facet: tone", "facet: mood"))
    for _ in range(2):
        with pytest.raises(read.LibraryError):
            store.load(folder)
    assert parquet(folder).read_bytes() == before


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _foreign(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["question"]), path)


def _other_version(path: Path) -> None:
    table = pq.read_table(path)
    note = table.schema.metadata[b"atlas_library"].replace(b'"version": "', b'"version": "0')
    pq.write_table(table.replace_schema_metadata({b"atlas_library": note}), path)


@pytest.mark.parametrize("damage", [_cut, _flip, _empty, _foreign, _other_version, Path.unlink])
def test_damaged_or_foreign_file_is_passed_over_and_written_anew(
    damage: Callable[[Path], None], folder: Path, parsed: list[str]
) -> None:
    good = parquet(folder).read_bytes()
    damage(parquet(folder))
    assert store.load(folder) == SMALL
    assert len(parsed) == 4
    assert store.load(folder) == SMALL
    assert len(parsed) == 4
    assert len(parquet(folder).read_bytes()) == len(good)


def test_folder_that_cannot_be_written_is_loaded_all_the_same(folder: Path) -> None:
    parquet(folder).unlink()
    (folder / compiled.FOLDER / ".gitignore").unlink()
    (folder / compiled.FOLDER).rmdir()
    (folder / compiled.FOLDER).write_text("a file where the folder would be")  # root may write into any folder
    assert store.load(folder) == SMALL


def test_git_is_told_to_ignore_it(folder: Path) -> None:
    assert (folder / compiled.FOLDER / ".gitignore").read_text() == "*\n"


def test_small_library_leaves_no_file_beside_it(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    store.load(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".yaml"}


def test_members_keep_the_order_of_the_file(folder: Path) -> None:
    concept = Concept(3, "tone", "Dry", "Plain.", members={"a": 1, "b": 9, "c": 5})
    store.save(Library((*SMALL.concepts[:2], concept, *SMALL.concepts[2:])), folder)
    path = folder / "tone.yaml"
    path.write_text(
        path.read_text().replace("      b: 9\n      c: 5\n      a: 1\n", "      a: 1\n      b: 9\n      c: 5\n")
    )
    assert [list(store.load(folder).by_id[3].members) for _ in range(2)] == [["a", "b", "c"]] * 2
    store.save(replace(store.load(folder), concepts=store.load(folder).concepts), folder)
    assert list(store.load(folder).by_id[3].members) == ["a", "b", "c"]


@settings(max_examples=60, deadline=None)
@given(library=libraries)
def test_any_library_is_compiled_as_it_is(library: Library) -> None:
    part = Part("digest", library.concepts, range(1, len(library.concepts) + 1))
    again = compiled._parts(compiled._table({"a.yaml": part}), [["a.yaml", "digest"]])["a.yaml"]
    assert tuple(again.concepts) == library.concepts
    assert list(again.lines) == list(part.lines)
    assert [list(c.members) for c in again.concepts] == [list(c.members) for c in library.concepts]
