"""What there is to do: a source's units, and which of them a folder holds done."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

from atlas.corpus.remembered import Remembered
from atlas.runner.counts import Counts
from atlas.runner.folder import ALL, RunFolder
from atlas.runner.footers import THREADS, Footer, found
from atlas.runner.inputs import remembered
from atlas.runner.part import Source, Task, keys_of
from atlas.runner.verify import readable
from atlas.stage import Stage


@dataclass(frozen=True)
class Plan:
    """What there is to do: every unit's task, and those already done with their counts.

    ``stale`` are files of no unit. Of ``shard`` (number, of how many) only every so-manieth task is this run's to do.
    """

    tasks: tuple[Task, ...]
    done: dict[str, Counts]
    stale: tuple[str, ...]
    shard: tuple[int, int] = ALL

    @cached_property
    def todo(self) -> list[Task]:
        number, shards = self.shard
        return [task for task in self.tasks[number - 1 :: shards] if task.name not in self.done]


def plan(stage: Stage, source: Source, folder: RunFolder, *, verify: bool = False) -> Plan:
    """Every unit with its key, and which parts are already there with that key. Touches nothing."""
    planned = compare(tasks_of(stage, source, remembered(folder)), folder)
    return undamaged(planned, folder) if verify else planned


def tasks_of(stage: Stage, source: Source, known: Remembered) -> tuple[Task, ...]:
    """Every unit with its key."""
    units = source.units(known)  # first: of two mistakes, one in the corpus is told rather than one in the stage
    key = keys_of(source, stage)
    return tuple(Task(unit, key(unit)) for unit in units)


def compare(tasks: tuple[Task, ...], folder: RunFolder, *, keep: bool = False) -> Plan:
    """Which tasks are done: their part has their key, and what it says is in quarantine is there.

    ``keep``: as of ``footers.found``.
    """
    there = found(folder, keep=keep)
    parts, quarantined = dict(there.parts), dict(there.quarantined)
    done = {}
    for task in tasks:
        part = parts.pop(folder.part(task.name), None)
        retried = parts.pop(folder.retry_part(task.name), None)
        records = quarantined.pop(folder.quarantine(task.name), 0)
        counts = _counts(task, part, retried, records)
        if counts is not None:
            done[task.name] = counts
    return Plan(tasks, done, (*parts, *quarantined))


def _counts(task: Task, part: Footer | None, retried: Footer | None, records: int | None) -> Counts | None:
    """What a task's part and retry part count; None where the task is not done."""
    if part is None or part.key != task.key or part.counts.quarantined != records:
        return None
    return part.counts + retried.counts if retried is not None and retried.key == task.key else part.counts


def undamaged(planned: Plan, folder: RunFolder) -> Plan:
    """The plan without the done tasks of which a file is damaged. Reads every byte of every file that is kept."""
    there = {*folder.parts(), *folder.quarantined()}

    def whole(task: Task) -> bool:
        files = (folder.part(task.name), folder.retry_part(task.name), folder.quarantine(task.name))
        return all(readable(folder.filesystem, path) for path in files if path in there)

    kept = [task for task in planned.tasks if task.name in planned.done]
    with ThreadPoolExecutor(THREADS) as pool:
        sound = pool.map(whole, kept)
    return replace(planned, done={t.name: planned.done[t.name] for t, fine in zip(kept, sound, strict=True) if fine})
