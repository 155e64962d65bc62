"""Records that can't be processed wait in quarantine; retry brings back those that can be by then."""

import json
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from run_files import Write, contents, counted_in_parts, documents_in_parts, part, run_over, source_of, times
from stages_with_faults import MARK, Raises, small_chunks

from atlas.runner.folder import RETRY_ENDING, RunFolder
from atlas.runner.inspect import quarantined, status
from atlas.runner.part import PROCESSING
from atlas.runner.retry import Retried, retry

COUNTED = ("records_out", "empty", "rows", "tokens", "quarantined")
TEXT = f"Über alles: {MARK} und \u2028 dann weiter."


@pytest.fixture
def cause(tmp_path: Path) -> Path:
    """As long as this file is there, marked records can't be processed."""
    file = tmp_path / "cause"
    file.touch()
    return file


@pytest.fixture
def ended(write_corpus: Write, tmp_path: Path, cause: Path) -> tuple[Path, Path, Raises]:
    """Corpus, run and stage; of the 24 documents three in two units were quarantined."""
    corpus, out = write_corpus(text={"1-2": TEXT, "1-5": MARK, "3-0": MARK}), tmp_path / "out"
    stage = Raises(cause=str(cause))
    result = run_over(stage, corpus, out, carry=("id",))
    assert result.balanced
    assert result.counts.quarantined == 3
    return corpus, out, stage


def _retry(stage: Raises, corpus: Path, out: Path) -> Retried:
    return retry(stage, source_of(corpus, carry=("id",)), RunFolder.at(out))


def _assert_balanced(out: Path, documents_out: int, waiting: int) -> None:
    counts = status(RunFolder.at(out)).counts
    assert (counts.records_in, counts.records_out, counts.quarantined) == (24, documents_out, waiting)
    assert counted_in_parts(out) == {key: value for key, value in asdict(counts).items() if key in COUNTED}
    assert len(documents_in_parts(out)) == len(set(documents_in_parts(out))) == documents_out
    assert status(RunFolder.at(out)).complete


def test_record_that_raises_is_quarantined_with_reason_place_and_content_and_its_neighbours_are_kept(
    ended: tuple[Path, Path, Raises], tmp_path: Path
) -> None:
    corpus, out, _ = ended
    rows = {row["doc_id"]: row for row in quarantined(RunFolder.at(out))}
    assert set(rows) == {"1-2", "1-5", "3-0"}
    row = rows["1-2"]
    assert row["reason"] == PROCESSING
    assert row["detail"] == f"ValueError: can't read {TEXT[:20]!r}"
    assert row["location"] == f"{corpus / '1.jsonl'}, byte {row['row']}"
    line = (corpus / "1.jsonl").read_bytes()[row["row"] :].splitlines()[0]
    assert json.loads(line)["id"] == "1-2"
    assert json.loads(row["content"])["text"] == TEXT
    run_over(small_chunks(), corpus, tmp_path / "sound", carry=("id",))
    sound = pq.read_table(part(tmp_path / "sound", "1.jsonl")).to_pylist()
    kept = pq.read_table(part(out, "1.jsonl")).to_pylist()
    assert kept == [chunk for chunk in sound if chunk["doc_id"] not in rows]
    _assert_balanced(out, 21, 3)


def test_retry_with_the_cause_still_there_changes_nothing(ended: tuple[Path, Path, Raises]) -> None:
    corpus, out, stage = ended
    before, when = contents(out), times(out)
    assert _retry(stage, corpus, out) == Retried(mended=0, left=3)
    assert (contents(out), times(out)) == (before, when)
    _assert_balanced(out, 21, 3)


def test_retry_with_the_cause_gone_brings_all_back_and_rewrites_no_good_part(
    ended: tuple[Path, Path, Raises], cause: Path, tmp_path: Path
) -> None:
    corpus, out, stage = ended
    when = times(out)
    cause.unlink()
    assert _retry(stage, corpus, out) == Retried(mended=3, left=0)
    now = times(out)
    assert {name: now[name] for name in when} == when
    assert all(name.endswith(RETRY_ENDING) for name in now.keys() - when.keys())
    assert list(quarantined(RunFolder.at(out))) == []
    _assert_balanced(out, 24, 0)
    run_over(small_chunks(), corpus, tmp_path / "sound", carry=("id",))
    assert _chunks(out) == _chunks(tmp_path / "sound")


def test_second_retry_does_nothing(ended: tuple[Path, Path, Raises], cause: Path) -> None:
    corpus, out, stage = ended
    cause.unlink()
    _retry(stage, corpus, out)
    before, when = contents(out), times(out)
    assert _retry(stage, corpus, out) == Retried(mended=0, left=0)
    assert (contents(out), times(out)) == (before, when)


