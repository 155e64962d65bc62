"""Shards of a run, one after the other or at the same time, come to what one run comes to."""

import fcntl
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from run_files import Write, contents, everything, run_over, source_of, times
from stages_with_faults import MARK, Raises

from atlas.errors import AtlasError
from atlas.runner.balance import Result
from atlas.runner.folder import LOCK, SUMMARY, RunFolder
from atlas.runner.inspect import status
from atlas.runner.run import Execution, run

STAGE = Raises()
UNITS = 7
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def corpus(write_corpus: Write) -> Path:
    """Seven units, one of them with a record for the quarantine."""
    return write_corpus(files=UNITS, documents=3, text={"4-1": MARK})


@pytest.fixture
def undisturbed(corpus: Path, tmp_path: Path) -> dict[str, bytes]:
    run_over(STAGE, corpus, tmp_path / "undisturbed")
    return everything(tmp_path / "undisturbed")


def _shard(corpus: Path, out: Path, number: int, shards: int, watch: Callable[..., None] | None = None) -> Result:
    source = source_of(corpus)
    recipe = {"corpus": source.config.model_dump(mode="json"), "chunk": STAGE.identity()["chunk"]}
    return run(STAGE, source, out, str(corpus), recipe, Execution(shard=(number, shards)), watch)


def _shard_and_die(corpus: Path, out: Path, number: int, shards: int) -> None:
    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    _shard(corpus, out, number, shards, die)


@pytest.mark.parametrize("shards", [2, 3, UNITS + 2])
@pytest.mark.parametrize("order", [1, -1], ids=["first to last", "last to first"])
def test_shards_one_after_the_other_equal_one_run(
    corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes], shards: int, order: int
) -> None:
    out = tmp_path / "out"
    numbers = range(1, shards + 1)[::order]
    results = [_shard(corpus, out, number, shards) for number in numbers]
    assert everything(out) == undisturbed
    assert (results[-1].waiting, results[-1].counts.records_in) == (0, 3 * UNITS)
    assert all(result.sound for result in results)


def test_shard_counts_what_others_have_left_to_do_and_writes_no_summary(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    results = [_shard(corpus, out, number, 3) for number in (1, 2)]
    assert [result.waiting for result in results] == [4, 2]
    assert [result.units_done_before for result in results] == [0, 3]
    assert len(contents(out)) == 5
    assert not (out / SUMMARY).exists()
    assert not status(RunFolder.at(out)).complete
    assert _shard(corpus, out, 3, 3).waiting == 0
    assert status(RunFolder.at(out)).complete


def test_shards_at_the_same_time_equal_one_run(corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    out = tmp_path / "out"
    processes = [SPAWN.Process(target=_shard, args=(corpus, out, number, 3)) for number in (1, 2, 3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert everything(out) == undisturbed


def test_shards_within_each_other_equal_one_run(corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    out, waiting = tmp_path / "out", []

    def others(*_: object) -> None:
        if not waiting:
            waiting.extend(_shard(corpus, out, number, 3).waiting for number in (3, 2))

    assert _shard(corpus, out, 1, 3, others).waiting == 0
    assert waiting == [4, 2]
    assert everything(out) == undisturbed


def test_shard_that_was_killed_goes_on_where_it_was(
    corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    killed = SPAWN.Process(target=_shard_and_die, args=(corpus, out, 1, 2))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    before = times(out)
    assert len(before) == 1
    assert _shard(corpus, out, 2, 2).waiting == 3
    assert _shard(corpus, out, 1, 2).waiting == 0
    assert everything(out) == undisturbed
    assert times(out).items() >= before.items()


def test_half_written_file_of_a_killed_shard_is_swept_when_no_other_is_at_work(
    corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    _shard(corpus, out, 1, 2)
    left = out / "parts" / ".tmp-left"
    left.touch()

    def other(*_: object) -> None:
        assert left.exists()  # it may be another's at work
        assert _shard(corpus, out, 1, 2).waiting
        assert left.exists()

    def once(*_: object) -> None:
        if not (out / "parts" / ".tmp-seen").exists():
            other()
            (out / "parts" / ".tmp-seen").touch()

    _shard(corpus, out, 2, 2, once)
    assert everything(out) == undisturbed


@pytest.mark.parametrize("shard", [(1, 2), (1, 1)], ids=["the same", "the whole"])
def test_shard_at_work_keeps_out_itself_and_whole_runs(
    corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes], shard: tuple[int, int]
) -> None:
    out = tmp_path / "out"

    def second(*_: object) -> None:
        with pytest.raises(AtlasError, match="another run is writing here"):
            _shard(corpus, out, *shard)

    _shard(corpus, out, 1, 2, second)
    _shard(corpus, out, 2, 2)
    assert everything(out) == undisturbed


def test_whole_run_at_work_keeps_out_shards(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused = []

    def second(*_: object) -> None:
        with pytest.raises(AtlasError, match="another run is writing here") as error:
            _shard(corpus, out, 1, 2)
        refused.append(error)

    assert _shard(corpus, out, 1, 1, second).sound
    assert len(refused) == UNITS


def test_shard_waits_for_another_that_just_sweeps_up(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    _shard(corpus, out, 1, 2)
    with (out / LOCK).open("w") as sweeping:
        fcntl.flock(sweeping, fcntl.LOCK_EX)
        monkeypatch.setattr("time.sleep", lambda _: fcntl.flock(sweeping, fcntl.LOCK_UN))
        assert _shard(corpus, out, 2, 2).waiting == 0


def test_shards_once_more_rewrite_nothing(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in (1, 2):
        _shard(corpus, out, number, 2)
    before, when = everything(out), times(out)
    for number in (1, 2):
        assert (_shard(corpus, out, number, 2).waiting, everything(out), times(out)) == (0, before, when)


def test_whole_run_goes_on_with_what_shards_did(corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    out = tmp_path / "out"
    _shard(corpus, out, 2, 3)
    assert run_over(STAGE, corpus, out).units_done_before == 2
    assert everything(out) == undisturbed
