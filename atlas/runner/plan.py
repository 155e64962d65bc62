"""What there is to do: a source's units, and which of them a folder holds done."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from atlas.runner.folder import RunFolder
from atlas.runner.part import Counts, Source, Task, quarantined_rows, read_footer, unit_key
from atlas.runner.verify import readable
from atlas.stage import Stage

THREADS = 16  # parts looked at together: each is a wait for the disk or the network


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do: every unit's task, and those already done with their counts."""

    tasks: tuple[Task, ...]
    done: dict[str, Counts]
    stale: tuple[str, ...]

    @property
    def todo(self) -> list[Task]:
        return [task for task in self.tasks if task.unit.name not in self.done]


def plan(stage: Stage, source: Source, folder: RunFolder, *, verify: bool = False) -> Plan:
    """Every unit with its key, and which parts are already there with that key. Touches nothing."""
    planned = compare(tasks_of(stage, source, folder), folder)
    return undamaged(planned, folder) if verify else planned


def tasks_of(stage: Stage, source: Source, folder: RunFolder) -> tuple[Task, ...]:
    """Every unit with its key, and where its files go."""
    return tuple(
        Task(u, unit_key(u, source, stage), folder.part(u.name), folder.retry_part(u.name), folder.quarantine(u.name))
        for u in source.units()
    )


def compare(tasks: tuple[Task, ...], folder: RunFolder) -> Plan:
    """Which tasks are done: their part has their key, and what it says is in quarantine is there."""
    present, kept = folder.parts(), folder.quarantined()
    with ThreadPoolExecutor(THREADS) as pool:
        footers = dict(zip(present, pool.map(partial(read_footer, folder.filesystem), present), strict=True))
        records = dict(zip(kept, pool.map(partial(quarantined_rows, folder.filesystem), kept), strict=True))
    done = {}
    for task in tasks:
        footer = footers.pop(task.part, None)
        retried = footers.pop(task.retry_part, None)
        quarantined = records.pop(task.quarantine, 0)
        if footer is None or footer.get("key") != task.key or footer["counts"]["quarantined"] != quarantined:
            continue
        done[task.unit.name] = Counts(**footer["counts"])
        if retried is not None and retried.get("key") == task.key:
            done[task.unit.name] += Counts(**retried["counts"])
    return Plan(tasks, done, (*footers, *records))


def undamaged(planned: Plan, folder: RunFolder) -> Plan:
    """The plan without the done tasks of which a file is damaged. Reads every byte of every file that is kept."""
    there = {*folder.parts(), *folder.quarantined()}

    def whole(task: Task) -> bool:
        files = (path for path in (task.part, task.retry_part, task.quarantine) if path in there)
        return all(readable(folder.filesystem, path) for path in files)

    kept = [task.unit.name for task in planned.tasks if task.unit.name in planned.done]
    with ThreadPoolExecutor(THREADS) as pool:
        sound = pool.map(whole, [task for task in planned.tasks if task.unit.name in planned.done])
    return replace(planned, done={name: planned.done[name] for name, fine in zip(kept, sound, strict=True) if fine})
