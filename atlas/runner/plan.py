"""What there is to do: a source's units, and which of them a folder holds done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np

from atlas.corpus.packed import AT_ONCE
from atlas.corpus.remembered import Remembered
from atlas.runner.counts import Counts
from atlas.runner.folder import ALL, RETRY_ENDING, RunFolder, unit_of
from atlas.runner.footers import each
from atlas.runner.inputs import remembered
from atlas.runner.many import together
from atlas.runner.part import Source, Task, keys_of
from atlas.runner.tasks import Done, Some, Tasks
from atlas.runner.verify import readable
from atlas.stage import Stage


@dataclass(frozen=True)
class Plan:
    """What there is to do: every unit's task, and those already done with their counts.

    ``stale`` are files of no unit. Of ``shard`` (number, of how many) only every so-manieth task is this run's to do.
    """

    tasks: Tasks
    done: Done
    stale: tuple[str, ...]
    shard: tuple[int, int] = ALL

    @cached_property
    def todo(self) -> Sequence[Task]:
        number, shards = self.shard
        rows = np.arange(number - 1, len(self.tasks), shards)
        return Some(self.tasks, rows[~self.done.there[rows]])


def plan(stage: Stage, source: Source, folder: RunFolder, *, verify: bool = False) -> Plan:
    """Every unit with its key, and which parts are already there with that key. Touches nothing."""
    planned = compare(tasks_of(stage, source, remembered(folder)), folder)
    return undamaged(planned, folder) if verify else planned


def tasks_of(stage: Stage, source: Source, known: Remembered) -> Tasks:
    """Every unit with its key."""
    tasks = Tasks(source.each_unit(known))  # of two mistakes, one in the corpus is told rather than one in the stage
    return tasks.keyed(keys_of(source, stage))


def compare(tasks: Tasks, folder: RunFolder, *, keep: bool = False) -> Plan:
    """Which tasks are done: their part has their key, and what it says is in quarantine is there.

    ``keep``: as of ``footers.each``.
    """
    done, stale = Done(tasks), []
    quarantined = np.zeros(len(tasks), np.int64)
    retried: list[tuple[int, Counts]] = []
    files = each(folder, keep=keep)
    while some := list(islice(files, 8 * AT_ONCE)):
        for row, file in zip(tasks.rows(unit_of(file.path) for file in some).tolist(), some, strict=True):
            if row < 0:
                stale.append(file.path)
            elif not file.is_part:
                quarantined[row] = -1 if file.records is None else file.records
            elif file.footer is not None and file.footer.key.encode() == tasks.keys[row]:
                if file.path.endswith(RETRY_ENDING):
                    retried.append((row, file.footer.counts))
                else:
                    done.put(row, file.footer.counts)
    done = done.only(done.column("quarantined") == quarantined)
    for row, counts in retried:
        if done.there[row]:
            done.put(row, done.at(row) + counts)
    return Plan(tasks, done, tuple(stale))


def undamaged(planned: Plan, folder: RunFolder) -> Plan:
    """The plan without the done tasks of which a file is damaged. Reads every byte of every file that is kept."""
    there = {*folder.parts(), *folder.quarantined()}

    def whole(task: Task) -> bool:
        files = (folder.part(task.name), folder.retry_part(task.name), folder.quarantine(task.name))
        return all(readable(folder.filesystem, path) for path in files if path in there)

    rows, fine = planned.done.rows(), planned.done.there.copy()
    fine[rows] = np.fromiter(together(whole, Some(planned.tasks, rows)), bool, len(rows))
    return replace(planned, done=planned.done.only(fine))
