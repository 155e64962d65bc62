"""Where units are worked on: in this process, in worker processes, or on Ray.

An executor is given tasks and gives back answers in any order. A worker that dies is an answer too.
"""

import logging
import multiprocessing
import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Protocol, TypeVar

from atlas.errors import AtlasError

KNOCK_SECONDS = 30.0

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")
Made = TypeVar("Made", covariant=True)
Worker = Callable[[Task], Outcome]
MakeWorker = Callable[[], Worker[Task, Outcome]]


@dataclass(frozen=True)
class Died(Generic[Task]):
    """The worker that had this task is gone (killed, out of memory, crashed)."""

    task: Task
    how: str


@dataclass(frozen=True)
class Failed(Generic[Task]):
    """The task raised: the fault is in the whole unit or in the machine, not in one record."""

    task: Task
    error: Exception


class Executor(Protocol[Task, Made]):
    """``submit`` only while fewer than ``slots`` tasks are under way; ``answer`` waits for the next one."""

    slots: int

    def submit(self, task: Task) -> None: ...

    def answer(self) -> Made | Died[Task] | Failed[Task]: ...

    def close(self) -> None: ...


def attempt(worker: Worker[Task, Outcome], task: Task) -> Outcome | Failed[Task]:
    """What the worker makes of a task, or why it can't."""
    try:
        return worker(task)
    except Exception as error:
        return Failed(task, _portable(error))


def _portable(error: Exception) -> Exception:
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
class _NoWorker:
    """The worker could not be made: no task can succeed."""

    error: Exception


def _serve(connection: Connection, make_worker: MakeWorker[Any, Any]) -> None:
    threading.Thread(target=_leave_with_the_driver, daemon=True).start()
    try:
        worker = make_worker()
    except Exception as error:
        connection.send(_NoWorker(_portable(error)))
        return
    try:
        while (task := connection.recv()) is not None:
            connection.send(attempt(worker, task))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is gone


def _leave_with_the_driver() -> None:
    """A driver that was killed can't stop its workers, and the next run must not meet them at work."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    wait([driver.sentinel])
    os._exit(1)


class Processes(Generic[Task, Outcome]):
    """Worker processes of this machine, each with its own model; a dead one is replaced."""

    def __init__(self, make_worker: MakeWorker[Task, Outcome], workers: int) -> None:
        self.slots = workers
        self._make_worker = make_worker
        self._context = multiprocessing.get_context("spawn")
        self._idle: list[tuple[Any, Connection]] = []
        self._busy: dict[Connection, tuple[Any, Task]] = {}

    def submit(self, task: Task) -> None:
        process, connection = self._idle.pop() if self._idle else self._start()
        try:
            connection.send(task)
        except (BrokenPipeError, ConnectionResetError):
            process.join()
            process, connection = self._start()
            connection.send(task)
        self._busy[connection] = (process, task)

    def _start(self) -> tuple[Any, Connection]:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there, self._make_worker), daemon=True)
        with _interrupts_held():
            process.start()
        there.close()
        return process, here

    def answer(self) -> Outcome | Died[Task] | Failed[Task]:
        ready = wait(list(self._busy))[0]
        assert isinstance(ready, Connection)
        process, task = self._busy.pop(ready)
        try:
            answer = ready.recv()
        except (EOFError, ConnectionResetError):
            process.join()
            return Died(task, f"worker process ended with exit code {process.exitcode}")
        if isinstance(answer, _NoWorker):
            process.join()
            raise answer.error
        self._idle.append((process, ready))
        return answer

    def close(self) -> None:
        for connection, (process, _) in self._busy.items():
            process.terminate()
            connection.close()
        for process, connection in self._idle:
            try:
                connection.send(None)
            except (BrokenPipeError, ConnectionResetError):
                process.terminate()
        for process, _ in [*self._busy.values(), *self._idle]:
            process.join()
        self._busy.clear()
        self._idle.clear()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes started in here never see Ctrl-C: it is the driver's to handle, from their first moment on."""
    resource_tracker.ensure_running()  # when it starts, it lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
        self._deaths = (exceptions.RayActorError, exceptions.OutOfMemoryError, exceptions.NodeDiedError)
        self._make_worker = make_worker
        needs = {"CPU": cpus, "GPU": gpus}
        there = {name: int(ray.cluster_resources().get(name, 0)) for name in needs}
        lacks = [name for name, wanted in needs.items() if there[name] < wanted]
        if lacks and self._started and address is None:  # a cluster elsewhere may grow on demand, this one can't
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

    def submit(self, task: Task) -> None:
        actor: Any = self._idle.pop() if self._idle else self._actor_class.remote(self._make_worker)
        self._busy[actor.work.remote(task)] = (actor, task)

    def answer(self) -> Outcome | Died[Task] | Failed[Task]:
        self._dismiss_idle()
        (ready, *_), _ = self._ray.wait(list(self._busy), num_returns=1)
        actor, task = self._busy.pop(ready)
        try:
            answer = self._ray.get(ready)
        except self._deaths as error:
            return Died(task, str(error).strip().splitlines()[0])
        if isinstance(answer, _NoWorker):
            raise answer.error
        self._idle.append(actor)
        return answer

    def _dismiss_idle(self) -> None:
        """An actor left without a task has none to come; one not yet placed may be waiting for its CPU."""
        for actor in self._idle:
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
            self._problem = _NoWorker(_portable(error))

    def work(self, task: Any) -> Any:
        return self._problem if self._worker is None else attempt(self._worker, task)
