"""Drivers and workers killed at each step that they take on a run's files: each time the end is as if undisturbed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from killed_at_each_step import OTHER
from run_files import Write, everything, run_over, source_of, whole_parts
from stages_with_faults import MARK, FaultyStage, Raises

from atlas.runner import footers, ids, inputs
from atlas.runner.folder import RunFolder
from atlas.runner.retry import retry

HERE = Path(__file__).parent
STAGE = Raises()
STEPS = 60  # more than there are


@pytest.fixture
def corpus(write_corpus: Write) -> Path:
    """Two files with a marked document in each."""
    return write_corpus(files=2, documents=4, text={"0-2": MARK, "1-1": MARK})


@pytest.fixture
def undisturbed(corpus: Path, tmp_path: Path) -> dict[str, bytes]:
    run_over(STAGE, corpus, tmp_path / "undisturbed")
    return _lasting(tmp_path / "undisturbed")


def _lasting(out: Path) -> dict[str, bytes]:
    """Every file of a run but its caches, hidden ones too."""
    caches = (footers.CACHE, ids.CACHE, inputs.CACHE)
    return {name: content for name, content in everything(out).items() if name not in caches}


def _killed(what: str, corpus: Path, tmp_path: Path, before: Path | None = None) -> list[tuple[str, Path]]:
    """Steps at which one was killed, each with its run's folder; all began as copies of ``before``, if given."""
    outs = [tmp_path / f"out{number}" for number in range(STEPS)]
    for out in outs if before is not None else []:
        shutil.copytree(before, out)
    done = subprocess.run(
        [sys.executable, HERE / "killed_at_each_step.py", what, corpus, *outs],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(HERE)},
    )
    return list(zip(done.stdout.splitlines(), outs, strict=False))


def _assert_all_there(killed: list[tuple[str, Path]], *steps: str) -> None:
    taken = [step for step, _ in killed]
    for step in steps:
        assert any(there.startswith(step) for there in taken), f"{step}: not in {taken}"


def test_driver_killed_at_each_step(corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    killed = _killed("run", corpus, tmp_path)
    _assert_all_there(killed, "rename to run.json", "rename to summary.json", "rows written")
    _assert_all_there(killed, *(f"{step} parts" for step in ("begin in", "sync", "rename to")))
    _assert_all_there(killed, *(f"{step} quarantine" for step in ("begin in", "sync", "rename to")))
    _assert_all_there(killed, *(f"rename to {module.CACHE}" for module in (footers, ids, inputs)))
    for step, out in killed:
        left = out.with_suffix(".killed")
        assert not (left / "parts").is_dir() or whole_parts(STAGE, corpus, left), step
        assert _lasting(out) == undisturbed, step


def test_driver_killed_at_each_step_over_the_run_of_other_settings(
    corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    before = tmp_path / "before"
    run_over(STAGE, corpus, before, **OTHER)
    for step, out in _killed("run", corpus, tmp_path, before):
        assert _lasting(out) == undisturbed, step
        assert _lasting(out.with_suffix(".back")) == _lasting(before), step


def test_driver_killed_at_each_step_over_the_run_of_inputs_that_were_cut_otherwise(
    corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    before = tmp_path / "before"
    assert run_over(STAGE, corpus, before, unit_bytes=150).units > len(list(corpus.iterdir()))
    killed = _killed("run", corpus, tmp_path, before)
    _assert_all_there(killed, "delete quarantine", "delete parts")
    for step, out in killed:
        assert _lasting(out) == undisturbed, step


def test_worker_killed_at_each_step(corpus: Path, tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    killed = _killed("worker", corpus, tmp_path)
    _assert_all_there(killed, "rows written")
    _assert_all_there(killed, *(f"{step} parts" for step in ("begin in", "sync", "rename to")))
    _assert_all_there(killed, *(f"{step} quarantine" for step in ("begin in", "sync", "rename to")))
    for step, out in killed:
        assert _lasting(out) == undisturbed, step


def test_retry_killed_at_each_step(corpus: Path, tmp_path: Path) -> None:
    before, once = tmp_path / "before", tmp_path / "once"
    run_over(STAGE, corpus, before)
    shutil.copytree(before, once)
    assert retry(FaultyStage(), source_of(corpus), RunFolder.at(once)).mended == 2
    killed = _killed("retry", corpus, tmp_path, before)
    _assert_all_there(killed, "rows written", "rename to summary.json", "sync .")
    _assert_all_there(killed, *(f"{step} parts" for step in ("begin in", "sync", "rename to")))
    for step, out in killed:
        assert _lasting(out) == _lasting(once), step
