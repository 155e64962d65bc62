"""Windows in training order: which come next, for which rank, and how to go on after a stop."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.reader.batch import Batch, batch_of
from atlas.reader.block import Corpus
from atlas.reader.labels import LabelFilter
from atlas.reader.order import Order
from atlas.reader.sampling import Sampling
from atlas.reader.segments import Segments
from atlas.reader.window import Piece, Window

STATE_VERSION = 1
AHEAD = 4096  # positions whose windows are looked up together


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides which windows there are and in which order they come."""

    length: int
    windows: int
    order: Order
    sampling: Sampling | None

    def size(self, epoch: int) -> int:
        """Windows of an epoch, over all ranks."""
        return self.windows if self.sampling is None else self.sampling.size(epoch)

    def at(self, positions: np.ndarray, epoch: int) -> np.ndarray:
        """Number of the window at each position of an epoch, int64."""
        slots = self.order(positions, self.size(epoch), epoch)
        return slots if self.sampling is None else self.sampling.windows(slots, epoch)


@dataclass(slots=True)
class Cursor:
    """The next window of all: epoch, and position within it."""

    epoch: int = 0
    position: int = 0


class Windows:
    """A rank's share of the windows of a corpus. Made by ``read_windows``.

    Iterating yields the rest of the epoch at which the reader stands: the windows at global positions
    ``p, p + world, p + 2 · world, …`` of the epoch's order, where p is ``rank`` behind the position at which the reader
    stood. The next iteration is the next epoch. With ``even``, all ranks yield as many; fewer than ``world`` windows at
    the end of an epoch are left out.
    """

    def __init__(
        self,
        corpus: Corpus,
        segments: Segments,
        plan: Plan,
        keep: LabelFilter,
        settings: dict[str, Any],
        *,
        concepts_per_token: int,
        pad_token: int,
        rank: int,
        world: int,
        even: bool,
    ) -> None:
        if not 0 <= rank < world:
            raise AtlasError(f"rank {rank} of world {world}: a rank is from 0 to world − 1")
        self.corpus, self.plan, self.keep = corpus, plan, keep
        self.rank, self.world = rank, world
        self.concepts_per_token = concepts_per_token
        self._segments, self._pad_token, self._even = segments, pad_token, even
        self._settings = settings
        self._cursor = Cursor()
        self._looked_up: tuple[int, int, np.ndarray] | None = None

    @property
    def length(self) -> int:
        """Tokens of a window."""
        return self.plan.length

    @property
    def count(self) -> int:
        """Windows that the corpus is cut into."""
        return self.plan.windows

    @property
    def tokens(self) -> int:
        """Tokens that are read: of the corpus, or of its split."""
        return self._segments.tokens

    @property
    def concepts(self) -> np.ndarray | None:
        """Ids of the concepts that are kept, int32, ascending: with ``dense``, an id's number is its place here."""
        return self.keep.concepts

    def window(self, index: int) -> Window:
        """A window by its number in the order of the corpus."""
        if not 0 <= index < self.count:
            raise IndexError(f"window {index} of {self.count}")
        start = index * self.length
        stop = min(start + self.length, self.tokens)
        pieces = tuple(Piece(self.corpus.block(b), first, end) for b, first, end in self._segments.cut(start, stop))
        return Window(
            index,
            self.length,
            stop - start,
            pieces,
            self.keep,
            self.concepts_per_token,
            self._pad_token,
            self.corpus.url,
        )

    def indices(self, positions: np.ndarray, epoch: int = 0) -> np.ndarray:
        """Numbers of the windows at these global positions of an epoch, int64."""
        return self.plan.at(positions, epoch)

    def index_at(self, position: int, epoch: int = 0) -> int:
        """Number of the window at one position; positions next to each other are looked up together."""
        first = position // AHEAD * AHEAD
        if self._looked_up is None or self._looked_up[:2] != (first, epoch):
            behind = min(first + AHEAD, self.plan.size(epoch))
            self._looked_up = (first, epoch, self.indices(np.arange(first, behind), epoch))
        return int(self._looked_up[2][position - first])

    def share(self) -> Iterator[tuple[int, int]]:
        """This rank's windows from where the reader stands to the end of the epoch: global position and number.

        Does not move the reader.
        """
        epoch, start = self._cursor.epoch, self._cursor.position
        steps = self.steps()
        for first in range(0, steps, AHEAD):
            local = np.arange(first, min(first + AHEAD, steps))
            positions = start + self.rank + self.world * local
            yield from zip(positions.tolist(), self.indices(positions, epoch).tolist(), strict=True)

    def steps(self) -> int:
        """Windows that this rank has still to yield in the epoch."""
        left = self.plan.size(self._cursor.epoch) - self._cursor.position
        return left // self.world if self._even else max(0, -(-(left - self.rank) // self.world))

    def __iter__(self) -> Iterator[Window]:
        for position, index in self.share():
            window = self.window(index)
            self.advance(position)
            yield window
        self.end_epoch()

    def batches(self, size: int, *, drop_last: bool = True) -> Iterator[Batch]:
        """The same windows, ``size`` together, as arrays."""
        for positions, indices in self.grouped(size, drop_last=drop_last):
            batch = batch_of([self.window(index) for index in indices], positions)
            self.advance(positions[-1])
            yield batch
        self.end_epoch()

    def grouped(
        self, size: int, *, drop_last: bool, worker: int = 0, workers: int = 1
    ) -> Iterator[tuple[list[int], list[int]]]:
        """Positions and numbers of the windows of each batch; of several workers, each has every ``workers``-th."""
        if size < 1:
            raise AtlasError(f"batch size {size}: must be at least 1")
        epoch, start = self._cursor.epoch, self._cursor.position
        steps = self.steps()
        batches = steps // size if drop_last else -(-steps // size)
        together = max(1, AHEAD // size)
        for first in range(worker, batches, workers * together):
            numbers = np.arange(first, min(first + workers * together, batches), workers)
            local = (numbers[:, None] * size + np.arange(size)).ravel()
            positions = start + self.rank + self.world * local[local < steps]
            indices = self.indices(positions, epoch)
            for at in range(0, len(positions), size):
                yield positions[at : at + size].tolist(), indices[at : at + size].tolist()

    def advance(self, position: int) -> None:
        """Note that this rank's window at a global position has been used, and so the others' beside it."""
        self._cursor.position = position - self.rank + self.world

    def end_epoch(self) -> None:
        """Go on to the next epoch."""
        self._cursor = Cursor(self._cursor.epoch + 1, 0)

    def state_dict(self) -> dict[str, Any]:
        """Where training stands: small, of JSON values, and the same on every rank at the same step."""
        return {
            "version": STATE_VERSION,
            "epoch": self._cursor.epoch,
            "position": self._cursor.position,
            "corpus": self.corpus.fingerprint,
            "settings": dict(self._settings),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a state was taken, on any number of ranks.

        Raises:
            AtlasError: the state is of another corpus, or of other settings.
        """
        if not isinstance(state, dict) or state.get("version") != STATE_VERSION:
            raise AtlasError("state: is none of this reader's version; give what state_dict() returned")
        if state["corpus"] != self.corpus.fingerprint:
            raise AtlasError(
                f"state: was taken over another corpus ({state['corpus'][:12]}) than {self.corpus.url} "
                f"({self.corpus.fingerprint[:12]}); open the corpus that it was taken over, or start without it"
            )
        for name in dict.fromkeys([*self._settings, *state["settings"]]):
            ours, theirs = self._settings.get(name), state["settings"].get(name)
            if ours != theirs:
                raise AtlasError(
                    f"state: was taken with {name}={theirs!r}, this reader has {name}={ours!r}; "
                    "open the reader with the same settings, or start without the state"
                )
        self._cursor = Cursor(int(state["epoch"]), int(state["position"]))

    def start_at(self, epoch: int, position: int = 0) -> None:
        """Stand at a position of an epoch."""
        self._cursor = Cursor(epoch, position)

    @property
    def fingerprint(self) -> str:
        """Digest of corpus and settings: readers that agree in it yield the same."""
        return of_json([self.corpus.fingerprint, self._settings])
