"""Some threads for work that mostly leaves the interpreter's lock: Parquet, checksums, copying."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Done = TypeVar("Done")


def in_threads(work: Callable[[Job], Done], jobs: Sequence[Job], workers: int) -> Iterator[Done]:
    """What ``work`` makes of each job, in order. Where one fails, those in the making end, and no more are begun."""
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield from pool.map(work, jobs)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
