"""How long commands take from the start of the process to their end: medians, each in a process of its own.

    .venv/bin/python benchmarks/start.py --data DIR [--model runs/quickstart/annotator] [--repeats 5] [--json FILE]

``DIR`` is a folder with Parquet files that have columns ``id`` and ``text``; of the first one, twenty documents are
annotated. ``seconds`` is wall time, ``cpu_s`` the processor time of the process, which other work on the machine
changes less. ``first`` is the first annotate run after an installation, with nothing compiled yet (measured once);
``compiled`` are those after it.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import pyarrow.parquet as pq
from rows import Row, finish

DOCUMENTS = 20
ATLAS = [sys.executable, "-m", "atlas.cli.main"]


def main() -> None:
    args = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        corpus = _small(args.data, folder)
        annotate = [*ATLAS, "annotate", str(corpus), "--id", "id", "--model", str(args.model.absolute()), "--quiet"]
        compiled = {"NUMBA_CACHE_DIR": str(folder / "compiled")}
        rows = [
            _row("python, doing nothing", [[sys.executable, "-c", ""]] * args.repeats),
            _row("atlas, imported in Python", [[sys.executable, "-c", "import atlas"]] * args.repeats),
            _row("atlas --help", [[*ATLAS, "--help"]] * args.repeats),
            _row("atlas annotate, first", [[*annotate, "--out", str(folder / "first")]], compiled),
            _row(
                "atlas annotate, compiled",
                [[*annotate, "--out", str(folder / str(number))] for number in range(args.repeats)],
                compiled,
            ),
        ]
    finish(rows, args.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--model", type=Path, default=Path("runs/quickstart/annotator"), help="a trained annotator")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    return parser.parse_args()


def _small(data: Path, folder: Path) -> Path:
    """The first documents of the first file that has an id and a text."""
    for file in sorted(data.rglob("*.parquet")):
        if {"id", "text"} <= set(pq.read_schema(file).names):
            table = pq.read_table(file, columns=["id", "text"]).slice(0, DOCUMENTS)
            pq.write_table(table, folder / "small.parquet")
            return folder / "small.parquet"
    raise SystemExit(f"{data}: holds no Parquet file with the columns id and text")


def _row(system: str, commands: Sequence[Sequence[str]], environment: dict[str, str] | None = None) -> Row:
    name = system if system.startswith("atlas") else f"baseline-{system}"
    times = [_timed(command, environment or {}) for command in commands]
    wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    row = {"benchmark": "start", "dataset": "process", "system": name}
    return row | {"runs": len(times), "seconds": wall, "cpu_s": cpu}


def _timed(command: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall and processor seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)
    seconds = perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
