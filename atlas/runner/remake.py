"""Make the units of mended inputs anew, as a run makes them, and clear away what they take the place of."""

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import replace
from functools import partial

from atlas.errors import Unavailable
from atlas.runner.executors import Died, Failed
from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.mended import Mended
from atlas.runner.part import Care, Outcome, Source, Task, work
from atlas.runner.processes import Processes
from atlas.stage import Stage
from atlas.storage import delete


def made_anew(
    inputs: list[Mended], stage: Stage, source: Source, folder: RunFolder, failures: dict[str, str]
) -> dict[str, Outcome]:
    """Make the parts of mended inputs, one after the other in a process of its own; what became of each.

    A unit that kills the process is done once more with a guard. Where that is no use, and where a unit fails, it is
    left as it was, and why goes to ``failures``.

    Raises:
        Unavailable, OSError: what every further unit would meet too.
    """
    made: dict[str, Outcome] = {}
    tasks = [task for given in inputs for task in given.tasks]
    if tasks:
        folder.remove(SUMMARY)  # it speaks of what was; a retry that breaks off here leaves a run that is not complete
    with closing(Processes[Task, Outcome](partial(_make_worker, stage, source, folder), workers=1)) as worker:
        for task in tasks:
            answer = _attempted(task, worker)
            if isinstance(answer, Outcome):
                made[task.name] = answer
            elif isinstance(answer, Died):
                failures[task.name] = f"the worker died on this unit ({answer.how}); run the same command again"
            elif isinstance(answer.error, Unavailable | OSError):
                raise answer.error
            else:
                failures[task.name] = str(answer.error)
    return made


def _attempted(task: Task, worker: Processes[Task, Outcome]) -> Outcome | Died[Task] | Failed[Task]:
    worker.submit(task)
    answer = worker.answer()
    if not isinstance(answer, Died):
        return answer
    worker.submit(replace(task, care=Care.GUARDED))
    return worker.answer()


def _make_worker(stage: Stage, source: Source, folder: RunFolder) -> Callable[[Task], Outcome]:
    process = stage.load()
    return lambda task: work(task, source, stage, process, folder)


def cleared(given: Mended, made: Collection[str], folder: RunFolder) -> tuple[str, ...]:
    """Delete what units left that an input has no more, once all of its units of now are there; names of these units.

    The part goes last, as it tells of the others where work breaks off.
    """
    if not all(task.name in made for task in given.tasks):
        return ()
    for name in given.superseded:
        for path in (folder.quarantine(name), folder.retry_part(name), folder.part(name)):
            delete(folder.filesystem, path)
    return given.superseded


def came_out(given: Mended, made: dict[str, Outcome]) -> int:
    """How many fewer records of an input are in quarantine than were; none, as long as it is not all made anew."""
    if not all(task.name in made for task in given.tasks):
        return 0
    return max(0, given.waiting - sum(made[task.name].counts.quarantined for task in given.tasks))
