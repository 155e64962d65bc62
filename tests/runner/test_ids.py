"""Ids that are in two parts are found though most parts are not read again: the cache is right or passed over."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from run_files import Write, contents, part, run_over
from stages_with_faults import small_chunks

from atlas.runner import ids, repeats
from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.ids import CACHE

STAGE = small_chunks()
UNITS = 6


@pytest.fixture(autouse=True)
def keep_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few parts there are, and however recent."""
    monkeypatch.setattr(ids, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(ids, "WORTH_KEEPING", 1)


@pytest.fixture
def ended(write_corpus: Write, tmp_path: Path) -> tuple[Path, Path]:
    corpus, out = write_corpus(files=UNITS, documents=3), tmp_path / "out"
    assert run_over(STAGE, corpus, out).sound
    return corpus, out


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the parts whose ids are read, in the order in which they are."""
    names: list[str] = []
    before = ids.records

    def records(folder: RunFolder, name: str) -> object:
        names.append(name)
        return before(folder, name)

    monkeypatch.setattr(ids, "records", records)
    monkeypatch.setattr(repeats, "records", records)
    return names


def _add(corpus: Path, file: str, doc_id: str) -> None:
    with (corpus / file).open("a") as lines:
        lines.write(f'{{"id": "{doc_id}", "text": "once more"}}\n')


def test_only_the_part_that_changed_is_read(ended: tuple[Path, Path], read: list[str]) -> None:
    corpus, out = ended
    _add(corpus, "3.jsonl", "new")
    assert run_over(STAGE, corpus, out).sound
    assert read == [part(out, "3.").name]


def test_id_of_a_part_that_is_not_read_again_is_found_twice(ended: tuple[Path, Path], read: list[str]) -> None:
    corpus, out = ended
    _add(corpus, "3.jsonl", "1-2")
    (problem,) = run_over(STAGE, corpus, out).duplicates
    assert problem == f"'1-2' in {part(out, '1.').name} and {part(out, '3.').name}"
    assert sorted(set(read)) == [part(out, "1.").name, part(out, "3.").name]  # those in which it is, to be sure
    assert run_over(STAGE, corpus, out).duplicates == (problem,)


def test_ids_of_parts_that_changed_or_are_gone_are_forgotten(ended: tuple[Path, Path]) -> None:
    corpus, out = ended
    lines = (corpus / "1.jsonl").read_text().splitlines(keepends=True)
    (corpus / "1.jsonl").write_text(lines[0])
    part(out, "2.").unlink()
    (corpus / "2.jsonl").unlink()
    _add(corpus, "3.jsonl", "1-2")
    _add(corpus, "4.jsonl", "2-0")
    assert run_over(STAGE, corpus, out).sound


@pytest.mark.parametrize("content", [b"", b"PAR1 torn", None, "half"], ids=["empty", "torn", "another table", "half"])
def test_damaged_cache_is_passed_over_and_made_anew(
    ended: tuple[Path, Path], read: list[str], content: bytes | str | None
) -> None:
    corpus, out = ended
    whole = (out / CACHE).read_bytes()
    if content is None:
        (out / CACHE).write_bytes(part(out, "0.").read_bytes())
    elif isinstance(content, str):
        (out / CACHE).write_bytes(whole[: len(whole) // 2])
    else:
        (out / CACHE).write_bytes(content)
    _add(corpus, "3.jsonl", "1-2")
    assert len(run_over(STAGE, corpus, out).duplicates) == 1
    assert pq.read_metadata(out / CACHE).num_rows == UNITS
    assert {*read} == {*contents(out)}


def test_damage_within_the_cache_is_noticed(ended: tuple[Path, Path]) -> None:
    corpus, out = ended
    first = pq.read_metadata(out / CACHE).row_group(0).column(3)
    whole = bytearray((out / CACHE).read_bytes())
    whole[first.data_page_offset + first.total_compressed_size - 3] ^= 0x10
    (out / CACHE).write_bytes(whole)
    _add(corpus, "3.jsonl", "1-2")
    assert len(run_over(STAGE, corpus, out).duplicates) == 1


def test_part_in_the_place_of_another_is_read_again(ended: tuple[Path, Path], read: list[str]) -> None:
    corpus, out = ended
    os.utime(part(out, "5."))
    (out / SUMMARY).unlink()
    assert run_over(STAGE, corpus, out).sound
    assert read == [part(out, "5.").name]


def test_part_that_may_change_within_its_tick_of_time_is_read_again(
    ended: tuple[Path, Path], read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, out = ended
    (out / CACHE).unlink()
    monkeypatch.setattr(ids, "SETTLED_SECONDS", 3600.0)
    for _ in range(2):
        (out / SUMMARY).unlink()
        assert run_over(STAGE, corpus, out).sound
    assert len(read) == 2 * UNITS


def test_two_ids_of_one_hash_are_no_repeat(ended: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, out = ended

    def alike(rows: pa.RecordBatch) -> np.ndarray:
        return np.full(rows.num_rows, 7, np.uint64)

    monkeypatch.setattr(ids, "hashes", alike)
    monkeypatch.setattr(repeats, "hashes", alike)
    (out / CACHE).unlink()
    (out / SUMMARY).unlink()
    assert run_over(STAGE, corpus, out).sound


@pytest.mark.parametrize(("held", "many"), [(16, 1 << 20), (1 << 20, 1), (16, 1)], ids=["piles", "many", "both"])
def test_ids_that_do_not_fit_in_memory(
    ended: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, held: int, many: int
) -> None:
    corpus, out = ended
    monkeypatch.setattr(repeats, "HELD", held)
    monkeypatch.setattr(repeats, "MANY", many)
    assert run_over(STAGE, corpus, out).sound
    for doc_id in ("1-2", "0-0", "5-1"):
        _add(corpus, "3.jsonl", doc_id)
    assert [line.split()[0] for line in run_over(STAGE, corpus, out).duplicates] == ["'0-0'", "'1-2'", "'5-1'"]


def test_few_parts_are_not_worth_a_cache(write_corpus: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "WORTH_KEEPING", 1_000)
    assert run_over(STAGE, write_corpus(), tmp_path / "out").sound
    assert not (tmp_path / "out" / CACHE).exists()
