"""Run a stage over a source: plan, keep what is done, work on the rest, strike the balance."""

import errno
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from atlas.errors import AtlasError, Unavailable
from atlas.runner.at_work import died_with, noted, noting
from atlas.runner.balance import Result, settle, unfinished
from atlas.runner.counts import Counts
from atlas.runner.executors import Died, Executor, Failed, InProcess, MakeWorker, Worker, attempt
from atlas.runner.folder import ALL, SUMMARY, RunFolder
from atlas.runner.footers import WORTH_KEEPING, keep
from atlas.runner.inputs import remember, remembered
from atlas.runner.part import Care, Outcome, Source, Task, work
from atlas.runner.plan import Plan, compare, tasks_of, undamaged
from atlas.runner.processes import Processes
from atlas.runner.sittings import inputs_of
from atlas.runner.superseded import cleared
from atlas.stage import Stage

NOTED = 5_000  # units after which the footers of new parts are noted, so that a resume need not read them all
ATTEMPTS = 3  # a unit that kills this many workers, the last of them with no other at work, is no victim


@dataclass(frozen=True, slots=True)
class Execution:
    """How to run: not part of any key, as it never changes a byte of the output.

    ``workers`` not given: one here; on Ray as many as nodes have room for. With ``max_workers``, Ray is asked for
    ``workers`` (one, where not given), and as many more work as nodes have room for, up to so many.
    ``cpus``, ``gpus`` (parts of one, too) and ``memory`` (bytes) are what Ray sets aside for each worker; workers of
    this machine share what there is. What is for Ray alone is refused elsewhere (AtlasError).
    ``verify``: the parts that are there are read to their last byte, and damaged ones are made anew; without it,
    a part is known by its footer alone. ``shard``: number (from 1), and of how many; every so-manieth unit is worked on
    here, the others elsewhere, and the last shard to end strikes the balance of all.
    """

    executor: Literal["local", "ray"] = "local"
    workers: int | None = None
    address: str | None = None
    cpus: float = 1
    gpus: float = 0
    memory: int = 0
    max_workers: int | None = None
    verify: bool = False
    shard: tuple[int, int] = ALL

    def __post_init__(self) -> None:
        on_ray = {
            "max_workers": self.max_workers is not None,
            "address": self.address is not None,
            "worker_cpus": self.cpus != 1,
            "worker_gpus": self.gpus != 0,
            "worker_memory_gib": self.memory != 0,
        }
        given = [name for name, there in on_ray.items() if there]
        if given and self.executor != "ray":
            raise AtlasError(f"{', '.join(given)}: only Ray has that; leave it out, or give executor ray")
        if self.max_workers is not None and self.max_workers < (self.workers or 1):
            raise AtlasError(f"max_workers ({self.max_workers}) is less than workers ({self.workers})")


Watch = Callable[[str, Counts], None]


