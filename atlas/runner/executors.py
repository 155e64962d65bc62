"""Where units are worked on: in this process, in worker processes (``processes.py``), or on Ray.

An executor is given tasks and gives back answers in any order. A worker that dies is an answer too.
"""

import logging
import pickle
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from atlas.errors import AtlasError

KNOCK_SECONDS = 30.0
STARTS = 3  # workers in a row that may die while they load, where others could load: then it is no chance any more

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")
Made = TypeVar("Made", covariant=True)
Worker = Callable[[Task], Outcome]
MakeWorker = Callable[[], Worker[Task, Outcome]]


@dataclass(frozen=True)
class Died(Generic[Task]):
    """The worker that had this task is gone (killed, out of memory, crashed). It had been ready for work before."""

    task: Task
    how: str


@dataclass(frozen=True)
class Failed(Generic[Task]):
    """The task raised: the fault is in the whole unit or in the machine, not in one record."""

    task: Task
    error: Exception


class Executor(Protocol[Task, Made]):
    """``submit`` only while fewer than ``slots`` tasks are under way; ``answer`` waits for the next one.

    A worker that dies before it is ready is no task's fault: ``answer`` raises AtlasError where no worker could be
    made ready, or STARTS in a row could not.
    """

    slots: int

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


class OnRay(Generic[Task, Outcome]):
    """Actors on a Ray cluster: a local one started here, or the one at ``address``.

    ``cpus`` and ``gpus`` are set aside for each actor; ``workers`` not given: as many as the cluster has room for.
    """

    def __init__(
        self,
        make_worker: MakeWorker[Task, Outcome],
        workers: int | None,
        address: str | None,
        cpus: int = 1,
        gpus: int = 0,
    ) -> None:
        import ray
        from ray import exceptions

        self._started = not ray.is_initialized()
        if self._started:
            try:
                if address is not None:
                    _knock(address)
                ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
            except OSError as error:
                where = address or "the address in $RAY_ADDRESS"
                raise AtlasError(f"no Ray cluster at {where} ({error}); start one, or mend --address") from error
        self._ray = ray
        self._deaths = (
            exceptions.RayActorError,
            exceptions.OutOfMemoryError,
            exceptions.NodeDiedError,
            exceptions.RuntimeEnvSetupError,
            exceptions.ActorUnschedulableError,
        )
        self._make_worker = make_worker
        needs = {"CPU": cpus, "GPU": gpus}
        there = {name: int(ray.cluster_resources().get(name, 0)) for name in needs}
        lacks = [name for name, wanted in needs.items() if there[name] < wanted]
        if lacks and address is None:  # a cluster elsewhere may grow on demand, one started here can't
            self._leave()
            raise AtlasError(
                f"each worker needs {needs[lacks[0]]} {lacks[0]}, and Ray has {there[lacks[0]]}: "
                "ask for less, or give --address of a cluster that has them"
            )
        fit = min(there[name] // wanted for name, wanted in needs.items() if wanted)
        self.slots = workers or max(1, fit)
        self._actor_class: Any = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0)(_Actor)
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Task]] = {}
        self._ready: dict[Any, Any] = {}
        self._starts = Starts()

    def submit(self, task: Task) -> None:
        actor: Any = self._idle.pop() if self._idle else self._start()
        self._busy[actor.work.remote(task)] = (actor, task)

    def _start(self) -> Any:
        actor = self._actor_class.remote(self._make_worker)
        self._ready[actor] = actor.ready.remote()
        return actor

    def answer(self) -> Outcome | Died[Task] | Failed[Task]:
        while True:
            self._dismiss_idle()
            (done, *_), _ = self._ray.wait(list(self._busy), num_returns=1)
            actor, task = self._busy.pop(done)
            try:
                answer = self._ray.get(done)
            except self._deaths as error:
                if self._was_ready(actor):
                    return Died(task, str(error).strip().splitlines()[0])
                self._starts.failed(f"a worker on Ray died ({_cause(error)})", RAY_ADVICE)
                self.submit(task)
                continue
            if isinstance(answer, NoWorker):
                raise answer.error
            self._starts.ready()
            self._idle.append(actor)
            return answer

    def _was_ready(self, actor: Any) -> bool:
        """Whether an actor that is gone had been made before it died."""
        try:
            self._ray.get(self._ready.pop(actor))
        except self._deaths:
            return False
        self._starts.ready()
        return True

    def _dismiss_idle(self) -> None:
        """An actor left without a task has none to come; one not yet placed may be waiting for its CPU."""
        for actor in self._idle:
            self._ready.pop(actor)
            self._ray.kill(actor)
        self._idle.clear()

    def close(self) -> None:
        self._dismiss_idle()
        for actor, _ in self._busy.values():
            self._ray.kill(actor)
        self._busy.clear()
        self._leave()

    def _leave(self) -> None:
        if self._started:
            self._ray.shutdown()


RAY_ADVICE = (
    "Atlas must be installed on every node in the same version, and annotator and corpus be at paths that every node "
    "can reach. If memory ran out while it loaded the model, give fewer workers."
)


def _cause(error: Exception) -> str:
    """The line of Ray's long message that says most, in plain characters."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines() or [type(error).__name__]
    return lines[-1] if getattr(error, "actor_init_failed", False) else lines[0].rstrip(".")


def _knock(address: str) -> None:
    """Raise where nobody listens at ``host:port``: Ray itself would wait there for ever."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()


class _Actor:
    def __init__(self, make_worker: MakeWorker[Any, Any]) -> None:
        self._worker: Worker[Any, Any] | None = None
        try:
            self._worker = make_worker()
        except Exception as error:  # raised here, it would look as if the actor had died
            self._problem = NoWorker(portable(error))

    def ready(self) -> None:
        """Returns once the actor is made."""

    def work(self, task: Any) -> Any:
        return self._problem if self._worker is None else attempt(self._worker, task)
