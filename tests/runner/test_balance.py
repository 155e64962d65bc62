"""Every record that goes in comes out or is in quarantine; where not, the run says so."""

import gzip
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from run_files import Write, counted_in_parts, everything, part, run_over, source_of
from stages_with_faults import MARK, FaultyStage, Loses, Raises, small_chunks

from atlas.runner.balance import Result
from atlas.runner.counts import Counts
from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.inspect import quarantined, status
from atlas.runner.part import Outcome, Task, keys_of, work
from atlas.runner.repeats import NAMED
from atlas.runner.retry import retry

STAGE = small_chunks()
HOSTILE_LINES = (
    '{"id": "h1", "text": ""}',
    '{"id": "h2", "text": " \\n\\t \\u00a0"}',
    '{"id": "h3", "text": null}',
    '{"id": "h4", "text": 7}',
    '{"id": null, "text": "no id"}',
    '{"id": "h6"}',
    '{"id": "0-0", "text": "the id of another"}',
    '{"id": "h8", "text": "\\ud800"}',
    '{"id": "h9", "text": "\\u0000 zero"}',
    '{"id": "h10", "text": ',
    "[1, 2]",
    '"text"',
    "",
)


def test_balance_of_hostile_rows_is_what_an_independent_count_of_the_files_says(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(files=2, text={"1-3": MARK}), tmp_path / "out"
    with (corpus / "0.jsonl").open("ab") as lines:
        lines.write("\n".join(HOSTILE_LINES).encode() + b'\n{"id": "h14", "text": "\xff"}')
    result = run_over(Raises(), corpus, out)
    assert result.balanced
    counts = asdict(result.counts)
    assert counts["records_in"] == 12 + 13  # all but the blank line
    assert counts["empty"] == 2
    assert counted_in_parts(out).items() <= counts.items()
    reasons = [row["reason"] for row in quarantined(RunFolder.at(out))]
    assert sorted(reasons) == sorted(
        ["null_text", "text_not_string", "null_id", "missing_text", "duplicate_id", "not_unicode", "processing"]
        + 4 * ["unreadable"]
    )
    summary = json.loads((out / SUMMARY).read_text())
    assert (summary["balanced"], summary["problems"], summary["units"]) == (True, [], 2)
    assert summary["counts"] == counts
    assert status(RunFolder.at(out)).counts == result.counts


def test_stage_that_loses_in_one_unit_and_doubles_in_another_is_out_of_balance(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(files=2, text={"1-3": f"{MARK}"}), tmp_path / "out"
    result = run_over(Loses(), corpus, out)
    assert result.counts.holds
    assert not result.balanced
    assert [line.split(":")[0] for line in result.problems()] == [
        "records lost or doubled in 0.jsonl-00000000-00000001",
        "records lost or doubled in 1.jsonl-00000000-00000001",
    ]
    assert "in 6 ≠ out 7 + quarantined 0" in result.problems()[0]
    assert not status(RunFolder.at(out)).complete


def test_totals_that_do_not_add_up_are_said() -> None:
    result = Result(Counts(records_in=5, records_out=3, quarantined=1), units=1, units_done_before=0)
    assert not result.balanced
    assert result.problems() == ["records in 5 ≠ out 3 + quarantined 1"]


def test_id_in_two_units_is_out_of_balance_and_both_parts_are_named(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(files=3), tmp_path / "out"
    with (corpus / "2.jsonl").open("a") as lines:
        lines.write('{"id": "0-4", "text": "once more"}\n')
    result = run_over(STAGE, corpus, out)
    assert not result.balanced
    (problem,) = result.problems()
    assert "'0-4'" in problem
    assert part(out, "0.jsonl").name in problem
    assert part(out, "2.jsonl").name in problem
    assert not status(RunFolder.at(out)).complete
    again = run_over(STAGE, corpus, out)
    assert again.problems() == result.problems()


def test_id_that_a_retry_brings_back_into_a_second_unit_is_out_of_balance(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out, cause = write_corpus(files=2), tmp_path / "out", tmp_path / "cause"
    with (corpus / "1.jsonl").open("a") as lines:
        lines.write(json.dumps({"id": "0-4", "text": MARK}) + "\n")
    cause.touch()
    assert run_over(Raises(cause=str(cause)), corpus, out).balanced
    cause.unlink()
    retry(Raises(cause=str(cause)), source_of(corpus), RunFolder.at(out))
    (problem,) = status(RunFolder.at(out)).problems
    assert "'0-4'" in problem


def test_document_of_many_chunks_that_is_in_two_units_is_listed_once(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(files=2, text={"0-2": "The tide turns at noon every day. " * 40}), tmp_path / "out"
    lines = (corpus / "0.jsonl").read_text().splitlines(keepends=True)
    (corpus / "9.jsonl").write_text(lines[2] + lines[4])
    result = run_over(STAGE, corpus, out)
    assert [name.split()[0] for name in result.duplicates] == ["'0-2'", "'0-4'"]


def test_of_many_documents_in_two_units_some_are_named_and_the_others_counted(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(files=2, documents=NAMED + 3), tmp_path / "out"
    shutil.copy(corpus / "0.jsonl", corpus / "9.jsonl")
    result = run_over(STAGE, corpus, out)
    assert len({name.split()[0] for name in result.duplicates[:NAMED]}) == NAMED
    assert result.duplicates[NAMED:] == ("3 ids more",)


def test_run_of_which_nothing_came_out_is_a_problem_until_something_does(write_corpus: Write, tmp_path: Path) -> None:
    marks = {f"{file}-{row}": f"{MARK} {file}-{row}" for file in range(2) for row in range(6)}
    corpus, out, cause = write_corpus(files=2, text=marks), tmp_path / "out", tmp_path / "cause"
    cause.touch()
    stage = Raises(cause=str(cause))
    for before in (0, 2):
        result = run_over(stage, corpus, out)
        assert (result.counts.records_in, result.counts.quarantined, result.units_done_before) == (12, 12, before)
        assert result.balanced
        assert not result.sound
        (problem,) = result.problems()
        assert problem.startswith(f"every record is in quarantine: processing: ValueError: can't read '{MARK} 0-0'")
        assert "0.jsonl" in problem
    summary = json.loads((out / SUMMARY).read_text())
    assert (summary["balanced"], summary["sound"], summary["problems"]) == (True, False, [problem])
    assert not status(RunFolder.at(out)).complete
    cause.unlink()
    assert retry(stage, source_of(corpus), RunFolder.at(out)).left == 0
    assert status(RunFolder.at(out)).complete
    assert run_over(stage, corpus, out).sound


def test_input_of_which_every_record_is_bad_keeps_its_quarantine(tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus.jsonl", tmp_path / "out"
    corpus.write_text('{"id": "a", "text": null}\n{"id": "b", "text": 7}\n')
    result = run_over(STAGE, corpus, out)
    assert not result.sound
    assert "every record is in quarantine: null_text: column 'text' is null" in result.problems()[0]
    assert [row["doc_id"] for row in quarantined(RunFolder.at(out))] == ["a", "b"]


def test_run_of_which_one_record_came_out_is_sound(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(files=1, text={f"0-{row}": MARK for row in range(5)})
    assert run_over(Raises(), corpus, tmp_path / "out").sound


def test_id_twice_in_one_unit_is_quarantined(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(files=2), tmp_path / "out"
    with (corpus / "1.jsonl").open("a") as lines:
        lines.write('{"id": "1-4", "text": "once more"}\n')
    result = run_over(STAGE, corpus, out)
    assert result.balanced
    (row,) = quarantined(RunFolder.at(out))
    assert (row["reason"], row["doc_id"]) == ("duplicate_id", "1-4")
    assert json.loads(row["content"]) == {"id": "1-4", "text": "once more"}


def test_parts_of_an_input_that_was_removed_are_named_and_kept(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(text={"3-2": MARK}), tmp_path / "out"
    run_over(Raises(), corpus, out)
    before = everything(out)
    (corpus / "3.jsonl").unlink()
    result = run_over(Raises(), corpus, out)
    assert not result.balanced
    stale = [part(out, "3.jsonl"), *(out / "quarantine").iterdir()]
    assert sorted(result.stale) == sorted(map(str, stale))
    assert all(any(str(path) in line for path in stale) for line in result.problems())
    assert everything(out).keys() == before.keys()
    assert not status(RunFolder.at(out)).complete
    for path in stale:
        path.unlink()
    result = run_over(Raises(), corpus, out)
    assert result.balanced
    assert result.units_done_before == 3
    assert status(RunFolder.at(out)).complete


def test_compressed_file_that_breaks_off_is_read_as_far_as_it_goes_and_its_rest_is_one_record_in_quarantine(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(files=2), tmp_path / "out"
    lines = "".join(json.dumps({"id": f"z{row}", "text": f"{row**9}"}) + "\n" for row in range(5000))
    whole = gzip.compress(lines.encode())
    (corpus / "broken.jsonl.gz").write_bytes(whole[:-2000])
    result = run_over(STAGE, corpus, out)
    assert result.sound
    (record,) = quarantined(RunFolder.at(out))
    assert record["detail"].startswith("compressed data breaks off or is damaged (")
    assert record["location"] == f"{corpus / 'broken.jsonl.gz'}, from line {record['row'] + 1} on"
    assert result.counts.records_out - 12 == record["row"] > 4000
    (corpus / "broken.jsonl.gz").write_bytes(whole)
    mended = run_over(STAGE, corpus, out)
    assert (mended.units_done_before, mended.counts.records_out, mended.counts.quarantined) == (2, 5012, 0)


def test_file_that_is_no_parquet_is_one_record_in_quarantine_until_it_is_mended(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(files=2), tmp_path / "out"
    (corpus / "z.parquet").write_bytes(b"<html>503 Slow Down</html>")
    result = run_over(STAGE, corpus, out)
    assert (result.sound, result.counts.quarantined) == (True, 1)
    (record,) = quarantined(RunFolder.at(out))
    assert (record["location"], record["reason"]) == (str(corpus / "z.parquet"), "unreadable")
    assert record["detail"].startswith("not a readable Parquet file (")
    pq.write_table(pa.table({"id": ["z"], "text": ["Now it is one."]}), corpus / "z.parquet")
    mended = run_over(STAGE, corpus, out)
    assert (mended.units_done_before, mended.counts.records_out, mended.counts.quarantined) == (2, 13, 0)


def test_part_is_made_of_its_unit_alone(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(files=2)
    source, folder = source_of(corpus), RunFolder.at(tmp_path / "out")
    unit = source.units()[1]
    (tmp_path / "out" / "parts").mkdir(parents=True)
    stage = FaultyStage()
    outcome = work(Task(unit, keys_of(source, stage)(unit)), source, stage, stage.load(), folder)
    assert outcome == Outcome(unit.name, outcome.counts)
    assert (outcome.counts.records_in, outcome.counts.records_out, outcome.counts.empty) == (6, 6, 0)
    assert counted_in_parts(tmp_path / "out").items() <= asdict(outcome.counts).items()


@pytest.mark.slow
def test_document_of_twenty_megabytes_in_one_line_is_chunked_like_any_other(tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    words = "the quick brown fox met a dog of 41 years at high noon, and they talked. "
    text = words * (20_000_000 // len(words))
    (corpus / "long.jsonl").write_text(
        json.dumps({"id": "long", "text": text}) + "\n" + json.dumps({"id": "short", "text": "short"}) + "\n"
    )
    result = run_over(STAGE, corpus, out)
    assert result.balanced
    assert (result.counts.records_out, result.counts.quarantined) == (2, 0)
    assert counted_in_parts(out).items() <= asdict(result.counts).items()
