"""What a run shows while it works: a bar on a terminal, silence in a pipe."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from atlas.runner.part import Counts
from atlas.runner.run import Plan
from atlas.verbs import Hooks


@contextmanager
def shown(quiet: bool = False) -> Iterator[Hooks]:
    """Hooks that draw progress with rate and time left on standard error, where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield Hooks()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with progress:
        yield _drawn(progress)


def _drawn(progress: Any) -> Hooks:
    state: dict[str, Any] = {"label": "working", "task": None, "records": 0}

    def say(text: str) -> None:
        _end()
        state["label"] = text
        progress.console.print(f"[dim]·[/dim] {text}", highlight=False)

    def _end() -> None:
        if state["task"] is not None:
            progress.remove_task(state["task"])
            state["task"] = None

    def started(plan: Plan) -> None:
        _end()
        state["records"] = 0
        if plan.todo:
            state["task"] = progress.add_task(state["label"], total=len(plan.todo), rate="")

    def watch(_: str, counts: Counts) -> None:
        state["records"] += counts.records_in
        task = progress.tasks[progress.task_ids.index(state["task"])]
        rate = state["records"] / task.elapsed if task.elapsed else 0.0
        progress.update(state["task"], advance=1, rate=f"{rate:,.1f} records/s")

    return Hooks(say, started, watch)
