"""What a run shows while it works: a bar on a terminal, silence in a pipe."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from atlas.cli import costs
from atlas.llm.costs import Prices
from atlas.runner.counts import Counts
from atlas.runner.run import Plan
from atlas.tagging.spending import spent
from atlas.verbs import Hooks

FREE = Prices()


@contextmanager
def shown(quiet: bool = False, prices: Prices = FREE) -> Iterator[Hooks]:
    """Hooks that draw progress with rate and time left on standard error, where that is a terminal.

    While an LLM is at work, the tokens a second too, and at ``prices`` the money since the start.
    """
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
        yield _drawn(progress, prices)


def _drawn(progress: Any, prices: Prices) -> Hooks:
    state: dict[str, Any] = {"label": "working", "task": None, "counts": Counts()}

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
        state["counts"] = Counts()
        if plan.todo:
            state["task"] = progress.add_task(state["label"], total=len(plan.todo), rate="")

    def watch(_: str, counts: Counts) -> None:
        state["counts"] += counts
        task = progress.tasks[progress.task_ids.index(state["task"])]
        progress.update(state["task"], advance=1, rate=pace(state["counts"], task.elapsed or 0.0, prices))

    return Hooks(say, started, watch)


def pace(done: Counts, seconds: float, prices: Prices) -> str:
    """The rate in words; of an LLM's work tokens and money too."""
    if seconds <= 0:
        return ""
    if not done.sums:
        return f"{done.records_in / seconds:,.1f} records/s"
    found = spent(done.records_in, done.sums, seconds, prices)
    text = costs.rate(found.chunks, found.prompt_tokens + found.completion_tokens, seconds)
    return text if found.money is None else f"{text}, money {costs.amount(found.money)}"
