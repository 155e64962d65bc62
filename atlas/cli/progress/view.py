"""What something that shows progress is told, and a clock that reminds it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from atlas.cli.progress.tally import Tally


class View(Protocol):
    """Told of each step by name, of each run's beginning and of each unit; then of the end, however it came."""

    def step(self, text: str) -> None: ...

    def begun(self, label: str, tally: Tally) -> None: ...

    def unit(self, tally: Tally) -> None: ...

    def ended(self) -> None: ...


@contextmanager
def every(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Call ``act`` so often while the block runs: a long unit is no silence."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(seconds):
            act()

    thread = threading.Thread(target=tick, daemon=True, name="atlas-progress")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
