"""The same work in one process, in many, and on Ray; and what becomes of workers that die."""

import multiprocessing
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from run_files import Write, contents, counted_in_parts, documents_in_parts, everything, run_over, source_of
from stages_with_faults import (
    MARK,
    DiesWhileLoading,
    FaultyStage,
    Kills,
    NotOnEveryNode,
    Raises,
    WillNotLoad,
    WrongColumns,
    small_chunks,
)

from atlas.errors import AtlasError
from atlas.runner.executors import STARTS
from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.inspect import quarantined, status
from atlas.runner.part import PROCESSING
from atlas.runner.retry import retry
from atlas.runner.run import ATTEMPTS, Execution

HERE = Execution()
TWO = Execution(workers=2)
RAY = Execution("ray", workers=2)

STAGE = small_chunks()


@pytest.fixture
def undisturbed(write_corpus: Write, tmp_path: Path) -> tuple[Path, Path]:
    """A corpus with one marked document, and its run by a stage without a fault."""
    corpus, out = write_corpus(text={"1-2": f"Mark {MARK} here."}), tmp_path / "undisturbed"
    assert run_over(STAGE, corpus, out).balanced
    return corpus, out


def test_two_processes_write_the_bytes_that_one_does(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, one = undisturbed
    run_over(STAGE, corpus, tmp_path / "two", TWO)
    assert everything(tmp_path / "two") == everything(one)
    assert not multiprocessing.active_children()


def test_ray_with_more_workers_than_cpus_writes_the_bytes_that_one_process_does(
    undisturbed: tuple[Path, Path], tmp_path: Path, ray_cluster: None
) -> None:
    corpus, one = undisturbed
    run_over(STAGE, corpus, tmp_path / "ray", Execution("ray", workers=4))
    assert everything(tmp_path / "ray") == everything(one)


def test_unit_whose_worker_was_killed_is_done_by_another(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, one = undisturbed
    result = run_over(Kills(lives=_lives(tmp_path, ATTEMPTS - 1)), corpus, tmp_path / "out", TWO)
    assert result.balanced
    assert everything(tmp_path / "out") == everything(one)


def test_ray_unit_whose_actor_was_killed_is_done_by_another(
    undisturbed: tuple[Path, Path], tmp_path: Path, ray_cluster: None
) -> None:
    corpus, one = undisturbed
    result = run_over(Kills(lives=_lives(tmp_path, 1)), corpus, tmp_path / "out", RAY)
    assert result.balanced
    assert everything(tmp_path / "out") == everything(one)


def test_record_that_always_kills_its_process_is_quarantined_alone(
    undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    _assert_only_the_marked_record_is_quarantined(undisturbed[0], tmp_path, TWO)


def test_ray_record_that_always_kills_its_actor_is_quarantined_alone(
    undisturbed: tuple[Path, Path], tmp_path: Path, ray_cluster: None
) -> None:
    _assert_only_the_marked_record_is_quarantined(undisturbed[0], tmp_path, RAY)


def test_only_unit_left_does_not_take_the_driver_with_it_when_several_workers_were_asked_for(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(files=1, text={"0-2": MARK}), tmp_path / "out"
    result = run_over(Kills(), corpus, out, TWO)
    assert result.balanced
    assert (result.counts.records_out, result.counts.quarantined) == (5, 1)


def test_retry_keeps_a_record_that_kills_and_brings_it_back_when_the_cause_is_gone(
    undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    corpus, _ = undisturbed
    out = tmp_path / "out"
    run_over(Kills(), corpus, out, TWO)
    for stage, mended, left in ((Kills(), 0, 1), (STAGE, 1, 0)):
        retried = retry(stage, source_of(corpus), RunFolder.at(out))
        assert (retried.mended, retried.left) == (mended, left)
        assert status(RunFolder.at(out)).complete
    assert len(documents_in_parts(out)) == len(set(documents_in_parts(out))) == 24


@pytest.mark.parametrize("execution", [HERE, TWO], ids=["here", "two"])
def test_stage_that_can_not_load_stops_the_run_with_its_message(
    write_corpus: Write, tmp_path: Path, execution: Execution
) -> None:
    _assert_run_stops_with_the_load_error(write_corpus(), tmp_path / "out", execution)


def test_ray_stage_that_can_not_load_stops_the_run_with_its_message(
    write_corpus: Write, tmp_path: Path, ray_cluster: None
) -> None:
    _assert_run_stops_with_the_load_error(write_corpus(), tmp_path / "out", RAY)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_that_die_while_they_load_stop_the_run_and_quarantine_nothing(
    write_corpus: Write, tmp_path: Path, workers: int
) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    with pytest.raises(AtlasError, match=r"killed \(signal 9\) before it was ready.*fewer workers"):
        run_over(DiesWhileLoading(), corpus, out, Execution(workers=workers))
    _assert_nothing_was_done(out)


def test_ray_workers_that_die_while_they_load_stop_the_run_and_quarantine_nothing(
    write_corpus: Write, tmp_path: Path, ray_cluster: None
) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    with pytest.raises(AtlasError, match=r"on Ray died .*before it was ready.*fewer workers"):
        run_over(DiesWhileLoading(), corpus, out, RAY)
    _assert_nothing_was_done(out)


def test_ray_workers_that_can_not_be_made_stop_the_run_and_say_why(
    write_corpus: Write, tmp_path: Path, ray_cluster: None
) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    with pytest.raises(AtlasError, match=r"ModuleNotFoundError.*before it was ready.*installed on every node"):
        run_over(NotOnEveryNode(), corpus, out, RAY)
    _assert_nothing_was_done(out)


@pytest.mark.parametrize("execution", [TWO, Execution("ray", workers=1)], ids=["processes", "ray"])
def test_worker_that_dies_while_it_loads_is_replaced_where_another_could_load(
    write_corpus: Write, tmp_path: Path, request: pytest.FixtureRequest, execution: Execution
) -> None:
    if execution.executor == "ray":
        request.getfixturevalue("ray_cluster")
    corpus, out, loads = write_corpus(files=1, text={"0-2": MARK}), tmp_path / "out", _lives(tmp_path, 0)
    result = run_over(DiesWhileLoading(loads=loads, dying=(2, 3)), corpus, out, execution)
    assert result.balanced
    assert (result.counts.records_out, result.counts.quarantined) == (6, 0)
    assert len(list(Path(loads).iterdir())) == 4


@pytest.mark.parametrize("execution", [TWO, Execution("ray", workers=1)], ids=["processes", "ray"])
def test_workers_that_die_while_they_load_one_after_the_other_stop_the_run_though_one_could_load(
    write_corpus: Write, tmp_path: Path, request: pytest.FixtureRequest, execution: Execution
) -> None:
    if execution.executor == "ray":
        request.getfixturevalue("ray_cluster")
    corpus, out, loads = write_corpus(files=1, text={"0-2": MARK}), tmp_path / "out", _lives(tmp_path, 0)
    with pytest.raises(AtlasError, match=f"as did {STARTS - 1} before it"):
        run_over(DiesWhileLoading(loads=loads, dying=tuple(range(2, 50))), corpus, out, execution)
    _assert_nothing_was_done(out)
    assert len(list(Path(loads).iterdir())) == 1 + STARTS


SCRIPT = """
import sys
from pathlib import Path
import atlas
corpus, out = sys.argv[1:]
"""
CHUNKS = """
atlas.chunk(
    atlas.CorpusConfig(path=corpus), atlas.ChunkConfig(), out, execution=atlas.Execution(workers=2)
)
"""


def test_script_without_a_main_guard_is_told_of_it_and_nothing_is_quarantined(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out, script = write_corpus(), tmp_path / "out", tmp_path / "script.py"
    script.write_text(SCRIPT + CHUNKS)
    done = subprocess.run([sys.executable, script, corpus, out], capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "exit code 1" in last
    assert 'if __name__ == "__main__":' in last
    _assert_nothing_was_done(out)


def test_retry_in_a_script_without_a_main_guard_is_told_of_it(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out, script = write_corpus(text={"1-2": MARK}), tmp_path / "out", tmp_path / "script.py"
    run_over(Raises(), corpus, out)
    script.write_text(SCRIPT + "print(atlas.retry(out))")
    done = subprocess.run([sys.executable, script, corpus, out], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'if __name__ == "__main__":' in done.stderr.strip().splitlines()[-1]


def test_ray_address_where_nobody_listens_is_an_error_that_names_it(
    write_corpus: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # but does not listen
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(AtlasError, match=f"no Ray cluster at {address}.*--address"):
            run_over(STAGE, write_corpus(), tmp_path / "out", Execution("ray", address=address))


@pytest.mark.parametrize("execution", [HERE, TWO], ids=["here", "two"])
def test_stage_with_wrong_output_leaves_units_not_done_and_says_why(
    write_corpus: Write, tmp_path: Path, execution: Execution
) -> None:
    corpus, out = write_corpus(files=2), tmp_path / "out"
    result = run_over(WrongColumns(), corpus, out, execution)
    assert not result.balanced
    assert len(result.problems()) == 2
    assert all(line.startswith("not done: ") and "status" in line for line in result.problems())
    assert not contents(out)
    assert not status(RunFolder.at(out)).complete
    assert run_over(STAGE, corpus, out).balanced


def _assert_nothing_was_done(out: Path) -> None:
    assert not contents(out)
    assert not contents(out, "quarantine")
    assert not (out / SUMMARY).exists()
    assert not multiprocessing.active_children()


def _lives(tmp_path: Path, count: int) -> str:
    folder = tmp_path / "lives"
    folder.mkdir()
    for life in range(count):
        (folder / str(life)).touch()
    return str(folder)


def _assert_only_the_marked_record_is_quarantined(corpus: Path, tmp_path: Path, execution: Execution) -> None:
    out = tmp_path / "out"
    result = run_over(Kills(), corpus, out, execution)
    assert result.balanced
    (row,) = quarantined(RunFolder.at(out))
    assert (row["doc_id"], row["reason"]) == ("1-2", PROCESSING)
    assert "the process that worked on this record died" in row["detail"]
    counts = counted_in_parts(out)
    assert (counts["records_out"], counts["quarantined"]) == (23, 1)
    run_over(Raises(), corpus, tmp_path / "raised")
    assert contents(out) == contents(tmp_path / "raised")
    assert run_over(Kills(), corpus, out, execution).units_done_before == 4


def _assert_run_stops_with_the_load_error(corpus: Path, out: Path, execution: Execution) -> None:
    with pytest.raises(AtlasError, match=r"model\.bin: is damaged"):
        run_over(WillNotLoad(), corpus, out, execution)
    _assert_nothing_was_done(out)
    assert FaultyStage().identity() == WillNotLoad().identity()
