"""What does the Ray executor cost beside worker processes of one machine?

Takes a pipeline's folder (``--data runs/quickstart``) for the annotator, and the example corpus, several times over.
``seconds`` are of the whole run, start included; ``steady_docs_per_s`` is counted from when every worker has answered
once, so without start; ``worker_cpu_s``, processor time of the workers by the last unit, hardly depends on what else
the machine does. Units of nothing at all show what handing out a unit and learning its outcome takes.
"""

import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rows import Row, arguments, finish

from atlas import verbs
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner.counts import Counts
from atlas.runner.executors import Executor
from atlas.runner.on_ray import OnRay
from atlas.runner.processes import Processes
from atlas.runner.ray_cluster import join
from atlas.runner.run import Execution
from atlas.verbs.hooks import Hooks

CORPUS = "examples/corpus/*.parquet"
WORKERS = 2
TURNS = 3


def main() -> None:
    options = arguments(__doc__.splitlines()[0], ["units", "runs"], copies=4, units=2000)
    rows: list[Row] = []
    if "units" in options.sets:
        rows += units(options.units)
    if "runs" in options.sets:
        rows += runs(options.data / "annotator", options.copies)
    finish(rows, options.json)


def units(count: int) -> list[Row]:
    with running_ray():
        pools: dict[str, Callable[[], Executor[int, int]]] = {
            "atlas-local": lambda: Processes(_nothing, WORKERS),
            "atlas-ray": lambda: OnRay(_nothing, WORKERS, WORKERS),
        }
        return [
            {
                "benchmark": "ray_executor",
                "dataset": f"units of nothing, {WORKERS} workers",
                "system": name,
                "ms_per_unit": 1000 * _seconds(make(), count) / count,
            }
            for name, make in pools.items()
        ]


def _nothing() -> Callable[[int], int]:
    return abs


def _seconds(pool: Executor[int, int], count: int) -> float:
    """Of so many answers, after each worker's first; as many tasks are under way as the pool takes."""
    for number in range(pool.slots):
        pool.submit(number)
    for number in range(WORKERS):
        pool.answer()
        pool.submit(number)
    start = perf_counter()
    for number in range(count):
        pool.answer()
        pool.submit(number)
    taken = perf_counter() - start
    pool.close()
    return taken


def runs(model: Path, copies: int) -> list[Row]:
    source = DocumentSource(CorpusConfig(path=CORPUS, id="doc_id"))
    table = pa.Table.from_batches([batch.documents for unit in source.units() for batch in source.read(unit)] * copies)
    local, ray = Execution(workers=WORKERS), Execution("ray", workers=WORKERS)
    found: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus.parquet"
        pq.write_table(table, corpus, row_group_size=200)
        settings = CorpusConfig(path=str(corpus), unit_bytes=200_000)
        for turn in range(TURNS):  # one after the other, so that what else the machine does hits all alike
            for system, execution in {"atlas-local": local, "atlas-ray": ray}.items():
                out = Path(scratch) / f"{system}-{turn}"
                found.setdefault(system, []).append(timed(settings, model, out, execution))
            with running_ray():
                out = Path(scratch) / f"running-{turn}"
                found.setdefault("atlas-ray (running cluster)", []).append(timed(settings, model, out, ray))
    dataset = f"annotate {table.num_rows} documents, {WORKERS} workers, best of {TURNS}"
    return [
        {
            "benchmark": "ray_executor",
            "dataset": dataset,
            "system": system,
            "seconds": min(row["seconds"] for row in turns),
            "first_unit_s": min(row["first_unit_s"] for row in turns),
            "steady_docs_per_s": max(row["steady_docs_per_s"] for row in turns),
            "worker_cpu_s": min(row["worker_cpu_s"] for row in turns),
        }
        for system, turns in found.items()
    ]


def timed(corpus: CorpusConfig, model: Path, out: Path, execution: Execution) -> Row:
    done: list[tuple[float, int]] = []
    used = 0.0

    def watch(_: str, counts: Counts) -> None:
        nonlocal used
        done.append((perf_counter(), counts.records_in))
        used = max(used, _workers_cpu_s())  # a worker with nothing left to do is gone, and its time with it

    start = perf_counter()
    verbs.annotate(corpus, model, out, execution=execution, hooks=Hooks(watch=watch))
    seconds = perf_counter() - start
    documents = sum(records for _, records in done[WORKERS:])
    steady = documents / (done[-1][0] - done[WORKERS - 1][0])
    return {"seconds": seconds, "first_unit_s": done[0][0] - start, "steady_docs_per_s": steady, "worker_cpu_s": used}


def _workers_cpu_s() -> float:
    """Processor seconds of the worker processes below this one, of either kind."""
    found = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "_Actor" in process.name() or "spawn_main" in " ".join(process.cmdline()):
                times = process.cpu_times()
                found += times.user + times.system
        except psutil.Error:
            continue
    return found


@contextmanager
def running_ray() -> Any:
    """Ray on this machine for as long as the block lasts."""
    connection = join(None)
    try:
        yield
    finally:
        connection.close()


if __name__ == "__main__":
    main()
