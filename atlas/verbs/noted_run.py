"""Run a stage for a verb, and note in the run's log who did, when, with what, and how far it came."""

from pathlib import Path
from time import monotonic
from typing import Any

from atlas.runner import sittings
from atlas.runner.counts import Counts
from atlas.runner.folder import RunFolder
from atlas.runner.part import Source
from atlas.runner.plan import Plan
from atlas.runner.run import Execution, Result, run
from atlas.runner.sittings import NOTED_SECONDS, WAITS, Sitting
from atlas.stage import Stage
from atlas.verbs.hooks import Hooks


def noted_run(
    stage: Stage,
    source: Source,
    out: str | Path,
    corpus: str,
    recipe: dict[str, Any],
    execution: Execution,
    hooks: Hooks,
) -> Result:
    """``run``, with a sitting noted from the plan on. A start that finds nothing to do leaves no note."""
    log = _Log(stage, out, execution, hooks)
    try:
        result = run(stage, source, out, corpus, recipe, execution, log.watch, log.started)
    except BaseException as error:
        log.end(why(error))
        raise
    log.end(WAITS if result.waiting else "done" if result.sound else "not sound")
    return result


class _Log:
    def __init__(self, stage: Stage, out: str | Path, execution: Execution, hooks: Hooks) -> None:
        self._stage, self._out, self._execution, self._hooks = stage, out, execution, hooks
        self._sitting: Sitting | None = None
        self._written = 0.0

    def started(self, plan: Plan) -> None:
        if plan.todo:
            how = _how(self._execution)
            self._units = {task.name: task.unit for task in plan.todo}
            self._sitting = sittings.begun(plan, how, self._stage.identity())
            self._write()
        if self._hooks.started is not None:
            self._hooks.started(plan)

    def watch(self, unit: str, counts: Counts) -> None:
        if self._sitting is not None:
            self._sitting = sittings.and_unit(self._sitting, self._units[unit], counts)
            if monotonic() - self._written >= NOTED_SECONDS:
                self._write()
        if self._hooks.watch is not None:
            self._hooks.watch(unit, counts)

    def end(self, outcome: str) -> None:
        if self._sitting is not None:
            self._sitting = sittings.ended(self._sitting, outcome)
            self._write()

    def _write(self) -> None:
        assert self._sitting is not None
        sittings.write(RunFolder.at(self._out), self._sitting)
        self._written = monotonic()


def _how(execution: Execution) -> dict[str, Any]:
    """Where the work is done, by how many workers (null: as many as Ray has room for), and which share of it."""
    number, shards = execution.shard
    workers = execution.workers or (1 if execution.executor == "local" else None)
    how: dict[str, Any] = {"executor": execution.executor, "workers": workers}
    return how | ({"shard": f"{number}/{shards}"} if shards > 1 else {})


def why(error: BaseException) -> str:
    """What stopped a run, in one line."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped: interrupted"
    lines = str(error).strip().splitlines()
    return f"stopped: {lines[0] if lines else type(error).__name__}"
