"""How long does a run of very many parts take to see that nothing is left to do, and in how much memory?

Makes a corpus of ``--parts`` files of ``--documents`` lines and the run over it, its parts written by the product's own
writer but not by its runner (nothing is synced, as that is not what is measured); then starts the same run in a fresh
process: for the first balance, which looks for ids in two parts; with the caches; with them and one part taken away;
and without.
``cpu_s`` is of all threads; ``peak_mib`` the most memory of the process, of which ``imports_mib`` are there before it
begins.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rows import Row, finish

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner import footers, ids, inputs
from atlas.runner.counts import Counts
from atlas.runner.folder import FOLDERS, SUMMARY, RunFolder
from atlas.runner.part import footer_of
from atlas.runner.part_writer import FOOTER_KEY, encodings
from atlas.runner.plan import tasks_of
from atlas.runner.run import run
from atlas.tables import CHUNKS

A_FOLDER = 1_000  # files
STAGE = ChunkStage(ChunkConfig())
CACHES = (footers.CACHE, inputs.CACHE, ids.CACHE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for corpus and run; kept if there")
    parser.add_argument("--parts", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=1, help="of each part")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    parser.add_argument("--resume", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.resume:
        print(json.dumps(resume(options.out)))
        return
    finish(measured(options.out, options.parts, options.documents), options.json)


def measured(out: Path, parts: int, documents: int) -> list[Row]:
    if not (out / "run" / "parts").exists():
        make(out, parts, documents)
    _forget(out, SUMMARY)
    rows = [_started(out, parts, "atlas, first balance")]
    rows.append(_started(out, parts, "atlas, with caches"))
    _lose_a_part(out)
    rows.append(_started(out, parts, "atlas, with caches, a part gone"))
    _forget(out)
    rows.append(_started(out, parts, "atlas, without caches"))
    return rows


def _lose_a_part(out: Path) -> None:
    next((out / "run" / "parts").iterdir()).unlink()


def _forget(out: Path, *names: str) -> None:
    for name in (*CACHES, *names):
        (out / "run" / name).unlink(missing_ok=True)


def make(out: Path, parts: int, documents: int) -> None:
    """A corpus of so many files of so many lines, and the parts of its run."""
    corpus, folder = out / "corpus", RunFolder.at(out / "run")
    for number in range(parts):
        if number % A_FOLDER == 0:
            below = corpus / f"{number // A_FOLDER:04}"
            below.mkdir(parents=True)
        lines = (f'{{"id": "{doc_id}", "text": "Entry {doc_id} of the log."}}\n' for doc_id in _ids(number, documents))
        (below / f"{number:07}.jsonl").write_text("".join(lines))
    for name in FOLDERS:
        (out / "run" / name).mkdir(parents=True)
    row = {name: "x" if pa.types.is_string(CHUNKS.field(name).type) else 0 for name in CHUNKS.names}
    table = pa.Table.from_pylist(documents * [{**row, "status": "ok"}], schema=STAGE.schema(pa.schema([])))
    counts = Counts(records_in=documents, records_out=documents, rows=documents, tokens=6 * documents)
    place = table.schema.get_field_index("doc_id")
    for number, task in enumerate(tasks_of(STAGE, _source(corpus), inputs.remembered(folder))):
        footer = footer_of(task.name, task.key, STAGE) | {"counts": asdict(counts)}
        with pq.ParquetWriter(folder.part(task.name), table.schema, **encodings(table.schema)) as writer:
            writer.write_table(table.set_column(place, table.schema.field(place), pa.array(_ids(number, documents))))
            writer.add_key_value_metadata({FOOTER_KEY.decode(): json.dumps(footer, sort_keys=True)})


def _ids(part: int, documents: int) -> list[str]:
    return [str(part * documents + document) for document in range(documents)]


def resume(out: Path) -> Row:
    """In a fresh process: start the run, and say what that took."""
    before, cpu, started = _peak_mib(), time.process_time(), time.perf_counter()
    corpus = out / "corpus"
    result = run(STAGE, _source(corpus), out / "run", str(corpus), {})
    assert result.sound, result.problems()
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_mib": round(_peak_mib()),
        "imports_mib": round(before),
        "units_done_before": result.units_done_before,
        "cache_mib": round(sum(_size(out / "run" / name) for name in CACHES) / 2**20, 1),
    }


def _source(corpus: Path) -> DocumentSource:
    return DocumentSource(CorpusConfig(path=str(corpus), id="id"))


def _started(out: Path, parts: int, system: str) -> Row:
    command = [sys.executable, __file__, "--out", str(out), "--resume"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ).stdout
    return {"benchmark": "resume_many", "dataset": f"{parts:,} parts", "system": system, **json.loads(said)}


def _peak_mib() -> float:
    """Of this program alone: what ``resource`` tells may be of the process that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


if __name__ == "__main__":
    main()
