"""Where units are worked on: here (``InProcess``), in processes (``processes.py``) or on Ray (``on_ray.py``).

An executor is given tasks and gives back answers in any order. A worker that dies is an answer too.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from atlas.errors import AtlasError

STARTS = 3  # workers in a row that may die while they load, where others could load: then it is no chance any more

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")
Made = TypeVar("Made", covariant=True)
Worker = Callable[[Task], Outcome]
MakeWorker = Callable[[], Worker[Task, Outcome]]


@dataclass(frozen=True)
class Died(Generic[Task]):
    """The worker that had this task is gone (killed, out of memory, crashed). It had been ready for work before.

    ``memory``: memory ran out, or may have, so that a smaller batch may fare better.
    """

    task: Task
    how: str
    memory: bool = False


@dataclass(frozen=True)
class Failed(Generic[Task]):
    """The task raised: the fault is in the whole unit or in the machine, not in one record."""

    task: Task
    error: Exception


class Executor(Protocol[Task, Made]):
    """``submit`` only while fewer than ``slots`` tasks are under way; ``answer`` waits for the next one.

    ``slots`` may change with every answer, as workers come and go.

    A worker that dies before it is ready is no task's fault: ``answer`` raises AtlasError where no worker could be
    made ready, or STARTS in a row could not.
    """

    @property
    def slots(self) -> int: ...

    def submit(self, task: Task) -> None: ...

    def answer(self) -> Made | Died[Task] | Failed[Task]: ...

    def close(self) -> None: ...


def attempt(worker: Worker[Task, Outcome], task: Task) -> Outcome | Failed[Task]:
    """What the worker makes of a task, or why it can't."""
    try:
        return worker(task)
    except Exception as error:
        return Failed(task, portable(error))


def portable(error: Exception) -> Exception:
    """The error itself where a user can mend it and it survives the way to another process, else its words."""
    if isinstance(error, AtlasError | OSError | MemoryError):
        try:
            return pickle.loads(pickle.dumps(error))
        except Exception:  # an error with a constructor of its own need not come out of a pickle
            pass
    return AtlasError(f"{type(error).__name__}: {error}")


class InProcess(Generic[Task, Outcome]):
    """One task at a time, here."""

    slots = 1

    def __init__(self, make_worker: MakeWorker[Task, Outcome]) -> None:
        self._worker = make_worker()
        self._tasks: list[Task] = []

    def submit(self, task: Task) -> None:
        self._tasks.append(task)

    def answer(self) -> Outcome | Failed[Task]:
        return attempt(self._worker, self._tasks.pop())

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class NoWorker:
    """The worker could not be made: no task can succeed."""

    error: Exception


class Starts:
    """Whether workers come up, and so whether to try once more after one died while it loaded."""

    def __init__(self) -> None:
        self._any_ready = False
        self._failed = 0

    def ready(self) -> None:
        self._any_ready, self._failed = True, 0

    def failed(self, how: str, advice: str) -> None:
        """Raise AtlasError, unless others came up and this may be chance."""
        self._failed += 1
        if not self._any_ready:
            raise AtlasError(f"{how} before it was ready for work, so nothing can be done. {advice}")
        if self._failed >= STARTS:
            raise AtlasError(f"{how} before it was ready for work, as did {STARTS - 1} before it. {advice}")