def run(
    stage: Stage,
    source: Source,
    out: str | Path,
    corpus: str,
    recipe: dict[str, Any],
    execution: Execution = Execution(),
    watch: Watch | None = None,
    started: Callable[[Plan], None] | None = None,
) -> Result:
    """Bring a run folder up to date with its source, stage and models, and strike its balance.

    Args:
        corpus: what the folder is of, in words; a folder that is of something else is refused.
        recipe: settings from which the run can be repeated, kept in the folder's manifest.
        watch: called after each unit with its name and counts.
        started: called once with the plan, before any work.

    Raises:
        AtlasError: wrong input, another run's folder, a full disk; what was written stays.
    """
    folder = RunFolder.at(out)
    folder.check(stage.name, corpus)
    inputs = remembered(folder)
    tasks = tasks_of(stage, source, inputs)  # before the folder is touched: a wrong corpus leaves no trace
    with folder.writing(execution.shard), noted(folder) as note:
        folder.claim(stage.name, corpus, recipe, inputs_of(task.unit for task in tasks))
        remember(folder, inputs)
        del inputs
        planned = replace(compare(tasks, folder, keep=True), shard=execution.shard)
        if execution.verify:
            planned = undamaged(planned, folder)
        if started is not None:
            started(planned)
        counts = planned.done.only(planned.done.there)
        failures: list[str] = []
        if planned.todo:
            folder.remove(SUMMARY)  # it is an earlier run's; until this one has ended, the folder is not complete
            make_worker = partial(_make_worker, stage, source, folder)
            outcomes = 0
            suspect = died_with(folder)
            todo = (replace(task, care=Care.GUARDED) if task.name == suspect else task for task in planned.todo)
            with closing(_answers(todo, len(planned.todo), make_worker, execution, note)) as answers:
                for answer in answers:
                    known = _give_up(answer, source, stage, folder) if isinstance(answer, Died) else answer
                    if isinstance(known, Failed):
                        if _is_fatal(known.error):
                            raise known.error
                        failures.append(f"{known.task.name}: {_first_line(known.error)}")
                        continue
                    counts.put(int(tasks.rows([known.name])[0]), known.counts)
                    outcomes += 1
                    if outcomes % NOTED == 0:
                        keep(folder)
                    if watch is not None:
                        watch(known.name, known.counts)
            if outcomes >= WORTH_KEEPING:
                keep(folder)
        if execution.shard != ALL:  # the others' parts may have come since
            now = compare(tasks, folder)
            planned, counts = replace(now, done=planned.done), now.done
            if len(counts) < len(tasks):
                return unfinished(planned, counts, failures)
        planned, superseded = cleared(planned, counts, source, stage.name, folder)
        return replace(settle(folder, source, planned, counts, failures), superseded=superseded)


def _answers(
    tasks: Iterator[Task],
    number: int,
    make_worker: MakeWorker[Task, Outcome],
    execution: Execution,
    note: Callable[[Task], None],
) -> Generator[Outcome | Failed[Task] | Died[Task], None, None]:
    """Keep the executor busy; try a task again whose worker died, alone in the end; give up after ATTEMPTS."""
    again, suspects = deque[Task](), deque[Task]()
    deaths: dict[str, int] = {}
    executor = _executor(make_worker, execution, number, note)
    busy = 0
    try:
        while True:
            while busy < executor.slots and (task := next(tasks, None) or (again.popleft() if again else None)):
                executor.submit(task)
                busy += 1
            if not busy and not suspects:
                return
            if not busy:
                executor.submit(suspects.popleft())
                busy += 1
            answer = executor.answer()
            busy -= 1
            if isinstance(answer, Died):
                name = answer.task.name
                deaths[name] = deaths.get(name, 0) + 1
                if deaths[name] < ATTEMPTS:
                    careful = replace(answer.task, care=Care(deaths[name]))
                    (suspects if deaths[name] == ATTEMPTS - 1 else again).append(careful)
                    continue
            yield answer
    finally:
        executor.close()


def _executor(
    make_worker: MakeWorker[Task, Outcome], execution: Execution, tasks: int, note: Callable[[Task], None]
) -> Executor[Task, Outcome]:
    if execution.executor == "ray":
        from atlas.runner.on_ray import OnRay
        from atlas.runner.ray_cluster import Share

        share = Share(execution.cpus, execution.gpus, execution.memory)
        most = execution.max_workers or execution.workers
        return OnRay(make_worker, execution.workers or 1, most, execution.address, share)
    workers = execution.workers or 1
    if workers == 1:
        return InProcess(lambda: noting(make_worker(), note))
    return Processes(make_worker, min(workers, tasks))


def _make_worker(stage: Stage, source: Source, folder: RunFolder) -> Worker[Task, Outcome]:
    process = stage.load()

    def worker(task: Task) -> Outcome:
        return work(task, source, stage, process, folder)

    return worker


def _is_fatal(error: Exception) -> bool:
    """Whether every further unit would meet it too."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
    return isinstance(error, Unavailable) or (isinstance(error, OSError) and error.errno in full)


def _give_up(death: Died[Task], source: Source, stage: Stage, folder: RunFolder) -> Outcome | Failed[Task]:
    """Quarantine every record of a unit that kills its workers; its part holds no row."""

    def refuse(_: pa.RecordBatch) -> pa.RecordBatch:
        raise RuntimeError(f"the worker died on this unit {ATTEMPTS} times ({death.how})")

    return attempt(lambda task: work(task, source, stage, refuse, folder), replace(death.task, care=Care.NONE))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
