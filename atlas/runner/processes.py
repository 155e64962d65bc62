"""Worker processes of this machine."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Generic

from atlas.runner.executors import Died, Failed, MakeWorker, NoWorker, Outcome, Starts, Task, attempt, portable


@dataclass(frozen=True)
class _Ready:
    """The worker has its model, and takes tasks from here on."""


@dataclass(frozen=True)
class _Gone:
    """The worker will say no more."""


def _serve(connection: Connection, make_worker: MakeWorker[Any, Any]) -> None:
    threading.Thread(target=_leave_with_the_driver, daemon=True).start()
    try:
        worker = make_worker()
    except Exception as error:
        connection.send(NoWorker(portable(error)))
        return
    try:
        connection.send(_Ready())
        while (task := connection.recv()) is not None:
            connection.send(attempt(worker, task))
    except (EOFError, OSError):
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
        self._loading: set[Connection] = set()
        self._starts = Starts()

    def submit(self, task: Task) -> None:
        process, connection = self._idle.pop() if self._idle else self._start()
        if not _sent(connection, task) and connection not in self._loading:  # it died when it had nothing to do
            process.join()
            process, connection = self._start()
            _sent(connection, task)
        self._busy[connection] = (process, task)  # one that died while loading is noticed by ``answer``

    def _start(self) -> tuple[Any, Connection]:
        here, there = self._context.Pipe()
        # No daemon: a worker that is guarded has a process of its own, which daemons may not.
        process = self._context.Process(target=_serve, args=(there, self._make_worker), daemon=False)
        with _interrupts_held():
            process.start()
        there.close()
        self._loading.add(here)
        return process, here

    def answer(self) -> Outcome | Died[Task] | Failed[Task]:
        while True:
            connection = wait(list(self._busy))[0]
            assert isinstance(connection, Connection)
            process, task = self._busy[connection]
            answer = _received(connection)
            if isinstance(answer, _Gone):
                del self._busy[connection]
                process.join()
                if connection not in self._loading:
                    return Died(task, f"worker process ended with exit code {process.exitcode}")
                self._loading.discard(connection)
                self._starts.failed(f"a worker process {_end(process.exitcode)}", _advice(process.exitcode))
                self.submit(task)
                continue
            if isinstance(answer, _Ready):
                self._loading.discard(connection)
                self._starts.ready()
                continue
            del self._busy[connection]
            if isinstance(answer, NoWorker):
                process.join()
                raise answer.error
            self._idle.append((process, connection))
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


def _received(connection: Connection) -> Any:
    try:
        return connection.recv()
    except (EOFError, OSError):  # OSError: in the middle of an answer
        return _Gone()


def _sent(connection: Connection, task: Any) -> bool:
    try:
        connection.send(task)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _end(exit_code: int) -> str:
    if exit_code < 0:
        return f"was killed (signal {-exit_code})"
    return f"ended (exit code {exit_code})"


def _advice(exit_code: int) -> str:
    """How to mend a worker process that ends while it loads."""
    memory = "If memory ran out while it loaded the model, give fewer workers."
    script = (
        'If this was called from a script, put the call under `if __name__ == "__main__":`, as every worker '
        "process imports the script again; a program on standard input can have one worker only."
    )
    return f"{memory} {script}" if exit_code < 0 else f"{script} {memory}"


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes started in here never see Ctrl-C: it is the driver's to handle, from their first moment on."""
    resource_tracker.ensure_running()  # when it starts, it lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
