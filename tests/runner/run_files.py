"""What tests look at in a run's folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner.balance import Result
from atlas.runner.folder import LOG, RunFolder
from atlas.runner.inspect import quarantined
from atlas.runner.plan import plan
from atlas.runner.run import Execution, run
from atlas.stage import Stage

HERE = Execution()


def source_of(corpus: Path, **columns: Any) -> DocumentSource:
    return DocumentSource(CorpusConfig(path=str(corpus), **{"id": "id"} | columns))


def run_over(stage: Stage, corpus: Path, out: Path | str, execution: Execution = HERE, **columns: Any) -> Result:
    """A run as ``atlas chunk`` makes it."""
    source = source_of(corpus, **columns)
    recipe = {"corpus": source.config.model_dump(mode="json"), "chunk": stage.identity()["chunk"]}
    return run(stage, source, out, str(corpus), recipe, execution)


def contents(out: Path, below: str = "parts") -> dict[str, bytes]:
    """Every file of a folder of the run, hidden ones too, with its bytes."""
    return {path.name: path.read_bytes() for path in sorted((out / below).iterdir())}


def everything(out: Path) -> dict[str, bytes]:
    """Every file of the run but locks and the log of who worked on it, hidden ones too, with its bytes."""
    found = (path for path in out.rglob("*") if path.is_file() and not path.name.startswith(".lock"))
    files = sorted(path for path in found if path.relative_to(out).parts[0] != LOG)
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def times(out: Path) -> dict[str, int]:
    """When each part was last written."""
    return {path.name: path.stat().st_mtime_ns for path in sorted((out / "parts").iterdir())}


def part(out: Path, start: str) -> Path:
    """The one part whose name begins so."""
    (found,) = (out / "parts").glob(f"{start}*")
    return found


def counted_in_parts(out: Path) -> dict[str, int]:
    """Documents, empty ones, rows and tokens, and quarantined records, as DuckDB counts them in the files."""
    parts = str(out / "parts" / "*.parquet")
    documents, empty, rows, tokens = duckdb.execute(
        "select count(distinct doc_id), count(*) filter (status = 'empty'), count(*), coalesce(sum(token_count), 0) "
        f"from read_parquet('{parts}')"
    ).fetchall()[0]
    waiting = sum(1 for _ in quarantined(RunFolder.at(out)))
    return {"records_out": documents, "empty": empty, "rows": rows, "tokens": tokens, "quarantined": waiting}


def documents_in_parts(out: Path) -> list[str]:
    """The id of every document of every part, once for each time that it begins."""
    tables = [pq.read_table(path) for path in sorted((out / "parts").glob("*.parquet"))]
    return sorted(
        row["doc_id"]
        for table in tables
        for row in table.select(["doc_id", "chunk_id"]).to_pylist()
        if row["chunk_id"] == 0
    )


def whole_parts(stage: Stage, corpus: Path, out: Path) -> bool:
    """Whether all that looks like a part is one: readable to its end, with the key of its unit."""
    visible = list((out / "parts").glob("[!.]*"))
    for path in visible:
        pq.read_table(path)
    return len(plan(stage, source_of(corpus), RunFolder.at(out)).done) == len(visible)


def damage(file: Path) -> None:
    """Flip a bit in the pages of a Parquet file; its footer stays good."""
    first = pq.read_metadata(file).row_group(0).column(0)
    whole = bytearray(file.read_bytes())
    whole[(first.dictionary_page_offset or first.data_page_offset) + first.total_compressed_size - 3] ^= 0x10
    file.write_bytes(whole)


Write = Callable[..., Path]
