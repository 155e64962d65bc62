"""The reader's proofs: one order for any ranks and workers, exact resume; how evenly rare concepts come."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row

from atlas.products.token_stream.write import write
from atlas.reader import Windows, read_windows
from atlas.reader.torch_data import Loader, Tensors

LENGTH, SHARD_TOKENS, BLOCKS = 128, 1 << 16, 50
BUFFER = 512  # windows of a shuffle buffer
RANKS = ((1, 0), (1, 3), (2, 0), (2, 2), (3, 0), (3, 1), (8, 0), (8, 1))  # ranks, workers of each
RESUMES = ((1, 8), (2, 3), (3, 1), (8, 2))  # ranks before and after the stop
BATCH = 2
FIELDS = ("tokens", "positions")
RARE = (10, 60)  # windows that a rare concept is in


Read = tuple[int, bytes]  # position and tokens of a window, as a rank got them


def order_rows(run: Path, folder: Path) -> list[Row]:
    write(run, folder, shard_tokens=SHARD_TOKENS)
    rows = []
    for world, workers in RANKS:
        shares = [list(read(reader(folder, rank, world), workers)) for rank in range(world)]
        rows.append(row(f"atlas, {world} ranks, {workers} workers each", interleaved(shares)))
    for before, after in RESUMES:
        seen, states = [], []
        for rank in range(before):
            loader = Loader(reader(folder, rank, before), BATCH, num_workers=1, prefetch_factor=4, fields=FIELDS)
            batches = iter(loader)
            stop = 1001 // before // BATCH
            seen.append([one for _ in range(stop) for one in windows_of(next(batches))])
            states.append(loader.state_dict())  # while the worker holds further batches ready
        later = []
        for rank in range(after):
            windows = reader(folder, rank, after)
            windows.load_state_dict(states[-1])
            later.append(list(read(windows, 0)))
        rows.append(row(f"atlas, {before} ranks, stopped, {after} ranks", interleaved(seen) + interleaved(later)))
    return rows


def reader(stream: Path, rank: int, world: int) -> Windows:
    return read_windows(stream, LENGTH, rank=rank, world=world, even=False)


def read(windows: Windows, workers: int) -> Iterator[Read]:
    for batch in Loader(windows, BATCH, num_workers=workers, drop_last=False, fields=FIELDS):
        yield from windows_of(batch)


def windows_of(batch: Tensors) -> list[Read]:
    tokens = batch["tokens"].numpy()
    return [(int(position), row.tobytes()) for position, row in zip(batch["positions"], tokens, strict=True)]


def interleaved(shares: Sequence[Sequence[Read]]) -> list[Read]:
    """Windows as all ranks together read them, step by step and within a step rank by rank."""
    return [one for step in zip_longest(*shares) for one in step if one is not None]


def row(system: str, order: Sequence[Read]) -> Row:
    """SHA-256 over the tokens, in the order in which all ranks together got them."""
    whole = hashlib.sha256(b"".join(tokens for _, tokens in order))
    in_order = [position for position, _ in order] == list(range(len(order)))
    found = {"windows": len(order), "in_order": "yes" if in_order else "no", "sha256": whole.hexdigest()[:32]}
    return {"benchmark": "reader", "dataset": "order", "system": system, **found}


def rare_rows(run: Path, folder: Path) -> list[Row]:
    """Windows with a rare concept in each of 50 blocks of an epoch: variance over mean, and blocks without one.

    By chance alone, the former is a little below 1 (the number of windows is fixed).
    """
    write(run, folder, shard_tokens=SHARD_TOKENS)
    windows = read_windows(folder, LENGTH, order="sequential")
    of_window = [np.unique(windows.window(number).labels.ids) for number in range(windows.count)]
    counts = np.bincount(np.concatenate(of_window))
    rare = np.flatnonzero((counts >= RARE[0]) & (counts <= RARE[1]))
    has = np.array([np.isin(rare, ids) for ids in of_window])
    shards = np.minimum(np.arange(windows.count) * LENGTH // SHARD_TOKENS, windows.count)
    generator = np.random.default_rng(0)
    orders = {
        "atlas, shuffle": read_windows(folder, LENGTH).indices(np.arange(windows.count)),
        "baseline-shard-local": shard_local(shards, generator),
        f"baseline-buffer-of-{BUFFER}": np.array(list(buffered(windows.count, generator))),
        "baseline-sequential": np.arange(windows.count),
    }
    return [rare_row(name, has[order], windows) for name, order in orders.items()]


def rare_row(system: str, has: np.ndarray, windows: Windows) -> Row:
    size = len(has) // BLOCKS
    blocks = has[: size * BLOCKS].reshape(BLOCKS, size, -1).sum(axis=1)
    uneven = blocks.var(axis=0) / np.maximum(blocks.mean(axis=0), 1e-9)
    return {
        "benchmark": "reader",
        "dataset": "rare",
        "system": system,
        "windows": windows.count,
        "rare_concepts": has.shape[1],
        "variance_over_mean": round(float(np.mean(uneven)), 2),
        "worst_concept": round(float(uneven.max()), 1),
        "blocks_without": f"{100 * (blocks == 0).mean():.0f} %",
    }


def shard_local(shards: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Shards in any order, and the windows of each in any order: what fits in memory is shuffled."""
    found: list[Any] = []
    for shard in generator.permutation(np.unique(shards)):
        found.append(generator.permutation(np.flatnonzero(shards == shard)))
    return np.concatenate(found)


def buffered(count: int, generator: np.random.Generator) -> Iterator[int]:
    """Each next window takes the place of one drawn from a buffer."""
    buffer = list(range(min(BUFFER, count)))
    for following in range(len(buffer), count):
        at = int(generator.integers(len(buffer)))
        yield buffer[at]
        buffer[at] = following
    yield from generator.permutation(buffer).tolist()
