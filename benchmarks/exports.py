"""What the exports cost: seconds, memory and bytes, on a run of web documents and on one five times as large.

    python benchmarks/exports.py --data DATA [--model runs/quickstart/annotator] [--library runs/quickstart/library]

The documents of DATA/webdocs/open.parquet are annotated once, with token ids. The larger run is the same part five
times, under other document ids, so that memory that grows with the run shows. Every export is made in a process of its
own, whose start (imports, compiled code: some 300 MB and a second or two) is counted. ``baseline-duckdb`` counts the
pairs, no more, by a self-join of unnested ids in DuckDB; ``baseline-counter`` counts words by concept in a Python
dictionary, as one does first, and is left out on the larger run.

The set ``concepts`` is the same texts with labels drawn from 33,000 concepts, by a power law: what large libraries cost
in memory. The number in ``system`` is what ``--memory-mb`` was.
"""

import argparse
import json
import multiprocessing
import re
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rows import Row, finish

from atlas import verbs
from atlas.config import CorpusConfig
from atlas.library.concept import Concept, Library
from atlas.products.cooccurrence import cooccurrence
from atlas.products.field_guide import field_guide
from atlas.products.lift import lift
from atlas.runner.folder import SUMMARY
from atlas.verbs import export

SET = "webdocs"
TIMES = 5
CONCEPTS, LABELS = 33_000, 15
SETS = (SET, f"{SET}-x{TIMES}", "concepts")
SMALL_ALONE = ("baseline-counter", "atlas-lift-words")
MEMORY_MB = 512


def _lift_words(run: str, out: str, library: Path) -> None:
    export.lift(run, out, library, kind="word")


