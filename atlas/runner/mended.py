"""Which units of a run are to be made anew as their input was mended: it had records in quarantine, and has changed."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from atlas.corpus.units import input_of_name
from atlas.runner.folder import RunFolder, unit_of
from atlas.runner.footers import Footer, Found, found, read_footer
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


def mended_inputs(planned: Plan, stage: Stage, folder: RunFolder) -> list[Mended]:
    """Inputs that had records in quarantine and have changed since, in name order.

    An input that is gone is among them where no record of it came out, such as a file that could not be read at all:
    with others, good rows would go. So is none whose parts were made with other settings or models.
    """
    there = found(folder)
    todo = {task.name: task for task in planned.todo}
    gone = dict.fromkeys(unit_of(path) for path in planned.stale)
    outdated: dict[str, dict[str, int]] = defaultdict(dict)
    for name in (*todo, *gone):
        footer = there.parts.get(folder.part(name))
        if footer is not None and (name in gone or footer.key != todo[name].key):
            outdated[input_of_name(name)][name] = _waiting(footer, there, folder)
    by_input: dict[str, list[Task]] = defaultdict(list)
    for task in planned.tasks:
        by_input[input_of_name(task.name)].append(task)
    expected = json.loads(json.dumps(footer_of("", "", stage)))
    picked = []
    for name in sorted(outdated):
        units = outdated[name]
        if any(units.values()) and all(_made_by(expected, unit, folder) for unit, waits in units.items() if waits):
            picked += list(_mended(by_input[name], units, todo, there, folder))
    return picked


def _mended(
    tasks: list[Task], outdated: dict[str, int], todo: dict[str, Task], there: Found, folder: RunFolder
) -> Iterator[Mended]:
    superseded = [name for name in outdated if name not in todo]
    if tasks:
        inputs = {"" if task.unit.format == "text" else task.unit.path for task in tasks}
        if len(inputs) > 1:  # names that are alike but for signs that part names leave out: whose it was, nobody knows
            superseded = []
        first_good = sorted((t for t in tasks if t.name in todo), key=lambda t: outdated.get(t.name, 0) > 0)
        yield Mended(tuple(first_good), sum(outdated.values()), tuple(superseded))
        return
    for name in superseded:
        footer = there.parts[folder.part(name)]
        if outdated[name] and footer is not None and not footer.counts.rows:
            yield Mended((), outdated[name], (name,))


def _waiting(footer: Footer, there: Found, folder: RunFolder) -> int:
    """Records of a unit in quarantine, by its part: the quarantine file may be gone, or another's, after a kill."""
    retried = there.parts.get(folder.retry_part(footer.unit))
    back = len(retried.rows_retried) if retried is not None and retried.key == footer.key else 0
    return footer.counts.quarantined - back


def _made_by(expected: dict[str, object], unit: str, folder: RunFolder) -> bool:
    """Whether a part was made with the stage, settings and models that a new one would be made with."""
    said = read_footer(folder.filesystem, folder.part(unit)) or {}
    return all(said.get(name) == value for name, value in expected.items() if name not in ("unit", "key"))
