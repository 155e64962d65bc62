"""Where units are worked on: in this process, in worker processes, or on Ray.

An executor is given tasks and gives back outcomes in any order. A worker that dies is an answer too.
"""

import logging
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from atlas.errors import AtlasError
from atlas.runner.part import Outcome, Task

Worker = Callable[[Task], Outcome]
MakeWorker = Callable[[], Worker]


@dataclass(frozen=True, slots=True)
class Died:
    """The worker that had this task is gone (killed, out of memory, crashed)."""

    task: Task
    how: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The task raised: the fault is in the whole unit or in the machine, not in one record."""

    task: Task
    error: Exception


Answer = Outcome | Died | Failed


class Executor(Protocol):
    """``submit`` only while fewer than ``slots`` tasks are under way; ``answer`` waits for the next one."""

    slots: int

    def submit(self, task: Task) -> None: ...

    def answer(self) -> Answer: ...

    def close(self) -> None: ...


class InProcess:
    """One task at a time, here."""

    slots = 1

    def __init__(self, make_worker: MakeWorker) -> None:
        self._worker = make_worker()
        self._task: Task | None = None

    def submit(self, task: Task) -> None:
        self._task = task

    def answer(self) -> Answer:
        assert self._task is not None
        task, self._task = self._task, None
        return _attempt(self._worker, task)

    def close(self) -> None:
        pass


def _attempt(worker: Worker, task: Task) -> Answer:
    try:
        return worker(task)
    except (AtlasError, OSError, MemoryError) as error:
        return Failed(task, error)


def _serve(connection: Connection, make_worker: MakeWorker) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    try:
        worker = make_worker()
    except Exception as error:
        connection.send(error)
        return
    while (task := connection.recv()) is not None:
        connection.send(_attempt(worker, task))


class Processes:
    """Worker processes of this machine, each with its own model; a dead one is replaced."""

    def __init__(self, make_worker: MakeWorker, workers: int) -> None:
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
        process.start()
        there.close()
        return process, here

    def answer(self) -> Answer:
        ready = wait(list(self._busy))[0]
        assert isinstance(ready, Connection)
        process, task = self._busy.pop(ready)
        try:
            answer = ready.recv()
        except (EOFError, ConnectionResetError):
            process.join()
            return Died(task, f"worker process ended with exit code {process.exitcode}")
        if isinstance(answer, Exception):
            raise answer  # the worker could not be made: no unit can succeed
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


class OnRay:
    """Actors on a Ray cluster: a local one started here, or the one at ``address``."""

    def __init__(self, make_worker: MakeWorker, workers: int | None, address: str | None) -> None:
        import ray

        self._started = not ray.is_initialized()
        if self._started:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        self._ray = ray
        self._make_worker = make_worker
        self.slots = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._actor_class: Any = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Actor)
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Task]] = {}

    def submit(self, task: Task) -> None:
        actor: Any = self._idle.pop() if self._idle else self._actor_class.remote(self._make_worker)
        self._busy[actor.work.remote(task)] = (actor, task)

    def answer(self) -> Answer:
        (ready, *_), _ = self._ray.wait(list(self._busy), num_returns=1)
        actor, task = self._busy.pop(ready)
        try:
            answer = self._ray.get(ready)
        except self._ray.exceptions.RayActorError as error:
            cause = error.__cause__
            if isinstance(cause, AtlasError):
                raise cause from None
            return Died(task, str(error).strip().splitlines()[0])
        self._idle.append(actor)
        return answer

    def close(self) -> None:
        for actor in [*self._idle, *(actor for actor, _ in self._busy.values())]:
            self._ray.kill(actor)
        self._busy.clear()
        self._idle.clear()
        if self._started:
            self._ray.shutdown()


class _Actor:
    def __init__(self, make_worker: MakeWorker) -> None:
        self._worker = make_worker()

    def work(self, task: Task) -> Answer:
        return _attempt(self._worker, task)