def _duckdb_pairs(run: str, out: str, library: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{MEMORY_MB}MB'; set threads = 1; set enable_progress_bar = false")
        connection.execute(
            f"copy (with labels as (select doc_id, chunk_id, unnest(concept_ids) as c from '{run}/parts/*.parquet') "
            "select a.c as concept_a, b.c as concept_b, count(*) as count from labels a join labels b "
            f"using (doc_id, chunk_id) where a.c < b.c group by 1, 2 having count(*) >= 5 order by 1, 2) to '{out}'"
        )


def _counter_lift(run: str, out: str, library: Path) -> None:
    word = re.compile(r"[^\W_]+")
    within: Counter[tuple[int, str]] = Counter()
    for part in sorted(Path(run, "parts").glob("*.parquet")):
        for row in pq.read_table(part, columns=["concept_ids", "text"]).to_pylist():
            items = set(word.findall(row["text"].casefold()))
            within.update((concept, item) for concept in row["concept_ids"] for item in items)
    Path(out).write_text(json.dumps(len(within)))


def _numbered() -> Library:
    return Library(tuple(Concept(id_, "content", f"Concept {id_}", "") for id_ in range(1, CONCEPTS + 1)))


def _with_numbered(write: Callable[..., Any], memory_mb: int) -> Callable[..., Any]:
    return lambda run, out, _: write(run, _numbered(), out, memory_mb=memory_mb)


SYSTEMS: dict[str, Callable[..., Any]] = {
    "atlas-fineweb": export.fineweb,
    "atlas-field-guide": export.field_guide,
    "atlas-cooccurrence": export.cooccurrence,
    "baseline-duckdb": _duckdb_pairs,
    "atlas-lift": export.lift,
    "atlas-lift-words": _lift_words,
    "baseline-counter": _counter_lift,
    "atlas-hf-dataset": export.hf_dataset,
}
MANY: dict[str, Callable[..., Any]] = {
    "atlas-field-guide-512": _with_numbered(field_guide, 512),
    "atlas-field-guide-64": _with_numbered(field_guide, 64),
    "atlas-cooccurrence-512": _with_numbered(cooccurrence, 512),
    "atlas-cooccurrence-128": _with_numbered(cooccurrence, 128),
    "atlas-lift-2048": _with_numbered(lift, 2048),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--sets", default=",".join(SETS), help=f"comma-separated, of: {', '.join(SETS)}")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    parser.add_argument("--model", type=Path, default=Path("runs/quickstart/annotator"))
    parser.add_argument("--library", type=Path, default=Path("runs/quickstart/library"))
    arguments = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        small, large, many = (Path(scratch, name) for name in ("small", "large", "many"))
        corpus = CorpusConfig(path=str(arguments.data / SET / "open.parquet"), id="id")
        verbs.annotate(corpus, arguments.model, small, tokens=True)
        several_times(small, large, TIMES)
        relabelled(small, many)
        for name, run in zip(SETS, (small, large, many), strict=True):
            for system in MANY if run == many else SYSTEMS:
                if name in arguments.sets.split(",") and (run, system) not in [(large, each) for each in SMALL_ALONE]:
                    rows.append(measured(name, system, run, Path(scratch, f"{run.name}-{system}"), arguments.library))
    finish(rows, arguments.json)


def several_times(run: Path, out: Path, times: int) -> None:
    """A run of the same parts again and again, under other document ids."""
    (out / "parts").mkdir(parents=True)
    for number in range(times):
        for part in sorted((run / "parts").glob("*.parquet")):
            file = pq.ParquetFile(part)
            footer = json.loads(file.metadata.metadata[b"atlas"])
            footer |= {"unit": f"{number}-{footer['unit']}", "key": f"{number}-{footer['key']}"}
            with pq.ParquetWriter(out / "parts" / f"{number}-{part.name}", file.schema_arrow, compression="zstd") as to:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group)
                    ids = pc.binary_join_element_wise(pa.scalar(str(number)), table["doc_id"], "/")
                    to.write_table(table.set_column(0, table.schema.field("doc_id"), ids), table.num_rows)
                to.add_key_value_metadata({"atlas": json.dumps(footer, sort_keys=True)})
    summary = json.loads((run / SUMMARY).read_text())
    counts = {key: value * times if isinstance(value, int) else value for key, value in summary["counts"].items()}
    (out / SUMMARY).write_text(json.dumps(summary | {"counts": counts, "units": summary["units"] * times}))
    (out / "run.json").write_bytes((run / "run.json").read_bytes())


def relabelled(run: Path, out: Path) -> None:
    """A run of the same texts with labels drawn from many concepts."""
    (out / "parts").mkdir(parents=True)
    draw = np.random.default_rng(0)
    chance = 1 / np.arange(1, CONCEPTS + 1) ** 0.9
    sums = np.cumsum(chance / chance.sum())
    labels = 0
    for part in sorted((run / "parts").glob("*.parquet")):
        file = pq.ParquetFile(part)
        footer = json.loads(file.metadata.metadata[b"atlas"]) | {"library": _numbered().digest}
        with pq.ParquetWriter(out / "parts" / part.name, file.schema_arrow, compression="zstd") as to:
            mine = 0
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                ids = [np.unique(np.searchsorted(sums, draw.random(LABELS)) + 1) for _ in range(table.num_rows)]
                scores = [np.sort(draw.random(len(each)))[::-1] for each in ids]
                for name, values in (("concept_ids", ids), ("scores", scores)):
                    at = table.schema.get_field_index(name)
                    table = table.set_column(
                        at, table.schema.field(name), pa.array(values, table.schema.field(name).type)
                    )
                to.write_table(table, table.num_rows)
                mine += sum(map(len, ids))
            footer["counts"]["labels"] = mine
            to.add_key_value_metadata({"atlas": json.dumps(footer, sort_keys=True)})
        labels += mine
    summary = json.loads((run / SUMMARY).read_text())
    (out / SUMMARY).write_text(json.dumps(summary | {"counts": summary["counts"] | {"labels": labels}}))
    (out / "run.json").write_bytes((run / "run.json").read_bytes())


def measured(dataset: str, system: str, run: Path, out: Path, library: Path) -> Row:
    """One export in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_child, args=(there, system, str(run), str(out), library))
    process.start()
    seconds, cpu, memory = here.recv()
    process.join()
    chunks = json.loads((run / SUMMARY).read_text())["counts"]["rows"]
    files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
    print(f"{dataset} {system} {seconds:.1f} s", file=sys.stderr)
    return {
        "benchmark": "exports",
        "dataset": dataset,
        "system": system,
        "seconds": round(seconds, 2),
        "cpu_s": round(cpu, 2),
        "chunks_per_s": round(chunks / seconds),
        "peak_rss_mb": round(memory / 1024),
        "size_mb": round(sum(path.stat().st_size for path in files) / 1e6, 2),
    }


def _child(answer: Any, system: str, run: str, out: str, library: Path) -> None:
    start = perf_counter()
    (SYSTEMS | MANY)[system](run, out, library)
    status = Path("/proc/self/status").read_text()  # getrusage would count what the parent held as well
    used = resource.getrusage(resource.RUSAGE_SELF)
    answer.send((perf_counter() - start, used.ru_utime + used.ru_stime, int(re.findall(r"VmHWM:\s+(\d+)", status)[0])))


if __name__ == "__main__":
    main()
