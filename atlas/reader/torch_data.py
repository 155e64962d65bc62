"""Windows behind torch: a map-style and an iterable data set, and a loader that can be stopped and resumed."""

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from atlas.errors import AtlasError
from atlas.reader.batch import Batch, batch_of
from atlas.reader.windows import Windows

Tensors = dict[str, torch.Tensor]
FIELDS = ("tokens", "concept_ids", "scores", "filled", "positions", "spans", "span_concepts", "span_scores")


def tensors(batch: Batch, fields: Sequence[str] = FIELDS) -> Tensors:
    """These arrays of a batch as tensors, without a copy; ``mask`` is ``concept_ids >= 0``."""
    return {name: torch.from_numpy(getattr(batch, name)) for name in fields}


class WindowBatches(IterableDataset[Tensors]):
    """Ready batches of a rank's windows to the end of the epoch; see ``Batch`` for the tensors.

    For ``DataLoader(…, batch_size=None)``: the loader takes batches from its workers in turn, and each worker makes
    every ``workers``-th, so that the order is the same with any number of workers. ``fields``: the tensors of a batch;
    what isn't among them isn't computed (``positions`` always is).
    """

    def __init__(
        self, windows: Windows, batch_size: int, *, drop_last: bool = True, fields: Sequence[str] = FIELDS
    ) -> None:
        self.windows, self.batch_size, self.drop_last = windows, batch_size, drop_last
        self.fields = tuple(dict.fromkeys(["positions", *fields]))

    def __iter__(self) -> Iterator[Tensors]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info is not None else (0, 1)
        of_worker = self.windows.grouped(self.batch_size, drop_last=self.drop_last, worker=worker, workers=workers)
        for positions, indices in of_worker:
            batch = batch_of([self.windows.window(index) for index in indices], positions)
            yield tensors(batch, self.fields)

    def __len__(self) -> int:
        steps = self.windows.steps()
        return steps // self.batch_size if self.drop_last else -(-steps // self.batch_size)


class WindowDataset(Dataset[Tensors]):
    """A rank's windows from where the reader stands to the end of the epoch, by number; the order is the reader's.

    An item has ``tokens`` int64 [T], ``concept_ids`` int32 [T, K], ``scores`` float32 [T, K] and ``position``, so that
    torch's own collation works. Give it to a ``DataLoader`` without ``shuffle``, or order it by a sampler of your own.
    """

    def __init__(self, windows: Windows) -> None:
        self.windows = copy(windows)
        self._start = windows.state_dict()["position"]
        self._epoch = windows.state_dict()["epoch"]
        self._steps = windows.steps()

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, number: int) -> Tensors:
        if not 0 <= number < self._steps:
            raise IndexError(f"item {number} of {self._steps}")
        batch = self._batch(number)
        position = batch["positions"][0]
        return {name: batch[name][0] for name in ("tokens", "concept_ids", "scores")} | {"position": position}

    def _batch(self, number: int) -> Tensors:
        position = self._start + self.windows.rank + self.windows.world * number
        window = self.windows.window(self.windows.index_at(position, self._epoch))
        return tensors(batch_of([window], [position]))


class Loader:
    """A torch ``DataLoader`` over ready batches that knows what has been used.

    Iterating yields the rest of the epoch; the next iteration is the next epoch. ``state_dict`` counts the batches that
    were handed out, not those that workers hold ready, so it is exact with prefetch in flight.

    Args:
        fields: the tensors of a batch, by default all of FIELDS.
        options: of ``DataLoader``, such as ``pin_memory``, ``prefetch_factor`` or ``multiprocessing_context``.
    """

    def __init__(
        self,
        windows: Windows,
        batch_size: int,
        *,
        num_workers: int = 0,
        drop_last: bool = True,
        fields: Sequence[str] = FIELDS,
        **options: Any,
    ) -> None:
        if options.get("persistent_workers"):
            raise AtlasError("persistent_workers: workers would not see where the next epoch begins; leave it out")
        self._windows = windows
        self._batches = WindowBatches(windows, batch_size, drop_last=drop_last, fields=fields)
        self._options = {"num_workers": num_workers, **options}

    def __iter__(self) -> Iterator[Tensors]:
        # Workers get a copy of the reader as it stands now, so each epoch has workers of its own.
        for batch in DataLoader(self._batches, batch_size=None, **self._options):
            self._windows.advance(int(batch["positions"][-1]))
            yield batch
        self._windows.end_epoch()

    def __len__(self) -> int:
        """Batches to the end of the epoch."""
        return len(self._batches)

    def state_dict(self) -> dict[str, Any]:
        return self._windows.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._windows.load_state_dict(state)
