"""A driver that is killed, or stopped with Ctrl-C, costs at most the units in flight (see also test_soak_steps.py)."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from pathlib import Path

import psutil
import pytest
from run_files import Write, everything, run_over, whole_parts
from stages_with_faults import MARK, small_chunks

from atlas.storage import TEMPORARY

HERE = Path(__file__).parent
STAGE = small_chunks()

IMPORTS = """
import os, signal, sys
from pathlib import Path
from atlas.runner.run import Execution, run
from run_files import run_over, source_of
from stages_with_faults import *
corpus, out, reached = (Path(argument) for argument in sys.argv[1:4])
"""
RUN_AND_WAIT = """
run_over(Waits(reached=str(reached)), corpus, out, Execution(workers=2), batch_bytes=300)
"""
RUN_AND_DIE_AFTER_THE_FIRST_PART = """
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
stage = small_chunks()
recipe = {"corpus": source_of(corpus).config.model_dump(mode="json"), "chunk": stage.identity()["chunk"]}
run(stage, source_of(corpus), out, str(corpus), recipe, Execution(workers=2), watch=die)
"""
COMMAND_LINE = """
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests started in the background ignore it, and so would this
from atlas.chunking import stage
from atlas.cli.main import main
def faulty(config):
    stage.ChunkStage = ChunkStage  # workers look for it there
    return STAGE(reached=str(reached))
stage.ChunkStage = faulty
sys.argv = ["atlas", "chunk", str(corpus), "--id", "id", "--out", str(out), "--workers", "2"]
main()
"""

Start = Callable[[str, Path, Path], subprocess.Popen[str]]


@pytest.fixture
def reached(tmp_path: Path) -> Path:
    """A FIFO on which workers say that they are where they should be."""
    fifo = tmp_path / "reached"
    os.mkfifo(fifo)
    return fifo


@pytest.fixture
def start(tmp_path: Path, reached: Path) -> Iterator[Start]:
    """Starts drivers in a session of their own; sees to it that at the end neither they nor a worker are left."""
    environment = os.environ | {"ATLAS_TEST": str(tmp_path), "PYTHONPATH": str(HERE)}

    def started(script: str, corpus: Path, out: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", IMPORTS + script, str(corpus), str(out), str(reached)]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    yield started
    for process in _processes_of(tmp_path):
        process.kill()


def _processes_of(mark: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ATLAS_TEST") == str(mark):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _wait_until_all_left(mark: Path) -> None:
    _, alive = psutil.wait_procs(_processes_of(mark), timeout=60)
    assert not alive


def test_driver_killed_before_any_part_leaves_no_worker_and_no_part(
    write_corpus: Write, tmp_path: Path, start: Start, reached: Path
) -> None:
    corpus, out = write_corpus(text={"0-0": MARK, "1-0": MARK}), tmp_path / "out"
    driver = start(RUN_AND_WAIT, corpus, out)
    _wait_for_workers(driver, reached, 2)
    driver.kill()
    _wait_until_all_left(tmp_path)
    assert not list((out / "parts").glob("*.parquet"))
    _assert_next_run_is_as_if_undisturbed(corpus, out, tmp_path)


def test_driver_killed_while_a_part_is_written_leaves_no_torn_part(
    write_corpus: Write, tmp_path: Path, start: Start, reached: Path
) -> None:
    corpus, out = write_corpus(text={"1-5": MARK, "2-5": MARK}), tmp_path / "out"
    driver = start(RUN_AND_WAIT, corpus, out)
    _wait_for_workers(driver, reached, 2)
    driver.kill()
    _wait_until_all_left(tmp_path)
    assert len(list((out / "parts").glob(f"{TEMPORARY}*"))) == 2
    assert len(list((out / "parts").glob("[!.]*"))) in (1, 2)
    _assert_next_run_is_as_if_undisturbed(corpus, out, tmp_path)


def test_driver_killed_after_the_first_part_leaves_whole_parts_and_no_worker(
    write_corpus: Write, tmp_path: Path, start: Start
) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    driver = start(RUN_AND_DIE_AFTER_THE_FIRST_PART, corpus, out)
    assert driver.wait() == -signal.SIGKILL
    _wait_until_all_left(tmp_path)
    assert whole_parts(STAGE, corpus, out)
    assert list((out / "parts").glob("[!.]*"))
    _assert_next_run_is_as_if_undisturbed(corpus, out, tmp_path)


@pytest.mark.parametrize("moment", ["Waits", "WaitsWhileStarting"])
def test_interrupt_exits_with_one_line_and_status_1_and_the_run_goes_on_from_there(
    write_corpus: Write, tmp_path: Path, start: Start, reached: Path, moment: str
) -> None:
    corpus, out = write_corpus(text={"2-0": MARK, "3-0": MARK}), tmp_path / "out"
    driver = start(COMMAND_LINE.replace("STAGE", moment), corpus, out)
    _wait_for_workers(driver, reached, 2 if moment == "Waits" else 1)
    os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: driver and workers
    stdout, stderr = driver.communicate()
    assert driver.returncode == 1
    assert stdout == ""
    assert stderr.strip().splitlines() == [
        "atlas: stopped. What was finished is kept; the same command goes on from there."
    ]
    _wait_until_all_left(tmp_path)
    assert not list(out.rglob(f"{TEMPORARY}*"))
    _assert_next_run_is_as_if_undisturbed(corpus, out, tmp_path)


def _wait_for_workers(driver: subprocess.Popen[str], reached: Path, workers: int) -> None:
    """Until so many workers have said a line; a driver that leaves before is an error."""
    fifo, ended = os.open(reached, os.O_RDWR), os.pidfd_open(driver.pid)
    said = b""
    while said.count(b"\n") < workers:
        if ended in wait([fifo, ended]):
            pytest.fail(f"the driver ended: {driver.communicate()}")
        said += os.read(fifo, 100)
    os.close(fifo)
    os.close(ended)


def _assert_next_run_is_as_if_undisturbed(corpus: Path, out: Path, tmp_path: Path) -> None:
    assert run_over(STAGE, corpus, out).balanced
    run_over(STAGE, corpus, tmp_path / "undisturbed")
    assert everything(out) == everything(tmp_path / "undisturbed")
