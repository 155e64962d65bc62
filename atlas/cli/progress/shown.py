"""From a verb's hooks to whatever shows them."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import monotonic

from atlas.cli.progress.settings import Watching
from atlas.cli.progress.tally import Tally, begun, weights_of
from atlas.cli.progress.view import View
from atlas.llm.costs import Prices
from atlas.runner.counts import Counts
from atlas.runner.plan import Plan
from atlas.verbs import Hooks

FREE = Prices()
AUTO = Watching()
DUMB = ("dumb", "unknown")  # no bar can be drawn there; rich would leave an empty line in its place


@dataclass(frozen=True, slots=True)
class Shown(Hooks):
    """Hooks that also know how far the run came: None before there was a plan."""

    tally: Callable[[], Tally | None] = lambda: None


@contextmanager
def shown(seen: Watching = AUTO, prices: Prices = FREE, label: str = "working") -> Iterator[Shown]:
    """Hooks that show progress as asked: rate, time left, and while an LLM is at work the money at ``prices``.

    ``label`` names the work where no step has been named.

    Raises:
        AtlasError: the metrics' port is taken, or their file can't be written.
    """
    with ExitStack() as stack:
        views = []
        if seen.port is not None or seen.file is not None:
            from atlas.cli.progress.metrics import metrics

            views.append(stack.enter_context(metrics(seen.port, seen.file)))
        how = seen.how if seen.how != "auto" else "bar" if sys.stderr.isatty() else "plain"
        if how == "bar" and os.environ.get("TERM", "").lower() in DUMB:
            how = "plain"
        if how == "bar":
            from atlas.cli.progress.bar import bar

            views.append(stack.enter_context(bar(prices, forced=seen.how == "bar")))
        elif how != "none":
            from atlas.cli.progress import lines

            views.append(stack.enter_context(lines.plain(prices) if how == "plain" else lines.json_lines()))
        told = _Told(views, label)
        try:
            yield Shown(told.say, told.started, told.watch, lambda: told.tally)
        finally:
            for view in views:
                view.ended()


class _Told:
    """Keeps the tally, and tells all views of it."""

    def __init__(self, views: list[View], label: str) -> None:
        self._views, self._label = views, label
        self.tally: Tally | None = None
        self._weights: Mapping[str, int] = {}

    def say(self, text: str) -> None:
        self._label = text
        for view in self._views:
            view.step(text)

    def started(self, plan: Plan) -> None:
        self._weights = weights_of(plan)
        self.tally = begun(plan, monotonic())
        for view in self._views:
            view.begun(self._label, self.tally)

    def watch(self, unit: str, counts: Counts) -> None:
        if self.tally is None:
            return
        self.tally = self.tally.and_unit(self._weights[unit], counts, monotonic())
        for view in self._views:
            view.unit(self.tally)
