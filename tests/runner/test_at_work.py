"""A record that kills a run of one worker kills it once: the next run knows the unit, and guards it."""

import multiprocessing
import signal
from pathlib import Path

from run_files import Write, everything, run_over
from stages_with_faults import MARK, Kills, small_chunks

from atlas.runner.at_work import NOTE, died_with, noted
from atlas.runner.folder import RunFolder
from atlas.runner.inspect import quarantined


def _run_until_it_dies(corpus: Path, out: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=run_over, args=(Kills(), corpus, out))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_run_of_one_worker_that_a_record_killed_completes_the_next_time_without_that_record(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(text={"1-2": MARK}), tmp_path / "out"
    _run_until_it_dies(corpus, out)
    assert (died_with(RunFolder.at(out)) or "").startswith("1.jsonl")
    result = run_over(Kills(), corpus, out)
    assert result.sound
    (record,) = quarantined(RunFolder.at(out))
    assert record["doc_id"] == "1-2"
    assert record["detail"].startswith("the process that worked on this record died")
    assert not (out / NOTE).exists()


def test_unit_that_was_at_work_when_its_run_was_killed_comes_out_as_if_undisturbed(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(text={"1-2": MARK}), tmp_path / "out"
    _run_until_it_dies(corpus, out)
    run_over(small_chunks(), corpus, out)
    run_over(small_chunks(), corpus, tmp_path / "undisturbed")
    assert everything(out) == everything(tmp_path / "undisturbed")


def test_note_is_gone_when_a_run_ends_by_an_error(tmp_path: Path) -> None:
    folder = RunFolder.at(tmp_path)
    try:
        with noted(folder):
            (tmp_path / NOTE).write_text("unit")
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert died_with(folder) is None
