"""Real Ray nodes, each with processes of its own: they die, they join, and their driver dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from ray_nodes import Gate, Nodes, cluster
from run_files import Write, contents, everything, run_over
from stages_with_faults import MARK, small_chunks

from atlas.storage import TEMPORARY

pytestmark = pytest.mark.slow

STAGE = small_chunks()
FILES = 4
DRIVER = """
import sys
from pathlib import Path
from atlas.runner.run import Execution
from run_files import run_over
from stages_with_faults import SaysItsNode
corpus, out, gate, address = sys.argv[1:]
stage = SaysItsNode(gate=gate)
print(run_over(stage, Path(corpus), out, Execution("ray", address=address)).units_done_before)
"""
COMMAND_LINE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests started in the background ignore it
from atlas.chunking import stage
from atlas.cli.main import main
from stages_with_faults import SaysItsNode
corpus, out, gate, address = sys.argv[1:]
stage.ChunkStage = lambda config: SaysItsNode(gate=gate)
sys.argv = ["atlas", "chunk", corpus, "--id", "id", "--out", out, "--executor", "ray"]
sys.argv += ["--address", address] if address else ["--workers", "1"]
main()
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def head() -> Iterator[Nodes]:
    """A head with one CPU; tests add nodes to it, and take them away."""
    with cluster("head") as nodes:
        yield nodes


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path / "gate", ("head", "second", "alone"))
    yield made
    made.close()


@pytest.fixture
def start(head: Nodes, gate: Gate) -> Iterator[Start]:
    """Starts drivers in a session of their own."""

    def started(
        corpus: Path, out: Path, script: str = DRIVER, address: str = head.address, name: str = "driver"
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, str(corpus), str(out), str(gate.folder), address]
        return subprocess.Popen(
            command,
            env=head.environment(name),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    yield started
    for name in ("driver", "second", "alone"):
        head.kill(name)


@pytest.fixture
def undisturbed(write_corpus: Write, tmp_path: Path) -> tuple[Path, Path]:
    """A corpus with a gate in each file, and its run in this process, by a stage that sees no gates."""
    corpus, out = write_corpus(files=FILES, text={f"{file}-3": MARK for file in range(FILES)}), tmp_path / "undisturbed"
    assert run_over(STAGE, corpus, out).balanced
    return corpus, out


def test_node_killed_in_mid_run_loses_nothing_and_is_held_against_no_unit(
    undisturbed: tuple[Path, Path], tmp_path: Path, head: Nodes, gate: Gate, start: Start
) -> None:
    corpus, one = undisturbed
    head.start("second")
    driver = start(corpus, tmp_path / "out")
    gate.wait_for(driver, "head", "second")
    head.kill("second")
    gate.open("head")
    stdout, stderr = driver.communicate()
    assert (driver.returncode, stdout, stderr) == (0, "0\n", "")
    assert everything(tmp_path / "out") == everything(one)


def test_node_that_joins_in_mid_run_takes_work_while_all_others_are_busy(
    undisturbed: tuple[Path, Path], tmp_path: Path, head: Nodes, gate: Gate, start: Start
) -> None:
    corpus, one = undisturbed
    driver = start(corpus, tmp_path / "out")
    gate.wait_for(driver, "head")
    assert gate.said == ["head"]
    head.start("second")
    gate.wait_for(driver, "second")
    gate.open("second")
    gate.open("head")
    stdout, stderr = driver.communicate()
    assert (driver.returncode, stdout, stderr) == (0, "0\n", "")
    assert everything(tmp_path / "out") == everything(one)


def test_actors_of_a_killed_driver_end_and_the_next_run_goes_on(
    undisturbed: tuple[Path, Path], tmp_path: Path, head: Nodes, gate: Gate, start: Start
) -> None:
    corpus, one = undisturbed
    driver = start(corpus, tmp_path / "out")
    gate.wait_for(driver, "head")
    actor = _actor(head, "head")
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs([actor], timeout=60)
    assert not alive
    assert run_over(STAGE, corpus, tmp_path / "out").balanced
    assert everything(tmp_path / "out") == everything(one)


def test_interrupt_exits_with_one_line_and_status_1_and_the_run_goes_on_from_there(
    undisturbed: tuple[Path, Path], tmp_path: Path, gate: Gate, start: Start
) -> None:
    corpus, one = undisturbed
    driver = start(corpus, tmp_path / "out", COMMAND_LINE)
    gate.wait_for(driver, "head")
    os.killpg(driver.pid, signal.SIGINT)
    stdout, stderr = driver.communicate()
    assert (driver.returncode, stdout) == (1, "")
    stopped = "atlas: stopped. What was finished is kept; the same command goes on from there."
    assert stderr.strip().splitlines() == [stopped]
    assert not list((tmp_path / "out").rglob(f"{TEMPORARY}*"))
    assert run_over(STAGE, corpus, tmp_path / "out").balanced
    assert everything(tmp_path / "out") == everything(one)


def test_worker_that_dies_is_not_heard_of_among_the_results(
    undisturbed: tuple[Path, Path], tmp_path: Path, head: Nodes, gate: Gate, start: Start
) -> None:
    corpus, one = undisturbed
    driver = start(corpus, tmp_path / "out", COMMAND_LINE)
    gate.wait_for(driver, "head")
    _actor(head, "head").kill()
    gate.open("head")
    stdout, stderr = driver.communicate()
    assert (driver.returncode, stderr) == (0, "")
    assert [line.split()[0] for line in stdout.splitlines()] == ["units", "records", "rows", "time", "written"]
    assert contents(tmp_path / "out") == contents(one)


def test_driver_that_started_ray_itself_and_is_killed_leaves_no_process(
    undisturbed: tuple[Path, Path], tmp_path: Path, head: Nodes, gate: Gate, start: Start
) -> None:
    corpus, one = undisturbed
    driver = start(corpus, tmp_path / "out", COMMAND_LINE, address="", name="alone")
    gate.wait_for(driver, "alone")
    started = head.processes("alone")
    assert _actor(head, "alone") in started
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(started, timeout=60)
    assert not alive
    assert run_over(STAGE, corpus, tmp_path / "out").balanced
    assert everything(tmp_path / "out") == everything(one)


def _actor(nodes: Nodes, name: str) -> psutil.Process:
    """The one actor that is on a node."""
    (actor,) = [process for process in nodes.processes(name) if "_Actor" in process.name()]
    return actor
