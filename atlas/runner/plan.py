"""What there is to do: a source's units, and which of them a folder holds done."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from atlas.runner.folder import RunFolder
from atlas.runner.part import Counts, Source, Task, quarantined_rows, read_footer, unit_key
from atlas.stage import Stage


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do: every unit's task, and those already done with their counts."""

    tasks: tuple[Task, ...]
    done: dict[str, Counts]
    stale: tuple[str, ...]

    @property
    def todo(self) -> list[Task]:
        return [task for task in self.tasks if task.unit.name not in self.done]


def plan(stage: Stage, source: Source, folder: RunFolder) -> Plan:
    """Every unit with its key, and which parts are already there with that key. Touches nothing."""
    tasks = tuple(
        Task(u, unit_key(u, source, stage), folder.part(u.name), folder.retry_part(u.name), folder.quarantine(u.name))
        for u in source.units()
    )
    return compare(tasks, folder)


def compare(tasks: tuple[Task, ...], folder: RunFolder) -> Plan:
    """Which tasks are done: their part has their key, and what it says is in quarantine is there."""
    present, kept = folder.parts(), folder.quarantined()
    with ThreadPoolExecutor(16) as pool:
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
