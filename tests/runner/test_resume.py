"""A run that is repeated does what is missing or out of date, and nothing else."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from run_files import Write, contents, damage, everything, part, run_over, source_of, times
from stages_with_faults import MARK, Raises, small_chunks

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.runner.folder import RETRY_ENDING, SUMMARY, RunFolder
from atlas.runner.inspect import status
from atlas.runner.retry import retry
from atlas.runner.run import Execution, run

STAGE = small_chunks()
VERIFY = Execution(verify=True)


@pytest.fixture
def finished(write_corpus: Write, tmp_path: Path) -> tuple[Path, Path]:
    """A corpus of four files and its finished run."""
    corpus, out = write_corpus(), tmp_path / "out"
    result = run_over(STAGE, corpus, out)
    assert result.balanced
    assert (result.units, result.units_done_before) == (4, 0)
    return corpus, out


def test_second_run_rewrites_nothing(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    before, when = everything(out), times(out)
    result = run_over(STAGE, corpus, out)
    assert result.balanced
    assert result.units_done_before == 4
    assert everything(out) == before
    assert times(out) == when


def test_second_run_with_other_workers_rewrites_nothing(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    when = times(out)
    assert run_over(STAGE, corpus, out, Execution(workers=3)).units_done_before == 4
    assert times(out) == when


def test_deleted_part_is_the_only_one_remade(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    before, when = contents(out), times(out)
    gone = part(out, "2.jsonl")
    gone.unlink()
    assert run_over(STAGE, corpus, out).units_done_before == 3
    assert contents(out) == before
    assert _rewritten(out, when) == {gone.name}


@pytest.mark.parametrize("kept", [0, 3, 1000, -1])
def test_truncated_part_is_the_only_one_remade(finished: tuple[Path, Path], kept: int) -> None:
    corpus, out = finished
    before, when = contents(out), times(out)
    torn = part(out, "1.jsonl")
    torn.write_bytes(torn.read_bytes()[:kept])
    assert run_over(STAGE, corpus, out).units_done_before == 3
    assert contents(out) == before
    assert _rewritten(out, when) == {torn.name}


def test_part_without_a_footer_of_ours_is_remade(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    before = contents(out)
    stranger = part(out, "0.jsonl")
    pq.write_table(pq.read_table(stranger).replace_schema_metadata(), stranger)
    assert run_over(STAGE, corpus, out).units_done_before == 3
    assert contents(out) == before


def test_changed_input_of_the_same_size_has_its_units_redone(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    when = times(out)
    changed = corpus / "3.jsonl"
    size = changed.stat().st_size
    changed.write_text(changed.read_text().replace("Log entry", "Log entri"))
    assert changed.stat().st_size == size
    assert run_over(STAGE, corpus, out).units_done_before == 3
    assert _rewritten(out, when) == {part(out, "3.jsonl").name}
    assert "Log entri" in pq.read_table(part(out, "3.jsonl")).column("text")[0].as_py()


def test_touched_input_has_nothing_redone(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    when = times(out)
    file = corpus / "3.jsonl"
    file.write_bytes(file.read_bytes())
    assert run_over(STAGE, corpus, out).units_done_before == 4
    assert times(out) == when


def test_added_input_is_the_only_one_worked_on(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    when = times(out)
    (corpus / "9.jsonl").write_text(json.dumps({"id": "new", "text": "One more."}) + "\n")
    result = run_over(STAGE, corpus, out)
    assert result.balanced
    assert (result.units, result.units_done_before) == (5, 4)
    assert _rewritten(out, when) == {part(out, "9.jsonl").name}


def test_changed_stage_setting_has_all_redone(finished: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, out = finished
    other = ChunkStage(ChunkConfig(target_tokens=24, max_tokens=32))
    assert run_over(other, corpus, out).units_done_before == 0
    run_over(other, corpus, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


def test_changed_reading_setting_has_all_redone(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    assert run_over(STAGE, corpus, out, source="id").units_done_before == 0


@pytest.mark.parametrize("damage", ["deleted", "truncated"])
def test_lost_quarantine_has_its_unit_remade(write_corpus: Write, tmp_path: Path, damage: str) -> None:
    corpus, out = write_corpus(text={"1-2": MARK}), tmp_path / "out"
    run_over(Raises(), corpus, out)
    before = everything(out)
    (kept,) = (out / "quarantine").iterdir()
    if damage == "deleted":
        kept.unlink()
    else:
        kept.write_bytes(kept.read_bytes()[:-9])
    assert run_over(Raises(), corpus, out).units_done_before == 3
    assert everything(out) == before


def test_damage_behind_a_good_footer_is_mended_where_verify_is_asked_for(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    before, when = contents(out), times(out)
    torn = part(out, "1.jsonl")
    damage(torn)
    assert status(RunFolder.at(out), verify=True).damaged == (str(torn),)
    assert run_over(STAGE, corpus, out).units_done_before == 4
    result = run_over(STAGE, corpus, out, VERIFY)
    assert result.balanced
    assert result.units_done_before == 3
    assert contents(out) == before
    assert _rewritten(out, when) == {torn.name}
    assert status(RunFolder.at(out), verify=True).complete


def test_verify_of_a_sound_run_rewrites_nothing(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(text={"1-2": MARK}), tmp_path / "out"
    run_over(Raises(), corpus, out)
    before, when = everything(out), times(out)
    assert run_over(Raises(), corpus, out, VERIFY).units_done_before == 4
    assert (everything(out), times(out)) == (before, when)


def test_damaged_quarantine_is_mended_where_verify_is_asked_for(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(text={"1-2": MARK}), tmp_path / "out"
    run_over(Raises(), corpus, out)
    before = everything(out)
    (kept,) = (out / "quarantine").iterdir()
    damage(kept)
    assert status(RunFolder.at(out), verify=True).damaged == (str(kept),)
    assert run_over(Raises(), corpus, out, VERIFY).units_done_before == 3
    assert everything(out) == before


@pytest.mark.parametrize("torn", [True, False], ids=["torn", "behind a good footer"])
def test_damaged_retry_part_has_its_unit_redone_where_verify_is_asked_for(
    write_corpus: Write, tmp_path: Path, torn: bool
) -> None:
    corpus, out, cause = write_corpus(text={"1-2": MARK}), tmp_path / "out", tmp_path / "cause"
    stage = Raises(cause=str(cause))
    cause.touch()
    run_over(stage, corpus, out)
    cause.unlink()
    retry(stage, source_of(corpus), RunFolder.at(out))
    (retried,) = (out / "parts").glob(f"*{RETRY_ENDING}")
    if torn:
        retried.write_bytes(retried.read_bytes()[:-5])
    else:
        damage(retried)
    assert status(RunFolder.at(out), verify=True).damaged == (str(retried),)
    result = run_over(stage, corpus, out, VERIFY)
    assert (result.counts.records_out, result.counts.quarantined) == (24, 0)
    assert not retried.exists()
    assert status(RunFolder.at(out), verify=True).complete


def test_run_that_stops_midway_leaves_no_summary_of_the_run_before(finished: tuple[Path, Path]) -> None:
    corpus, out = finished
    (corpus / "0.jsonl").write_text(json.dumps({"id": "a", "text": "changed"}) + "\n")
    with pytest.raises(KeyboardInterrupt):
        run(STAGE, source_of(corpus), out, str(corpus), {}, watch=_stop)
    assert not (out / SUMMARY).exists()
    assert run_over(STAGE, corpus, out).units_done_before == 4
    assert (out / SUMMARY).exists()


def test_unit_boundaries_and_bytes_follow_from_the_corpus_alone(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(files=1, documents=40)
    results = [
        run_over(STAGE, corpus, tmp_path / f"out{workers}", Execution(workers=workers), unit_bytes=1500)
        for workers in (1, 2)
    ]
    assert results[0].units == results[1].units > 3
    assert contents(tmp_path / "out1") == contents(tmp_path / "out2")


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _rewritten(out: Path, before: dict[str, int]) -> set[str]:
    return {name for name, when in times(out).items() if before.get(name) != when}
