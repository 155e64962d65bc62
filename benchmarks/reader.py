"""How fast windows are read, beside other packages; that ranks share one order; how evenly rare concepts come.

    python benchmarks/reader.py --data DATA --peers VENV/bin/python

The packages beside are put into an environment of their own: ``pip install torch==2.13.0 litdata mosaicml-streaming
datasets``; without ``--peers`` they are left out. ``speed`` reads texts of DATA/webdocs, ``order`` and ``rare`` an
annotated run (``--run``). Every system runs on one core, in one process without workers, over the same windows, several
rounds, each in another order; the medians count: wall time, and processor time, which other work on the machine changes
less. Files are in the page cache, as each round but the first finds them.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from reader_data import write_arrays, write_parts
from reader_order import order_rows, rare_rows
from rows import Row, finish

from atlas.products.token_stream.write import write
from atlas.reader import open_corpus, read_windows
from atlas.reader.order import Kind

SETS = ("speed", "order", "rare")
PEERS = ("datasets", "litdata", "mosaicml-streaming")
BATCH = 8
CACHE_BYTES = 48 << 20  # two row groups of five, so that Parquet is read, not remembered


def main() -> None:
    options = parsed()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # not on a /tmp that may be in memory
        for name in options.sets.split(","):
            if name == "speed":
                rows += speed_rows(options, Path(folder) / name)
            elif name == "order":
                rows += order_rows(options.run, Path(folder) / name)
            else:
                rows += rare_rows(options.run, Path(folder) / name)
    finish(rows, options.json)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--sets", default=",".join(SETS), help=f"comma-separated, of: {', '.join(SETS)}")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    parser.add_argument("--run", type=Path, default=Path("runs/quickstart/annotations"), help="an annotated run")
    parser.add_argument("--peers", help="interpreter that has the other packages")
    for name, default in {"tokens": 16_000_000, "length": 2048, "k": 16, "rounds": 5, "core": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def speed_rows(options: argparse.Namespace, folder: Path) -> list[Row]:
    parts = folder / "parts"
    write_parts(parts, options.data / "webdocs" / "open.parquet", options.tokens)
    for layout in ("records", "compact"):
        write(parts, folder / layout, layout=layout)
    write_arrays(folder / "records", folder / "arrays", options.length, options.k)
    pinned(options.core)
    rows = our_rows(options, folder)
    for peer in PEERS if options.peers else ():
        for system in (peer, f"{peer}+concepts"):
            rows.append(peer_row(options, folder, system))
    return rows


CASES: tuple[tuple[str, Kind, str], ...] = (
    ("records", "sequential", "tokens"),
    ("records", "shuffle", "tokens"),
    ("records", "shuffle", "tokens, concepts"),
    ("records", "shuffle", "tokens, concepts, scores"),
    ("records", "shuffle", "batches: tokens"),
    ("records", "shuffle", "batches: tokens, concepts"),
    ("records", "shuffle", "tokens, labelled spans"),
    ("compact", "shuffle", "tokens"),
    ("compact", "shuffle", "tokens, concepts"),
    ("parts", "sequential", "tokens, concepts"),
    ("parts", "blocks", "tokens, concepts"),
)


def our_rows(options: argparse.Namespace, folder: Path) -> list[Row]:
    rows = []
    for source, order, what in CASES:
        corpus = open_corpus(folder / source, cache_bytes=CACHE_BYTES)
        # One reader: each round is its next epoch, in another order.
        windows = read_windows(
            corpus, options.length, concepts_per_token=options.k, order=order, pool_tokens=options.tokens // 2
        )
        seconds = rounds(partial(TAKE[what], windows), options.rounds)
        row = speed_row(f"atlas-{source}", what, order, windows.count * options.length, seconds)
        size = sum(path.stat().st_size for path in (folder / source).rglob("*") if path.is_file())
        rows.append(row | {"bytes_a_token": round(size / windows.tokens, 1)})
    rows.append(parquet_shuffle(options, folder))
    return rows


def parquet_shuffle(options: argparse.Namespace, folder: Path) -> Row:
    """Whole-corpus shuffle from Parquet: some windows tell what each costs."""
    windows = read_windows(
        folder / "parts", options.length, concepts_per_token=options.k, order="shuffle", cache_bytes=1
    )
    some = windows.indices(np.arange(24)).tolist()
    seconds = rounds(lambda: each("tokens", "concept_ids")(map(windows.window, some)), options.rounds)
    return speed_row("atlas-parts", "tokens, concepts", "shuffle", 24 * options.length, seconds)


def rounds(work: Callable[[], Any], count: int) -> tuple[float, float]:
    """Median wall time and median processor time of several rounds."""
    wall, cpu = [], []
    for _ in range(count):
        start, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    return statistics.median(wall), statistics.median(cpu)


def each(*names: str) -> Callable[[Iterable[Any]], None]:
    def take(windows: Iterable[Any]) -> None:
        for window in windows:
            for name in names:
                getattr(window, name)

    return take


TAKE: dict[str, Callable[[Any], None]] = {
    "tokens": each("tokens"),
    "tokens, concepts": each("tokens", "concept_ids"),
    "tokens, concepts, scores": each("tokens", "concept_ids", "scores"),
    "tokens, labelled spans": each("tokens", "starts", "ends", "labels"),
    "batches: tokens": lambda windows: each("tokens")(windows.batches(BATCH)),
    "batches: tokens, concepts": lambda windows: each("concept_ids")(windows.batches(BATCH)),
}


def peer_row(options: argparse.Namespace, folder: Path, system: str) -> Row:
    script = Path(__file__).parent / "reader_peers.py"
    arguments = [options.peers, str(script), system, str(folder / "arrays"), str(folder / "peer")]
    arguments += [str(options.rounds), str(options.core)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{system}: {done.stderr[-2000:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    seconds = statistics.median(found["seconds"]), statistics.median(found["cpu"])
    what = "batches: tokens, concepts" if system.endswith("+concepts") else "batches: tokens"
    row = speed_row(f"{system.partition('+')[0]} {found['version']}", what, "shuffle", found["tokens"], seconds)
    return row | {"bytes_a_token": round(found["bytes"] / found["tokens"], 1)}


def speed_row(system: str, what: str, order: str, tokens: int, seconds: tuple[float, float]) -> Row:
    wall, cpu = seconds
    return {
        "benchmark": "reader",
        "dataset": "speed",
        "system": system,
        "order": order,
        "what": what,
        "m_tokens_per_s": round(tokens / wall / 1e6, 2),
        "m_tokens_per_cpu_s": round(tokens / cpu / 1e6, 2),
    }


def pinned(core: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


if __name__ == "__main__":
    main()
