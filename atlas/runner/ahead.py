"""Do the next thing while this one is worked on: read ahead, write behind. One thread each, bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
_END = object()


def read_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The items in order; the next one is made in a thread while this one is used. Its errors are raised here."""
    source = iter(items)
    with ThreadPoolExecutor(1, "read-ahead") as thread:
        coming: Future[Any] = thread.submit(next, source, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, source, _END)
            yield item


class WriteBehind:
    """Calls made one after the other in a thread, at most one behind.

    An error is raised by the next call, or by ``join``.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "write-behind")
        self._under_way: Future[None] | None = None

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        self.join()
        self._under_way = self._thread.submit(function, *arguments)

    def join(self) -> None:
        """Wait for the call under way."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def close(self) -> None:
        """Wait for the call under way, whatever becomes of it, and end the thread."""
        self._thread.shutdown(wait=True)
