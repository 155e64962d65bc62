"""Progress as a bar on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from atlas.cli.progress import words
from atlas.cli.progress.tally import Tally
from atlas.cli.progress.view import View
from atlas.llm.costs import Prices


class _Bar:
    def __init__(self, progress: Any, prices: Prices) -> None:
        self._progress, self._prices = progress, prices
        self._task: Any = None

    def step(self, text: str) -> None:
        self._remove()
        self._progress.console.print(f"[dim]·[/dim] {text}", highlight=False)

    def begun(self, label: str, tally: Tally) -> None:
        self._remove()
        if tally.todo:
            self._task = self._progress.add_task(label, total=tally.weight_todo, **self._fields(tally))

    def unit(self, tally: Tally) -> None:
        self._progress.update(self._task, completed=tally.weight, **self._fields(tally))

    def ended(self) -> None:
        """The whole display goes by itself, after it has shown the last unit."""

    def _fields(self, tally: Tally) -> dict[str, Any]:
        told = (words.pace(tally, self._prices), words.quarantined(tally))
        return {
            "tally": tally,
            "units": f"{tally.before + tally.done:,}/{tally.units:,} units",
            "pace": ", ".join(text for text in told if text),
        }

    def _remove(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


@contextmanager
def bar(prices: Prices, *, forced: bool = False) -> Iterator[View]:
    """A bar that is as long as the bytes of the units done; ``forced`` draws it where there is no terminal too."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Left(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(words.left(task.fields["tally"], monotonic()), style="progress.remaining")

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[units]}"),
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
        Left(),
        console=Console(stderr=True, force_terminal=True if forced else None),
        transient=True,
    )
    with progress:
        yield _Bar(progress, prices)
