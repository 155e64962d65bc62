"""In which order windows are read: global position → number of the window, in no memory."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from atlas.errors import AtlasError
from atlas.reader.permutation import Permutation

Kind = Literal["shuffle", "blocks", "sequential"]
KINDS = ("shuffle", "blocks", "sequential")


@dataclass(frozen=True, slots=True)
class Order:
    """An order of ``0 … size − 1`` for each epoch, without replacement.

    ``shuffle`` takes each from anywhere. ``blocks`` cuts them into blocks of ``block`` neighbours, draws ``pool``
    blocks from anywhere, shuffles these together, and goes on to the next; what fills no block comes last.
    """

    kind: Kind
    seed: int = 0
    block: int = 1
    pool: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise AtlasError(f"order {self.kind!r}: is none; use one of {', '.join(KINDS)}")
        if self.block < 1 or self.pool < 1:
            raise AtlasError(f"order: block {self.block} and pool {self.pool} must be at least 1")

    def __call__(self, positions: np.ndarray, size: int, epoch: int) -> np.ndarray:
        """What stands at each position of the epoch's order, int64 [n]."""
        if self.kind == "sequential":
            return positions.astype(np.int64)
        if self.kind == "shuffle":
            return Permutation(size, (self.seed, epoch))(positions)
        return self._blocks(positions.astype(np.int64), size, epoch)

    def _blocks(self, positions: np.ndarray, size: int, epoch: int) -> np.ndarray:
        blocks = size // self.block
        whole = blocks * self.block
        found = np.empty(len(positions), np.int64)
        last = positions >= whole
        if last.any():
            found[last] = whole + Permutation(size - whole, (self.seed, epoch, "rest"))(positions[last] - whole)
        draw = Permutation(blocks, (self.seed, epoch, "blocks"))
        pools = np.where(last, -1, positions // (self.pool * self.block))
        for pool in np.unique(pools[~last]):
            here = np.flatnonzero(pools == pool)
            first = int(pool) * self.pool
            inside = min(self.pool, blocks - first) * self.block
            mixed = Permutation(inside, (self.seed, epoch, int(pool)))(positions[here] - first * self.block)
            found[here] = draw(first + mixed // self.block) * self.block + mixed % self.block
        return found
