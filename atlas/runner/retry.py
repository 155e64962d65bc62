"""Process again what a run put in quarantine, and nothing else. Good parts are not rewritten."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.corpus.config import CorpusConfig
from atlas.corpus.rows import Row, documents
from atlas.corpus.source import DocumentSource
from atlas.corpus.units import Reject
from atlas.runner.folder import RunFolder
from atlas.runner.inspect import quarantined
from atlas.runner.part import PROCESSING, Counts, PartWriter, counted, footer_of, pieces, read_footer
from atlas.runner.run import plan, settle
from atlas.stage import Process, Stage
from atlas.storage import atomic_output


@dataclass(frozen=True, slots=True)
class Retried:
    """How many records came out of quarantine, and how many stay there."""

    mended: int
    left: int


def retry(stage: Stage, source: DocumentSource, folder: RunFolder) -> Retried:
    """Retry every quarantined record, one at a time, from its kept content.

    Records that now succeed go to ``parts/<unit>.retry.parquet``. Where the input itself was mended, run the
    same command as before instead: changed files are worked on again.
    """
    mended = 0
    process = stage.load()
    with folder.lock():
        planned = plan(stage, source, folder)
        keys = {task.unit.name: task.key for task in planned.tasks}
        waiting = quarantined(folder)
        for unit in sorted(set(waiting.column("unit").to_pylist())):
            if unit not in keys or unit not in planned.done:
                continue
            records = [row for row in waiting.to_pylist() if row["unit"] == unit]
            out: list[pa.RecordBatch] = []
            rows: list[int] = []
            for record in records:
                result = list(_again(record, source, process))
                if result:
                    out.extend(result)
                    rows.append(record["row"])
            if rows:
                _append(folder, unit, keys[unit], stage, source, out, rows)
                mended += len(rows)
        after = plan(stage, source, folder)
        settle(folder, after, dict(after.done))
    return Retried(mended, waiting.num_rows - mended)


def _again(record: dict[str, Any], source: DocumentSource, process: Process) -> Iterator[pa.RecordBatch]:
    config = source.config
    if record["reason"] == PROCESSING:  # content is the document itself, not the corpus's row
        config = CorpusConfig(path=config.path, id="doc_id", source="source", carry=config.carry)
    try:
        values = json.loads(record["content"] or b"null")
    except ValueError:
        return
    if not isinstance(values, dict):
        return
    row = Row(record["row"], record["location"], values)
    rejects: list[Reject] = []
    for batch in documents([row], config, record["unit"]):
        yield from pieces(batch.documents, batch.rows, record["unit"], process, rejects)


def _append(
    folder: RunFolder,
    unit: str,
    key: str,
    stage: Stage,
    source: DocumentSource,
    batches: list[pa.RecordBatch],
    rows: list[int],
) -> None:
    """Write the unit's retry part: what it held before, and the new rows."""
    path = folder.retry_part(unit)
    before = read_footer(folder.filesystem, path)
    counts = Counts()
    if before is not None:
        batches = [*pq.read_table(path, filesystem=folder.filesystem).to_batches(), *batches]
        rows = [*before["rows_retried"], *rows]
    with atomic_output(folder.filesystem, path) as stream:
        writer = PartWriter(stream, stage.schema(source.columns))
        for batch in batches:
            writer.write(batch)
            counts += counted(batch)
        counts += Counts(quarantined=-len(rows))
        writer.close(footer_of(unit, key, stage) | {"counts": asdict(counts), "rows_retried": rows})
