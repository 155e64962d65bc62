"""Many files looked at together, a few in memory at a time: each is a wait for the disk or the network."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from atlas.corpus.packed import AT_ONCE

THREADS = 16

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def together(look: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """What ``look`` says of each, in their order."""
    left = iter(items)
    with ThreadPoolExecutor(THREADS) as pool:
        while some := list(islice(left, AT_ONCE)):
            yield from pool.map(look, some)
