"""A process that is killed at its first step on files, another at its second, and so on, until one comes through.

Usage: killed_at_each_step.py WHAT CORPUS OUT...: one folder for each; prints the step at which each was killed.
WHAT: ``run`` or ``retry``, whose driver is killed; ``worker``: of two workers of a run one is. What a killed driver
leaves is kept in OUT.killed; then it is done once more, undisturbed, and a run in OUT.back with ``OTHER`` settings.
Processes are forked, also workers, as a start from nothing takes seconds.
"""

import ctypes
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import MappingProxyType

from file_steps import die, tell_each_step
from run_files import run_over, source_of
from stages_with_faults import FaultyStage, Raises

from atlas.corpus import remembered
from atlas.runner import footers, ids, inputs
from atlas.runner import run as runner
from atlas.runner.folder import RunFolder
from atlas.runner.retry import retry
from atlas.runner.run import Execution
from atlas.stage import Process

PR_SET_CHILD_SUBREAPER = 36
OTHER = {"source": "id"}  # a setting that is in the records kept in quarantine


@dataclass(frozen=True)
class DiesAtStep(Raises):
    """Kills a worker at its so-manieth step, if no other has been; which it was is noted in the file ``step``."""

    out: str = ""
    step: str = ""
    last: int = 0

    def load(self) -> Process:
        _die_at(Path(self.out), self.last, Path(self.step), once=True)
        return FaultyStage.load(self)


def _die_at(out: Path, last: int, note: Path, *, once: bool = False) -> None:
    calls = count(1)

    def told(step: str) -> None:
        if next(calls) == last:
            try:
                note.open("x" if once else "w").write(f"{step}\n")
            except FileExistsError:
                return
            die()

    tell_each_step(out, told)


def _act(what: str, corpus: Path, out: Path, last: int, note: Path) -> None:
    if what == "worker":
        run_over(DiesAtStep(out=str(out), step=str(note), last=last), corpus, out, Execution(workers=2))
        return
    _die_at(out, last, note)
    if what == "run":
        run_over(Raises(), corpus, out)
    else:
        _retry(corpus, out)


def _retry(corpus: Path, out: Path) -> None:
    retry(FaultyStage(), source_of(corpus), RunFolder.at(out))


def _go_on(what: str, corpus: Path, out: Path) -> None:
    for copy in (".killed", ".back"):
        if out.exists():
            shutil.copytree(out, out.with_suffix(copy))
    if what == "retry":
        assert _in_a_process(_retry, corpus, out) == 0
        return
    assert _in_a_process(_run, corpus, out) == 0
    if out.with_suffix(".back").exists():
        assert _in_a_process(_run, corpus, out.with_suffix(".back"), OTHER) == 0


def _run(corpus: Path, out: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
    assert run_over(Raises(), corpus, out, **settings).balanced


def _in_a_process(*work: object) -> int:
    """The exit status, or minus the signal, when it is gone with all that it started."""
    child = os.fork()
    if child == 0:
        function, *arguments = work
        function(*arguments)  # type: ignore[operator]
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(ChildProcessError):
        while True:
            os.wait()  # for its workers, which have become ours
    return status


def _fork_and_keep_caches() -> None:
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
    context = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda _=None: context  # type: ignore[assignment]
    footers.WORTH_KEEPING = ids.WORTH_KEEPING = runner.WORTH_KEEPING = inputs.WORTH_KEEPING_FILES = 1
    footers.SETTLED_SECONDS = ids.SETTLED_SECONDS = remembered.SETTLED_SECONDS = 0.0


def main(what: str, corpus: Path, outs: list[Path]) -> None:
    _fork_and_keep_caches()
    source = source_of(corpus)
    process = FaultyStage().load()
    for batch in source.read(source.units()[0]):
        process(batch.documents)  # what the first call takes is taken once, for all that are forked
    for last, out in enumerate(outs, start=1):
        note = out.with_suffix(".step")
        status = _in_a_process(_act, what, corpus, out, last, note)
        if not note.exists():
            assert status == 0
            return
        assert status == (0 if what == "worker" else -signal.SIGKILL), status
        if what != "worker":
            _go_on(what, corpus, out)
        print(note.read_text().strip(), flush=True)
    raise SystemExit(f"more than {len(outs)} steps")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [Path(argument) for argument in sys.argv[3:]])
