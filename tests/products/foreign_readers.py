"""Parts of a run read by packages that know nothing of Atlas: `python -I foreign_readers.py READER FOLDER...`.

Prints one JSON object: the rows of each folder's parts, the footers as that package gives them, and whether Atlas was
imported, which it must not be.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]


def by_pyarrow(parts: Path) -> tuple[Rows, list[str]]:
    import pyarrow.parquet as pq

    footers = [pq.read_metadata(part).metadata[b"atlas"].decode() for part in sorted(parts.glob("*.parquet"))]
    return pq.read_table(parts).to_pylist(), footers


def by_duckdb(parts: Path) -> tuple[Rows, list[str]]:
    import duckdb

    found = duckdb.sql(f"select * from read_parquet('{parts}/*.parquet')")
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    metadata = f"from parquet_kv_metadata('{parts}/*.parquet') where decode(key) = 'atlas'"
    footers = duckdb.sql(f"select decode(value) {metadata} order by file_name")
    return rows, [text for (text,) in footers.fetchall()]


def by_polars(parts: Path) -> tuple[Rows, list[str]]:
    import polars

    footers = [polars.read_parquet_metadata(part)["atlas"] for part in sorted(parts.glob("*.parquet"))]
    return polars.read_parquet(parts / "*.parquet").to_dicts(), footers


def by_pandas(parts: Path) -> tuple[Rows, list[str]]:
    import pandas

    rows = pandas.read_parquet(parts).to_dict("records")
    lists = [name for name in rows[0] if name.endswith(("_ids", "scores", "starts", "ends"))]
    for row in rows:
        row |= {name: row[name].tolist() for name in lists}  # numpy arrays
        row |= {name: None for name in ("source", "language") if pandas.isna(row[name])}
    return rows, []


def by_datasets(parts: Path) -> tuple[Rows, list[str]]:
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        found = datasets.load_dataset("parquet", data_files=f"{parts}/*.parquet", split="train", cache_dir=cache)
        return found.to_list(), []


if __name__ == "__main__":
    read = globals()[f"by_{sys.argv[1]}"]
    found = [read(Path(folder)) for folder in sys.argv[2:]]
    rows, footers = [rows for rows, _ in found], [footers for _, footers in found]
    print(json.dumps({"rows": rows, "footers": footers, "atlas": "atlas" in sys.modules}))