def test_retries_one_after_the_other_add_up(ended: tuple[Path, Path, Raises], cause: Path) -> None:
    corpus, out, _ = ended
    others = Raises(cause=str(cause), only=MARK)  # by now only records that are the mark alone fail
    assert _retry(others, corpus, out) == Retried(mended=1, left=2)
    _assert_balanced(out, 22, 2)
    cause.unlink()
    assert _retry(others, corpus, out) == Retried(mended=2, left=0)
    _assert_balanced(out, 24, 0)


def test_run_after_a_retry_keeps_what_it_brought_back(ended: tuple[Path, Path, Raises], cause: Path) -> None:
    corpus, out, stage = ended
    cause.unlink()
    _retry(stage, corpus, out)
    before, when = contents(out), times(out)
    result = run_over(stage, corpus, out, carry=("id",))
    assert result.units_done_before == 4
    assert (result.counts.records_out, result.counts.quarantined) == (24, 0)
    assert (contents(out), times(out)) == (before, when)


def test_unit_redone_after_a_retry_loses_its_retry_part_and_nothing_is_doubled(
    ended: tuple[Path, Path, Raises], cause: Path
) -> None:
    corpus, out, stage = ended
    cause.unlink()
    _retry(stage, corpus, out)
    changed = corpus / "1.jsonl"
    changed.write_text(changed.read_text().replace("Log entry", "Log entri"))
    result = run_over(stage, corpus, out, carry=("id",))
    assert result.balanced
    assert result.units_done_before == 3
    assert [path.name[:1] for path in (out / "parts").glob(f"*{RETRY_ENDING}")] == ["3"]
    _assert_balanced(out, 24, 0)


def test_unit_redone_while_the_cause_is_back_has_its_records_in_quarantine_again(
    ended: tuple[Path, Path, Raises], cause: Path
) -> None:
    corpus, out, stage = ended
    cause.unlink()
    _retry(stage, corpus, out)
    cause.touch()
    part(out, "1.jsonl-00000000-00000001.parquet").unlink()
    assert run_over(stage, corpus, out, carry=("id",)).balanced
    _assert_balanced(out, 22, 2)


def test_damaged_retry_part_puts_its_records_back_in_quarantine_for_the_next_retry(
    ended: tuple[Path, Path, Raises], cause: Path
) -> None:
    corpus, out, stage = ended
    cause.unlink()
    _retry(stage, corpus, out)
    before = contents(out)
    torn = next((out / "parts").glob(f"1*{RETRY_ENDING}"))
    torn.write_bytes(torn.read_bytes()[:-5])
    assert len(list(quarantined(RunFolder.at(out)))) == 2
    assert _retry(stage, corpus, out) == Retried(mended=2, left=0)
    assert contents(out) == before


def test_records_that_never_were_documents_stay_in_quarantine(write_corpus: Write, tmp_path: Path, cause: Path) -> None:
    corpus, out = write_corpus(text={"0-3": MARK}), tmp_path / "out"
    with (corpus / "0.jsonl").open("a") as lines:
        lines.write('{"id": "0-1", "text": "an id that is taken"}\n{"id": "no text"}\nno JSON\n')
    stage = Raises(cause=str(cause))
    run_over(stage, corpus, out)
    cause.unlink()
    retried = retry(stage, source_of(corpus), RunFolder.at(out))
    assert retried == Retried(mended=1, left=3)  # as the file is as it was
    left = list(quarantined(RunFolder.at(out)))
    assert [row["reason"] for row in left] == ["duplicate_id", "missing_text", "unreadable"]
    assert len(documents_in_parts(out)) == len(set(documents_in_parts(out))) == 24


def test_retry_of_a_run_that_is_not_complete_says_what_is_missing(
    ended: tuple[Path, Path, Raises], cause: Path
) -> None:
    corpus, out, stage = ended
    cause.unlink()
    part(out, "3.jsonl").unlink()
    retried = _retry(stage, corpus, out)
    assert (retried.mended, retried.left) == (2, 1)
    found = status(RunFolder.at(out))
    assert not found.complete
    assert found.problems == retried.problems
    assert any("3.jsonl" in problem and "missing" in problem for problem in found.problems)
    assert run_over(stage, corpus, out, carry=("id",)).balanced
    _assert_balanced(out, 24, 0)


def _chunks(out: Path) -> list[tuple[object, ...]]:
    tables = [pq.read_table(path) for path in (out / "parts").glob("*.parquet")]
    return sorted(tuple(row.values()) for table in tables for row in table.to_pylist())


def test_of_many_units_that_a_retry_leaves_undone_the_first_are_named(
    ended: tuple[Path, Path, Raises], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, out, stage = ended
    monkeypatch.setattr("atlas.runner.retry.NAMED", 2)
    for file in ("0.", "2.", "3."):
        part(out, file).unlink()
    told = [line for line in _retry(stage, corpus, out).problems if line.startswith("not done")]
    assert [line.split("-", 1)[0] for line in told[:2]] == ["not done: 0.jsonl", "not done: 2.jsonl"]
    assert all(line.endswith("its part is missing; run the same command again") for line in told[:2])
    assert told[2:] == ["not done: 1 units more"]
