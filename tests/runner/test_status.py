"""Looking at a run, live or dead, tells how far it is and what is wrong, and touches nothing."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from run_files import Write, everything, part, run_over, source_of
from stages_with_faults import MARK, Raises, small_chunks

from atlas.errors import AtlasError
from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.inspect import Status, status
from atlas.runner.run import run

STAGE = small_chunks()


def _status(out: Path, *, verify: bool = False) -> Status:
    return status(RunFolder.at(out), verify=verify)


@pytest.fixture
def finished(write_corpus: Write, tmp_path: Path) -> tuple[Path, Path]:
    """A corpus of four files and its finished run, with one record in quarantine."""
    corpus, out = write_corpus(text={"2-1": MARK}), tmp_path / "out"
    assert run_over(Raises(), corpus, out).balanced
    return corpus, out


def test_finished_run_is_complete_and_says_what_the_run_said(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    before = everything(out)
    found = _status(out, verify=True)
    assert found.complete
    assert (found.stage, found.corpus) == ("chunk", str(corpus))
    assert (found.parts, found.units, found.damaged, found.problems) == (4, 4, (), ())
    assert found.counts == run_over(Raises(), corpus, out).counts
    assert found.reasons == {"processing": 1}
    assert everything(out) == before


def test_live_run_is_incomplete_and_counts_the_parts_that_are_there(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    seen: list[Status] = []
    run(STAGE, source_of(corpus), out, str(corpus), {}, watch=lambda *_: seen.append(_status(out)))
    assert [found.parts for found in seen] == [1, 2, 3, 4]
    assert [found.counts.records_in for found in seen] == [6, 12, 18, 24]
    assert all(found.units is None and not found.complete for found in seen)
    assert _status(out).complete


def test_run_that_goes_on_after_a_change_is_incomplete_until_its_end(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    seen: list[bool] = []
    run(
        STAGE, source_of(corpus, source="id"), out, str(corpus), {}, watch=lambda *_: seen.append(_status(out).complete)
    )
    assert seen == [False] * 4
    assert _status(out).complete


def test_killed_run_is_incomplete(finished: tuple[Path, Path]) -> None:
    _, out = finished
    (out / SUMMARY).unlink()
    found = _status(out)
    assert not found.complete
    assert (found.parts, found.units) == (4, None)


def test_removed_part_makes_the_run_incomplete(finished: tuple[Path, Path]) -> None:
    _, out = finished
    part(out, "0.jsonl").unlink()
    found = _status(out)
    assert not found.complete
    assert (found.parts, found.units, found.counts.records_in) == (3, 4, 18)


def test_truncated_part_is_named(finished: tuple[Path, Path]) -> None:
    _, out = finished
    torn = part(out, "0.jsonl")
    torn.write_bytes(torn.read_bytes()[:-20])
    found = _status(out)
    assert found.damaged == (str(torn),)
    assert not found.complete


def test_any_flipped_byte_of_the_data_is_found_by_verify(finished: tuple[Path, Path]) -> None:
    _, out = finished
    file = part(out, "0.jsonl")
    whole = file.read_bytes()
    group = pq.read_metadata(file).row_group(0)
    ends = [
        (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size
        for column in (group.column(index) for index in range(group.num_columns))
    ]
    for end in ends:
        damaged = bytearray(whole)
        damaged[end - 3] ^= 0x10
        file.write_bytes(damaged)
        assert _status(out, verify=True).damaged == (str(file),)
    file.write_bytes(whole)
    assert _status(out, verify=True).complete


@pytest.mark.parametrize("damage", ["deleted", "truncated"])
def test_lost_quarantine_is_named(finished: tuple[Path, Path], damage: str) -> None:
    _, out = finished
    (kept,) = (out / "quarantine").iterdir()
    if damage == "deleted":
        kept.unlink()
    else:
        kept.write_bytes(kept.read_bytes()[:100])
    found = _status(out)
    assert found.damaged == (str(kept),)
    assert not found.complete


def test_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="holds no run"):
        _status(tmp_path)
