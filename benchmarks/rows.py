"""What every benchmark shares: arguments, rows, medians, and how results are shown."""

import argparse
import json
import platform
import statistics
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

from atlas.cli.show import table

Row = dict[str, Any]


def arguments(description: str, sets: Sequence[str], **numbers: int) -> argparse.Namespace:
    """The arguments of ``parser``, with further flags that are whole numbers."""
    known = parser(description, sets)
    for name, default in numbers.items():
        known.add_argument(f"--{name}", type=int, default=default)
    return known.parse_args()


def parser(description: str, sets: Sequence[str]) -> argparse.ArgumentParser:
    """--data, --sets and --json; ``sets`` are the data sets that the benchmark knows."""
    known = argparse.ArgumentParser(description=description)
    known.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    known.add_argument("--sets", default=",".join(sets), help=f"comma-separated, of: {', '.join(sets)}")
    known.add_argument("--json", type=Path, help="also write the rows as JSON")
    return known


def finish(rows: Sequence[Row], json_file: Path | None) -> None:
    """Print the rows as tables, one per data set, with date and machine; write them where asked."""
    print(f"{date.today().isoformat()}, {platform.machine()}, Python {platform.python_version()}\n")
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        ours = [row for row in rows if row["dataset"] == dataset]
        columns = list(
            dict.fromkeys(key for row in ours for key in row if key not in ("benchmark", "dataset", "system"))
        )
        print(dataset)
        print(table([[row["system"], *(row.get(column) for column in columns)] for row in ours], ["system", *columns]))
        print()
    if json_file is not None:
        json_file.write_text(json.dumps(list(rows), indent=2) + "\n", encoding="utf-8")


def median_seconds(work: Callable[[], Any], runs: int = 3) -> float:
    """Median wall time of several runs."""
    times = []
    for _ in range(runs):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return statistics.median(times)
