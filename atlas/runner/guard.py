"""A stage at work in a process of its own, for records that may kill it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from atlas.errors import AtlasError, Unavailable
from atlas.runner.executors import Died, Failed
from atlas.runner.processes import Processes
from atlas.stage import Process, Stage


class RecordFails(Exception):
    """What went wrong with these records, in another process; says it whole."""


@dataclass(frozen=True)
class _Raised:
    what: str


class Guard:
    """``process`` does what the stage's own function does; where that kills its process, it raises RecordFails.

    Where no process can be started, as from a program on standard input, it is done here and unguarded.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._here: Process | None = None
        self._worker = Processes[pa.RecordBatch, pa.RecordBatch | _Raised](partial(_make_worker, stage), workers=1)

    def __enter__(self) -> "Guard":
        return self

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self._here is not None:
            return self._here(batch)
        try:
            answer = self._answer(batch)
            if isinstance(answer, Died) and batch.num_rows == 1:
                answer = self._answer(batch)  # it may have been killed by chance, for others' use of memory, say
        except AtlasError:
            self._here = self._stage.load()
            return self._here(batch)
        if isinstance(answer, Died):
            raise RecordFails(f"the process that worked on this record died ({answer.how})")
        if isinstance(answer, Failed):
            raise answer.error
        if isinstance(answer, _Raised):
            raise RecordFails(answer.what)
        return answer

    def _answer(self, batch: pa.RecordBatch) -> Any:
        self._worker.submit(batch)
        return self._worker.answer()

    def __exit__(self, *_: object) -> None:
        self._worker.close()


def _make_worker(stage: Stage) -> Callable[[pa.RecordBatch], pa.RecordBatch | _Raised]:
    process = stage.load()

    def worker(batch: pa.RecordBatch) -> pa.RecordBatch | _Raised:
        try:
            return process(batch)
        except Unavailable:
            raise
        except Exception as error:
            return _Raised(described(error))

    return worker


def described(error: Exception) -> str:
    """The kind of an error and what it says."""
    return str(error) if isinstance(error, RecordFails) else f"{type(error).__name__}: {error}"
