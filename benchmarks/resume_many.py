"""How long does a run of very many parts take to see that nothing is left to do, to say what it holds, and to retry
what is in quarantine, and in how much memory?

Makes a corpus of ``--parts`` files of ``--documents`` lines and the run over it, its parts written by the product's own
writer but not by its runner (nothing is synced, as that is not what is measured); then starts the same run in a fresh
process: for the first balance, which looks for ids in two parts; with the caches; with them and one part taken away;
and without. Then `atlas status` and `atlas retry` look at it, with the caches and without. With ``--bad N``, every N-th
file has a line that is no JSON, which is in quarantine.
``cpu_s`` is of all threads; ``peak_mib`` the most memory of the process, of which ``imports_mib`` are there before it
begins.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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
from atlas.runner.inspect import status
from atlas.runner.part import footer_of
from atlas.runner.part_writer import FOOTER_KEY, encodings
from atlas.runner.plan import tasks_of
from atlas.runner.retry import retry
from atlas.runner.run import run
from atlas.tables import CHUNKS, QUARANTINE

A_FOLDER = 1_000  # files
STAGE = ChunkStage(ChunkConfig())
CACHES = (footers.CACHE, inputs.CACHE, ids.CACHE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for corpus and run; kept if there")
    parser.add_argument("--parts", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=1, help="of each part")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    parser.add_argument("--bad", type=int, default=0, help="every so-manieth file has a bad line; 0: none has")
    parser.add_argument("--only", help="rows whose name has this word, such as status")
    parser.add_argument("--do", choices=DO, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.do:
        print(json.dumps(timed(options.out, DO[options.do])))
        return
    if not (options.out / "run" / "parts").exists():
        make(options.out, options.parts, options.documents, options.bad)
    finish(list(measured(options.out, options.parts, options.only or "")), options.json)


def measured(out: Path, parts: int, only: str) -> Iterator[Row]:
    steps: list[tuple[str, str, Callable[[Path], None]]] = [
        ("first balance", "resume", lambda out: _forget(out, SUMMARY)),
        ("with caches", "resume", lambda _: None),
        ("with caches, a part gone", "resume", _lose_a_part),
        ("without caches", "resume", _forget),
        ("status, with caches", "status", _remember),
        ("retry, with caches", "retry", _remember),
        ("status, without caches", "status", _forget),
        ("retry, without caches", "retry", _forget),
    ]
    for name, do, before in steps:
        if only in name:
            before(out)
            yield _started(out, parts, f"atlas, {name}", do)


def _lose_a_part(out: Path) -> None:
    next((out / "run" / "parts").iterdir()).unlink()


def _forget(out: Path, *names: str) -> None:
    for name in (*CACHES, *names):
        (out / "run" / name).unlink(missing_ok=True)


def _remember(out: Path) -> None:
    if not (out / "run" / footers.CACHE).exists():
        _started(out, 0, "", "resume")


def make(out: Path, parts: int, documents: int, bad: int) -> None:
    """A corpus of so many files of so many lines, and the parts of its run; every ``bad``-th has a bad line, too."""
    corpus, folder = out / "corpus", RunFolder.at(out / "run")
    for number in range(parts):
        if number % A_FOLDER == 0:
            below = corpus / f"{number // A_FOLDER:04}"
            below.mkdir(parents=True)
        lines = (f'{{"id": "{doc_id}", "text": "Entry {doc_id} of the log."}}\n' for doc_id in _ids(number, documents))
        (below / f"{number:07}.jsonl").write_text("".join(lines) + ("{\n" if bad and number % bad == 0 else ""))
    for name in FOLDERS:
        (out / "run" / name).mkdir(parents=True)
    row = {name: "x" if pa.types.is_string(CHUNKS.field(name).type) else 0 for name in CHUNKS.names}
    table = pa.Table.from_pylist(documents * [{**row, "status": "ok"}], schema=STAGE.schema(pa.schema([])))
    counts = Counts(records_in=documents, records_out=documents, rows=documents, tokens=6 * documents)
    place = table.schema.get_field_index("doc_id")
    for number, task in enumerate(tasks_of(STAGE, _source(corpus), inputs.remembered(folder))):
        if bad and number % bad == 0:
            one = Counts(records_in=1, quarantined=1)
            kept = {
                "unit": task.name,
                "row": documents,
                "reason": "json",
                "location": task.name,
                "detail": "",
                "content": b"{",
            }
            pq.write_table(pa.Table.from_pylist([kept], QUARANTINE), folder.quarantine(task.name))
        else:
            one = Counts()
        footer = footer_of(task.name, task.key, STAGE) | {"counts": asdict(counts + one)}
        with pq.ParquetWriter(folder.part(task.name), table.schema, **encodings(table.schema)) as writer:
            writer.write_table(table.set_column(place, table.schema.field(place), pa.array(_ids(number, documents))))
            writer.add_key_value_metadata({FOOTER_KEY.decode(): json.dumps(footer, sort_keys=True)})


def _ids(part: int, documents: int) -> list[str]:
    return [str(part * documents + document) for document in range(documents)]


def resume(out: Path) -> Row:
    result = run(STAGE, _source(out / "corpus"), out / "run", str(out / "corpus"), {})
    assert result.sound, result.problems()
    return {"units_done_before": result.units_done_before}


def look(out: Path) -> Row:
    found = status(RunFolder.at(out / "run"))
    assert found.complete, found.problems
    return {"parts": found.parts, "in_quarantine": found.counts.quarantined}


def again(out: Path) -> Row:
    retried = retry(STAGE, _source(out / "corpus"), RunFolder.at(out / "run"))
    assert not (retried.mended or retried.problems), retried
    return {"in_quarantine": retried.left}


DO: dict[str, Callable[[Path], Row]] = {"resume": resume, "status": look, "retry": again}


def timed(out: Path, do: Callable[[Path], Row]) -> Row:
    """In a fresh process: do it, and say what that took."""
    before, cpu, started = _peak_mib(), time.process_time(), time.perf_counter()
    said = do(out)
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_mib": round(_peak_mib()),
        "imports_mib": round(before),
        **said,
        "cache_mib": round(sum(_size(out / "run" / name) for name in CACHES) / 2**20, 1),
    }


def _source(corpus: Path) -> DocumentSource:
    return DocumentSource(CorpusConfig(path=str(corpus), id="id"))


def _started(out: Path, parts: int, system: str, do: str) -> Row:
    command = [sys.executable, __file__, "--out", str(out), "--do", do]
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
