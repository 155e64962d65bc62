"""One other package over the same windows, in a process of its own.

Writes its format, reads all windows in its shuffled order and puts them into batches, several times, and prints the
seconds of each round as JSON:

    python benchmarks/reader_peers.py SYSTEM ARRAYS WORK ROUNDS CORE

Run by ``reader.py`` with the interpreter that has the packages. With ``+concepts`` behind the system's name, each
window's table of concepts [T, K] is stored and read too, as none of them has spans.
"""

import importlib.machinery
import importlib.metadata
import json
import os
import shutil
import sys
import time
import types
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 8

Read = Callable[[int], Iterator[Any]]


def huggingface(arrays: dict[str, np.ndarray], work: Path) -> Read:
    """Memory-mapped Arrow; ``shuffle`` draws a list of all rows."""
    import datasets

    length = arrays["tokens"].shape[1]
    kinds = {"tokens": datasets.Sequence(datasets.Value("int32"), length=length)}
    if "concepts" in arrays:
        kinds["concepts"] = datasets.Array2D(arrays["concepts"].shape[1:], "int32")

    def rows() -> Iterator[dict[str, np.ndarray]]:
        for number in range(len(arrays["tokens"])):
            yield {name: array[number] for name, array in arrays.items()}

    datasets.disable_progress_bars()
    made = datasets.Dataset.from_generator(rows, features=datasets.Features(kinds), cache_dir=str(work))
    return lambda seed: iter(made.shuffle(seed=seed).with_format("numpy"))


def litdata(arrays: dict[str, np.ndarray], work: Path) -> Read:
    """Chunks of 64 MB; ``shuffle=True`` shuffles the chunks, and in each chunk blocks of 256 items and these."""
    from litdata import StreamingDataset, TokensLoader
    from litdata.streaming.writer import BinaryWriter

    alone = "concepts" not in arrays
    length = arrays["tokens"].shape[1]
    loader = TokensLoader(block_size=length) if alone else None
    import torch

    work.mkdir(parents=True)
    size = {"chunk_size": 8000 * length} if alone else {"chunk_bytes": "64MB"}
    writer = BinaryWriter(str(work), item_loader=loader, **size) if alone else BinaryWriter(str(work), **size)
    for number in range(len(arrays["tokens"])):
        if alone:
            writer.add_item(number, torch.from_numpy(np.array(arrays["tokens"][number])))
        else:
            writer.add_item(number, {name: np.array(array[number]) for name, array in arrays.items()})
    writer.done()
    writer.merge()

    def read(seed: int) -> Iterator[Any]:
        # Item by item: the default decodes some hundred neighbours with each item, anew for nearly every one.
        extra = {"item_loader": TokensLoader(block_size=length)} if alone else {"batch_decode": 0}
        return iter(StreamingDataset(str(work), shuffle=True, seed=seed, drop_last=False, **extra))

    return read


def mosaicml_streaming(arrays: dict[str, np.ndarray], work: Path) -> Read:
    """Shards of 64 MB, read in the package's default shuffled order (py1e)."""
    _without_torchvision()
    from streaming import MDSWriter, StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    shapes = {name: "ndarray:int32:" + ",".join(map(str, array.shape[1:])) for name, array in arrays.items()}
    with MDSWriter(out=str(work), columns=shapes) as writer:
        for number in range(len(arrays["tokens"])):
            writer.write({name: np.array(array[number]) for name, array in arrays.items()})

    def read(seed: int) -> Iterator[Any]:
        clean_stale_shared_memory()
        return iter(StreamingDataset(local=str(work), shuffle=True, shuffle_seed=seed, batch_size=1))

    return read


def _without_torchvision() -> None:
    """The package imports its image data sets, and with them torchvision, of which there is no build for this torch."""
    for name in ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional"):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)
    sys.modules["torchvision.datasets"].VisionDataset = object  # type: ignore[attr-defined]
    sys.modules["torchvision.transforms.functional"].to_tensor = None  # type: ignore[attr-defined]


def batches(items: Iterator[Any]) -> Iterator[dict[str, np.ndarray]]:
    """Windows put together as a model takes them, since some packages hand out views of files that nobody has read."""
    once = (item for item in items)  # some begin anew whenever they are asked for an iterator
    for first in once:
        some = [first, *islice(once, BATCH - 1)]
        fields = (
            {name: [each[name] for each in some] for name in first} if isinstance(first, dict) else {"tokens": some}
        )
        stacked = {name: np.stack([np.asarray(value) for value in values]) for name, values in fields.items()}
        yield stacked | {"tokens": stacked["tokens"].astype(np.int64)}


SYSTEMS = {
    "datasets": (huggingface, "datasets"),
    "litdata": (litdata, "litdata"),
    "mosaicml-streaming": (mosaicml_streaming, "mosaicml-streaming"),
}


def main(system: str, source: Path, work: Path, rounds: int, core: int) -> None:
    name, _, concepts = system.partition("+")
    arrays = {"tokens": np.load(source / "tokens.npy", mmap_mode="r")}
    if concepts:
        arrays["concepts"] = np.load(source / "concepts.npy", mmap_mode="r")
    shutil.rmtree(work, ignore_errors=True)
    prepare, package = SYSTEMS[name]
    read = prepare(arrays, work)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    seconds: list[float] = []
    cpu: list[float] = []
    for turn in range(rounds):
        start, used = time.perf_counter(), time.process_time()
        tokens = sum(batch["tokens"].size for batch in batches(read(turn)))
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
        if tokens != arrays["tokens"].size:
            raise RuntimeError(f"{system}: read {tokens} tokens of {arrays['tokens'].size}")
    size = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    found = {
        "seconds": seconds,
        "cpu": cpu,
        "tokens": tokens,
        "bytes": size,
        "version": importlib.metadata.version(package),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
