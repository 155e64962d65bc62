"""Which unit a run works on where it has no worker processes, so that the next one knows which it died with.

A record that kills its process (a crash in a library, memory that ran out) takes a run of one worker with it, and
would do so again each time. The next run finds the unit named here and works on it under guard.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from atlas.runner.folder import RunFolder
from atlas.runner.part import Outcome, Task
from atlas.storage import is_local

NOTE = ".at-work"


def died_with(folder: RunFolder) -> str | None:
    """The unit that a run before this one had begun when it died, if any. Local folders only."""
    path = Path(folder.root) / NOTE
    return path.read_text(encoding="utf-8") if is_local(folder.filesystem) and path.is_file() else None


@contextmanager
def noted(folder: RunFolder) -> Iterator[Callable[[Task], None]]:
    """A function that notes the unit that is begun; the note goes when the block is left, but not when it dies."""
    path = Path(folder.root) / NOTE
    if not is_local(folder.filesystem):
        yield lambda task: None
        return
    try:
        yield lambda task: _write(path, task.name)
    finally:
        path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def noting(worker: Callable[[Task], Outcome], note: Callable[[Task], None]) -> Callable[[Task], Outcome]:
    """The worker, which first notes what it works on."""

    def work(task: Task) -> Outcome:
        note(task)
        return worker(task)

    return work
