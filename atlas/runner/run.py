"""Run a stage over a source: plan, keep what is done, work on the rest, strike the balance."""

import errno
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.runner.executors import Died, Executor, Failed, InProcess, OnRay, Processes, Worker
from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.part import Counts, Outcome, Source, Task, read_footer, unit_key, work
from atlas.stage import Stage

ATTEMPTS = 2  # a unit that kills this many workers in a row is the killer, not the victim


@dataclass(frozen=True, slots=True)
class Execution:
    """How to run: not part of any key, as it never changes a byte of the output."""

    executor: Literal["local", "ray"] = "local"
    workers: int | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do: every unit's task, and those already done with their counts."""

    tasks: tuple[Task, ...]
    done: dict[str, Counts]
    stale: tuple[str, ...]

    @property
    def todo(self) -> list[Task]:
        return [task for task in self.tasks if task.unit.name not in self.done]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    counts: Counts
    units: int
    units_done_before: int
    failures: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    parts: tuple[str, ...] = field(default=(), repr=False)

    @property
    def balanced(self) -> bool:
        return self.counts.holds and not (self.failures or self.duplicates or self.stale)

    def problems(self) -> list[str]:
        """One line for each thing that keeps the run from being in balance."""
        counts = self.counts
        lines = [f"not done: {line}" for line in self.failures]
        if not counts.holds:
            lines.append(
                f"records in {counts.records_in} ≠ out {counts.records_out} + quarantined {counts.quarantined}"
            )
        lines += [f"doc_id in more than one unit: {line}" for line in self.duplicates]
        lines += [f"part of an input that is no longer there: {path} (delete it)" for path in self.stale]
        return lines


Watch = Callable[[str, Counts], None]


def plan(stage: Stage, source: Source, folder: RunFolder) -> Plan:
    """Every unit with its key, and which parts are already there with that key. Touches nothing."""
    tasks = tuple(
        Task(u, unit_key(u, source, stage), folder.part(u.name), folder.retry_part(u.name), folder.quarantine(u.name))
        for u in source.units()
    )
    present = folder.parts()
    with ThreadPoolExecutor(16) as pool:
        footers = dict(zip(present, pool.map(partial(read_footer, folder.filesystem), present), strict=True))
    done = {}
    for task in tasks:
        footer = footers.pop(task.part, None)
        retried = footers.pop(task.retry_part, None)
        if footer is not None and footer.get("key") == task.key:
            done[task.unit.name] = Counts(**footer["counts"])
            if retried is not None and retried.get("key") == task.key:
                done[task.unit.name] += Counts(**retried["counts"])
    return Plan(tasks, done, tuple(footers))


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
    planned = plan(stage, source, folder)  # before the folder is touched: a wrong corpus leaves no trace
    with folder.lock():
        folder.claim(stage.name, corpus, recipe)
        folder.sweep()
        planned = plan(stage, source, folder)
        if started is not None:
            started(planned)
        counts = dict(planned.done)
        failures: list[str] = []
        make_worker = partial(_make_worker, stage, source, folder)
        if planned.todo:
            for answer in _answers(planned.todo, make_worker, execution):
                if isinstance(answer, Outcome):
                    counts[answer.name] = answer.counts
                    if watch is not None:
                        watch(answer.name, answer.counts)
                elif isinstance(answer, Failed):
                    failures.append(f"{answer.task.unit.name}: {_first_line(answer.error)}")
                else:
                    outcome = _give_up(answer, source, stage, folder)
                    counts[outcome.name] = outcome.counts
        return settle(folder, planned, counts, failures)


def settle(folder: RunFolder, planned: Plan, counts: dict[str, Counts], failures: Iterable[str] = ()) -> Result:
    """Add up, check, and write the summary."""
    total = sum(counts.values(), Counts())
    parts = tuple(task.part for task in planned.tasks if task.unit.name in counts)
    result = Result(
        total,
        len(planned.tasks),
        len(planned.done),
        tuple(failures),
        tuple(_duplicates(folder, parts)),
        planned.stale,
        parts,
    )
    summary = {
        "counts": asdict(total),
        "units": result.units,
        "balanced": result.balanced,
        "problems": result.problems(),
    }
    if folder.read(SUMMARY) != summary:
        folder.write(SUMMARY, summary)
    return result


def _answers(
    tasks: list[Task], make_worker: Callable[[], Worker], execution: Execution
) -> Iterable[Outcome | Failed | Died]:
    """Keep the executor busy; try a task again whose worker died, alone in the end; give up after ATTEMPTS."""
    waiting = deque(tasks)
    deaths: dict[str, int] = {}
    executor = _executor(make_worker, execution, len(tasks))
    busy = 0
    try:
        while waiting or busy:
            while waiting and busy < executor.slots:
                executor.submit(waiting.popleft())
                busy += 1
            answer = executor.answer()
            busy -= 1
            if isinstance(answer, Failed) and _is_fatal(answer.error):
                raise _explained(answer.error) from answer.error
            if isinstance(answer, Died):
                name = answer.task.unit.name
                deaths[name] = deaths.get(name, 0) + 1
                if deaths[name] < ATTEMPTS:
                    waiting.append(answer.task)
                    continue
            yield answer
    finally:
        executor.close()


def _executor(make_worker: Callable[[], Worker], execution: Execution, tasks: int) -> Executor:
    if execution.executor == "ray":
        return OnRay(make_worker, execution.workers, execution.address)
    workers = min(execution.workers or 1, tasks)
    return InProcess(make_worker) if workers == 1 else Processes(make_worker, workers)


def _make_worker(stage: Stage, source: Source, folder: RunFolder) -> Worker:
    process = stage.load()

    def worker(task: Task) -> Outcome:
        return work(task, source, stage, process, folder.filesystem)

    return worker


def _is_fatal(error: Exception) -> bool:
    full = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
    return isinstance(error, OSError) and error.errno in full


def _explained(error: Exception) -> AtlasError:
    return AtlasError(
        f"can't write: {_first_line(error)}. What was finished is kept; make room or mend the rights, "
        "then run the same command again."
    )


def _give_up(death: Died, source: Source, stage: Stage, folder: RunFolder) -> Outcome:
    """Quarantine every record of a unit that kills its workers; its part holds no row."""
    task = death.task

    def refuse(_: pa.RecordBatch) -> pa.RecordBatch:
        raise RuntimeError(f"the worker died on this unit {ATTEMPTS} times ({death.how})")

    return work(task, source, stage, refuse, folder.filesystem)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _duplicates(folder: RunFolder, parts: tuple[str, ...]) -> list[str]:
    """At most ten document ids that occur in more than one part, with the parts. DuckDB bounds the memory."""
    if len(parts) < 2:
        return []
    import duckdb
    import pyarrow.dataset as ds

    paths = [p for p in parts if (pq.read_metadata(p, filesystem=folder.filesystem)).num_rows]
    if len(paths) < 2:
        return []
    table = ds.dataset(paths, filesystem=folder.filesystem, format="parquet")
    firsts = table.scanner(columns=["doc_id", "chunk_id", "__filename"])
    with duckdb.connect() as connection:
        connection.register("chunks", firsts.to_reader())
        rows = connection.execute(
            "select doc_id, list(distinct __filename order by __filename) as files from chunks "
            "group by doc_id, chunk_id having count(distinct __filename) > 1 order by doc_id, chunk_id limit 10"
        ).fetchall()
    return [f"{doc_id!r} in {' and '.join(f.rsplit('/', 1)[-1] for f in files)}" for doc_id, files in rows]
