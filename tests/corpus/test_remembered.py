"""Units of files that were planned before: remembered where nothing changed, and nowhere else."""

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from corpus_files import lines, source, write_jsonl, write_parquet

from atlas.corpus import remembered as corpus_remembered
from atlas.corpus.remembered import Remembered
from atlas.corpus.units import Unit
from atlas.runner import inputs
from atlas.runner.folder import RunFolder
from atlas.runner.inputs import CACHE, remember, remembered

ROWS = [{"id": str(number), "text": f"Text number {number}."} for number in range(40)]


@pytest.fixture(autouse=True)
def keep_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few files there are, and however recent."""
    monkeypatch.setattr(corpus_remembered, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(inputs, "WORTH_KEEPING_FILES", 1)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A file of each format that is cut in units, and an empty one."""
    folder = tmp_path / "corpus"
    write_jsonl(folder / "a.jsonl", ROWS[:20])
    write_parquet(folder / "b.parquet", ROWS[20:], group=5)
    write_jsonl(folder / "c.jsonl", [])
    return folder


def _planned(corpus: Path, known: Remembered, **settings: object) -> list[Unit]:
    return source(corpus, **{"id": "id", "unit_bytes": 300, **settings}).units(known)


def _kept(known: Remembered, tmp_path: Path) -> Remembered:
    """As the next start finds it."""
    folder = RunFolder.at(tmp_path / "run")
    (tmp_path / "run").mkdir(exist_ok=True)
    remember(folder, known)
    return remembered(folder)


def test_files_that_did_not_change_are_not_planned_again(corpus: Path, tmp_path: Path) -> None:
    known = Remembered()
    units = _planned(corpus, known)
    assert len(units) > 4
    assert known.files == 3
    again = _kept(known, tmp_path)
    assert _planned(corpus, again) == units
    assert again.files == 0
    assert units == _planned(corpus, Remembered())


def test_content_changed_to_the_same_size_and_time_is_noticed(corpus: Path, tmp_path: Path) -> None:
    known = Remembered()
    before = _planned(corpus, known)
    file = corpus / "a.jsonl"
    stat = file.stat()
    file.write_bytes(file.read_bytes().replace(b"Text number", b"text number"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    again = _kept(known, tmp_path)
    after = _planned(corpus, again)
    assert again.files == 1
    assert after == _planned(corpus, Remembered())
    assert {unit.label for unit in set(before) - set(after)} == {"a.jsonl"}


def test_file_in_the_place_of_another_is_noticed(corpus: Path, tmp_path: Path) -> None:
    known = Remembered()
    _planned(corpus, known)
    file, other = corpus / "a.jsonl", tmp_path / "other.jsonl"
    other.write_bytes(lines(reversed(ROWS[:20])))
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    assert _planned(corpus, _kept(known, tmp_path)) == _planned(corpus, Remembered())


@pytest.mark.parametrize("changed", [{"unit_bytes": 100}, {"text": "id"}, {"carry": ("id",)}, {"id": None}])
def test_settings_that_units_depend_on_are_noticed(corpus: Path, tmp_path: Path, changed: dict[str, object]) -> None:
    known = Remembered()
    _planned(corpus, known)
    again = _kept(known, tmp_path)
    assert _planned(corpus, again, **changed) == _planned(corpus, Remembered(), **changed)
    assert again.files == 3


def test_wrong_column_is_an_error_though_the_file_is_known(corpus: Path, tmp_path: Path) -> None:
    known = Remembered()
    _planned(corpus, known)
    with pytest.raises(Exception, match="body"):
        _planned(corpus, _kept(known, tmp_path), text="body")


def test_added_renamed_and_deleted_files_are_noticed(corpus: Path, tmp_path: Path) -> None:
    known = Remembered()
    _planned(corpus, known)
    (corpus / "a.jsonl").rename(corpus / "z.jsonl")
    (corpus / "b.parquet").unlink()
    write_jsonl(corpus / "n.jsonl", ROWS[:3])
    assert _planned(corpus, _kept(known, tmp_path)) == _planned(corpus, Remembered())


@pytest.mark.parametrize("content", [b"", b"PAR1 torn"])
def test_damaged_cache_is_passed_over(corpus: Path, tmp_path: Path, content: bytes) -> None:
    known = Remembered()
    units = _planned(corpus, known)
    _kept(known, tmp_path)
    (tmp_path / "run" / CACHE).write_bytes(content)
    assert _planned(corpus, remembered(RunFolder.at(tmp_path / "run"))) == units


def test_cache_of_another_shape_is_passed_over(corpus: Path, tmp_path: Path) -> None:
    known = Remembered()
    units = _planned(corpus, known)
    _kept(known, tmp_path)
    pq.write_table(pq.read_table(tmp_path / "run" / CACHE).drop_columns(["stamp"]), tmp_path / "run" / CACHE)
    assert _planned(corpus, remembered(RunFolder.at(tmp_path / "run"))) == units


def test_file_that_may_change_within_its_tick_of_time_is_not_kept(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_remembered, "SETTLED_SECONDS", 3600.0)
    known = Remembered()
    _planned(corpus, known)
    assert (known.files, len(known.new)) == (0, 0)


def test_few_files_are_not_worth_a_cache(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "WORTH_KEEPING_FILES", 500)
    known = Remembered()
    _planned(corpus, known)
    _kept(known, tmp_path)
    assert not (tmp_path / "run" / CACHE).exists()
