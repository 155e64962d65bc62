"""Which units of a run are to be made anew as their input was mended: it had records in quarantine, and has changed."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from atlas.corpus.packed import AT_ONCE
from atlas.corpus.units import input_of_name
from atlas.runner.folder import RETRY_ENDING, RunFolder, unit_of
from atlas.runner.footers import Looked, each, read_footer
from atlas.runner.part import Task, footer_of
from atlas.runner.plan import Plan
from atlas.stage import Stage


@dataclass(frozen=True, slots=True)
class Mended:
    """An input (a file; all text files of a folder; a data set) that has changed since records of it were kept.

    ``tasks``: its units that are to be made anew, the ones with records in quarantine last, so that they are there to
    tell of it where work breaks off. ``waiting``: how many records its outdated units have in quarantine.
    ``superseded``: units that it has no more, as it is cut otherwise now, or is gone.
    """

    tasks: tuple[Task, ...]
    waiting: int
    superseded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outdated part: its key, how many records of its unit are in quarantine, and how many rows it has."""

    key: str
    records: int
    rows: int


def mended_inputs(planned: Plan, stage: Stage, folder: RunFolder) -> list[Mended]:
    """Inputs that had records in quarantine and have changed since, in name order.

    An input that is gone is among them where no record of it came out, such as a file that could not be read at all:
    with others, good rows would go. So is none whose parts were made with other settings or models.
    """
    if not planned.stale and not planned.todo:
        return []
    expected = json.loads(json.dumps(footer_of("", "", stage)))
    by_input: dict[str, dict[str, Waiting]] = defaultdict(dict)
    for unit, waits in _waiting(planned, folder).items():
        by_input[input_of_name(unit)][unit] = waits
    picked = {name for name, units in by_input.items() if all(_made_by(expected, unit, folder) for unit in units)}
    tasks, superseded = _tasks(planned, picked), _superseded(planned, picked, folder)
    return [mended for name in sorted(picked) for mended in _mended(tasks[name], by_input[name], superseded[name])]


def _waiting(planned: Plan, folder: RunFolder) -> dict[str, Waiting]:
    """Outdated units with records in quarantine.

    By what their parts say: the quarantine file may be gone, or another's, after a kill.
    """
    found: dict[str, Waiting] = {}
    for row, file in _not_done(planned, each(folder, ["parts"])):
        unit, footer = unit_of(file.path), file.footer
        if footer is None:
            continue
        if file.path.endswith(RETRY_ENDING):  # it comes after the unit's part
            if unit in found and found[unit].key == footer.key:
                found[unit] = replace(found[unit], records=found[unit].records - len(footer.rows_retried))
        elif footer.counts.quarantined and (row < 0 or footer.key.encode() != planned.tasks.keys[row]):
            found[unit] = Waiting(footer.key, footer.counts.quarantined, footer.counts.rows)
    return {unit: waits for unit, waits in found.items() if waits.records}


def _not_done(planned: Plan, files: Iterator[Looked]) -> Iterator[tuple[int, Looked]]:
    """Files of units that are not done, with the row of their task; -1 where there is no such unit any more."""
    while some := list(islice(files, AT_ONCE)):
        rows = planned.tasks.rows(unit_of(file.path) for file in some).tolist()
        yield from ((row, file) for row, file in zip(rows, some, strict=True) if row < 0 or not planned.done.there[row])


def _tasks(planned: Plan, inputs: Collection[str]) -> dict[str, list[tuple[Task, bool]]]:
    """All tasks of some inputs, and whether they are done."""
    tasks, found = planned.tasks, defaultdict(list)
    rows = np.array([row for row, name in enumerate(tasks.names) if input_of_name(name.decode()) in inputs], int)
    for row, task in zip(rows, tasks.picked(rows), strict=True):
        found[input_of_name(task.name)].append((task, bool(planned.done.there[row])))
    return found


def _superseded(planned: Plan, inputs: Collection[str], folder: RunFolder) -> dict[str, list[str]]:
    """Units that some inputs have no more, of which there is a whole part."""
    found = defaultdict(list)
    for unit in dict.fromkeys(unit_of(path) for path in planned.stale):
        name = input_of_name(unit)
        if name in inputs and "key" in (read_footer(folder.filesystem, folder.part(unit)) or {}):
            found[name].append(unit)
    return found


def _mended(tasks: list[tuple[Task, bool]], waiting: dict[str, Waiting], superseded: list[str]) -> Iterator[Mended]:
    if tasks:
        inputs = {"" if task.unit.format == "text" else task.unit.path for task, _ in tasks}
        if len(inputs) > 1:  # names that are alike but for signs that part names leave out: whose it was, nobody knows
            superseded = []
        first_good = sorted((task for task, done in tasks if not done), key=lambda task: task.name in waiting)
        yield Mended(tuple(first_good), sum(waits.records for waits in waiting.values()), tuple(superseded))
        return
    for name in superseded:
        if name in waiting and not waiting[name].rows:
            yield Mended((), waiting[name].records, (name,))


def _made_by(expected: dict[str, object], unit: str, folder: RunFolder) -> bool:
    """Whether a part was made with the stage, settings and models that a new one would be made with."""
    said = read_footer(folder.filesystem, folder.part(unit)) or {}
    return all(said.get(name) == value for name, value in expected.items() if name not in ("unit", "key"))
