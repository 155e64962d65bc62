"""A stage in a process of its own: a record that kills it is an error like any other."""

import multiprocessing
import os
import signal
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from run_files import Write, contents, run_over, source_of
from stages_with_faults import MARK, FaultyStage, Kills, Raises, WillNotLoad

from atlas.errors import AtlasError, Unavailable
from atlas.runner.folder import RunFolder
from atlas.runner.guard import Guard, RecordFails
from atlas.runner.inspect import quarantined
from atlas.runner.part import CAREFUL_RECORDS, Care, keys_of, work
from atlas.runner.plan import Task
from atlas.tables import DOCUMENTS


@dataclass(frozen=True)
class NeedsAServer(FaultyStage):
    """Finds at a marked record that its server is gone."""

    def fault(self, text: str) -> None:
        raise Unavailable("the server is gone; start it again")


@dataclass(frozen=True)
class DiesAnswering(FaultyStage):
    """Kills its process at a marked record when it has sent ten bytes of an answer of a hundred."""

    def fault(self, text: str) -> None:
        for descriptor in Path("/proc/self/fd").iterdir():
            if descriptor.is_symlink() and str(descriptor.readlink()).startswith("socket:"):
                os.write(int(descriptor.name), struct.pack("!i", 100) + b"x" * 10)
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    yield
    assert not multiprocessing.active_children()


def _documents(*texts: str) -> pa.RecordBatch:
    rows = [{"doc_id": str(number), "text": text, "source": "here"} for number, text in enumerate(texts)]
    return pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)


def test_guarded_stage_says_what_the_stage_says() -> None:
    documents = _documents("One.", "Two of them.")
    with Guard(FaultyStage()) as guard:
        assert guard.process(documents) == FaultyStage().load()(documents)


def test_record_that_kills_is_an_error_and_the_next_is_processed() -> None:
    with Guard(Kills()) as guard:
        for _ in range(2):
            with pytest.raises(RecordFails, match=r"died \(.*exit code -9"):
                guard.process(_documents("One.", MARK))
            assert guard.process(_documents("One.")).num_rows == 1


def test_process_that_is_killed_by_chance_costs_no_record(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    lives.mkdir()
    (lives / "one").touch()
    with Guard(Kills(lives=str(lives))) as guard:
        assert guard.process(_documents(MARK)).num_rows == 1


def test_record_that_raises_is_an_error_with_its_words_and_the_process_goes_on() -> None:
    with Guard(Raises()) as guard:
        with pytest.raises(RecordFails, match=f"^ValueError: can't read '{MARK}'$"):
            guard.process(_documents(MARK))
        assert guard.process(_documents("One.")).num_rows == 1


def test_what_no_record_is_to_blame_for_stops_the_unit() -> None:
    with Guard(NeedsAServer()) as guard, pytest.raises(Unavailable, match="start it again"):
        guard.process(_documents(MARK))


def test_stage_that_can_not_load_is_said_so() -> None:
    with Guard(WillNotLoad()) as guard, pytest.raises(AtlasError, match=r"model\.bin: is damaged"):
        guard.process(_documents("One."))


def test_process_that_dies_in_the_middle_of_its_answer_is_one_that_died() -> None:
    with Guard(DiesAnswering()) as guard:
        with pytest.raises(RecordFails, match="exit code -9"):
            guard.process(_documents(MARK))
        assert guard.process(_documents("One.")).num_rows == 1


@pytest.mark.parametrize("care", [Care.SMALL_BATCHES, Care.GUARDED])
def test_careful_work_writes_the_bytes_that_careless_work_does(write_corpus: Write, tmp_path: Path, care: Care) -> None:
    corpus = write_corpus(files=1, documents=2 * CAREFUL_RECORDS + 3, text={"0-20": MARK})
    run_over(Raises(), corpus, tmp_path / "careless")
    folder, source = RunFolder.at(tmp_path / "careful"), source_of(corpus)
    for name in ("parts", "quarantine"):
        (tmp_path / "careful" / name).mkdir(parents=True)
    (unit,) = source.units()
    work(Task(unit, keys_of(source, Raises())(unit), care), source, Raises(), Raises().load(), folder)
    for below in ("parts", "quarantine"):
        assert contents(tmp_path / "careful", below) == contents(tmp_path / "careless", below)


def test_several_records_that_kill_cost_themselves_alone(write_corpus: Write, tmp_path: Path) -> None:
    killers = {"0-1", "0-2"}
    corpus = write_corpus(files=1, documents=5, text=dict.fromkeys(killers, MARK))
    folder, source = RunFolder.at(tmp_path / "out"), source_of(corpus)
    for name in ("parts", "quarantine"):
        (tmp_path / "out" / name).mkdir(parents=True)
    (unit,) = source.units()
    outcome = work(Task(unit, "key", Care.GUARDED), source, Kills(), Kills().load(), folder)
    assert (outcome.counts.records_in, outcome.counts.records_out, outcome.counts.quarantined) == (5, 3, 2)
    assert {row["doc_id"] for row in quarantined(folder)} == killers
