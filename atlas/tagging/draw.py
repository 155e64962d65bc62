"""Draw chunks at random, the same ones on every machine: by document, each source its share. Keys alone, no texts."""

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from atlas.tagging.config import SampleConfig

Key = tuple[str, int]  # doc_id, chunk_id


def rank(doc_id: str, chunk_id: int, seed: int) -> int:
    """A number that orders chunks at random but the same way on every machine."""
    text = f"{seed}\0{doc_id}\0{chunk_id}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def share(available: Mapping[str, int], budget: int) -> dict[str, int]:
    """Split a budget over sources in proportion to the square root of what each has, at most all of it.

    The square root keeps small sources visible beside big ones.
    """
    given = dict.fromkeys(available, 0)
    left = min(budget, sum(available.values()))
    while left > 0:
        open_ = {s: n for s, n in available.items() if given[s] < n}
        total = sum(n**0.5 for n in open_.values())
        before = left
        for source in sorted(open_, key=lambda s: (-open_[s], s)):
            more = min(open_[source] - given[source], max(1, round(before * open_[source] ** 0.5 / total)), left)
            given[source] += more
            left -= more
    return given


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn of one source: the keys in order, best first, and how many chunks it has to offer."""

    keys: list[Key]
    available: int


def draw(keys: Iterable[tuple[str, int, str]], config: SampleConfig, most: int, turns: int) -> dict[str, Drawn]:
    """The first ``most`` (doc_id, chunk_id) of each source in random order, out of (doc_id, chunk_id, source).

    Within a source, documents take turns: every document's first pick comes before any document's second; there are
    ``turns`` of them. The chunks of a document come together. Memory: ``most`` keys a source, however many there are.
    """
    best: dict[str, list[tuple[int, int, str, int]]] = defaultdict(list)
    available: dict[str, int] = defaultdict(int)
    for (doc_id, source), chunks in groupby(keys, key=lambda key: (key[0], key[2])):
        ranked = sorted((rank(doc_id, chunk_id, config.seed), chunk_id) for _, chunk_id, _ in chunks)
        available[source] += min(len(ranked), config.per_document)
        first, heap = rank(doc_id, -1, config.seed), best[source]
        for turn, (_, chunk_id) in enumerate(ranked[:turns]):
            pick = (-turn, -first, doc_id, chunk_id)  # negative: the worst is on top of the heap
            if len(heap) < most:
                heapq.heappush(heap, pick)
            elif pick < heap[0]:
                break
            else:
                heapq.heapreplace(heap, pick)
    return {
        source: Drawn([(doc_id, chunk) for _, _, doc_id, chunk in sorted(heap, reverse=True)], available[source])
        for source, heap in best.items()
    }


def choose(keys: Iterable[tuple[str, int, str]], config: SampleConfig, chunks: int) -> set[Key]:
    """A random choice of so many chunks: of each source its share, of each document at most ``per_document``."""
    drawn = draw(keys, config, chunks, config.per_document)
    quotas = share({source: found.available for source, found in drawn.items()}, chunks)
    return {key for source, found in drawn.items() for key in found.keys[: quotas[source]]}
