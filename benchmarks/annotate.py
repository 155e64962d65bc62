"""How fast are chunks labelled, and where does the time go?

Takes a pipeline's folder (``--data runs/quickstart``) for the annotator, and the example corpus, several times over.
Rates are chunks a second on one core; every stage up to and including the named one is timed.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rows import Row, arguments, finish, median_seconds

from atlas import verbs
from atlas.annotator import artefact
from atlas.annotator.stage import AnnotateStage, annotate_documents, label_chunks
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner.part_writer import PartWriter
from atlas.runner.run import Execution

CORPUS = "examples/corpus/*.parquet"
ROUNDS = 5
# Of the corpus, in whole runs of a minute: worker processes start in two seconds, a corpus takes hours.
WORKERS_COPIES, WORKERS_ROUNDS = 60, 3


def main() -> None:
    options = arguments(__doc__.splitlines()[0], ["stages", "overhead", "workers"])
    model = options.data / "annotator"
    rows: list[Row] = []
    if "stages" in options.sets:
        rows += stages(model)
    if "overhead" in options.sets:
        rows += overhead(model)
    if "workers" in options.sets:
        rows += workers(model)
    finish(rows, options.json)


def stages(model: Path) -> list[Row]:
    annotator = artefact.load(model)
    config = ChunkConfig(**annotator.settings["chunk"])
    named = tokenizer(config.tokenizer)
    batches = documents()
    texts = [text for batch in batches for text in batch.column("text").to_pylist()]
    chunked = [chunk_documents(batch, config, named) for batch in batches]
    chunks = sum(c.columns.num_rows for c in chunked)
    tokens = sum(len(ids) for c in chunked for ids in c.tokens)

    def label() -> None:
        for c in chunked:
            label_chunks(c.tokens, np.zeros(len(c.tokens), dtype=bool), annotator)

    work = {
        "baseline-tokenize": lambda: [named.encode(text) for text in texts],
        "atlas-chunk": lambda: [chunk_documents(batch, config, named) for batch in batches],
        "atlas-label (chunked before)": label,
        "atlas-annotate": lambda: [annotate_documents(batch, annotator, text=True) for batch in batches],
    }
    rows: list[Row] = []
    base = 0.0
    for name, job in work.items():
        seconds = median_seconds(job)
        base = base or seconds
        rows.append(
            {
                "benchmark": "annotate",
                "dataset": f"{len(texts)} documents, {chunks} chunks, {len(annotator.weights.concept_ids)} concepts",
                "system": name,
                "chunks_per_s": chunks / seconds,
                "tokens_per_s": tokens / seconds,
                "time_over_tokenize": seconds / base,
            }
        )
    return rows


def documents() -> list[pa.RecordBatch]:
    source = DocumentSource(CorpusConfig(path=CORPUS, id="doc_id"))
    return [batch.documents for unit in source.units() for batch in source.read(unit)]


def overhead(model: Path) -> list[Row]:
    """What the runner costs over the stage's function in a loop; all on one core, so that nothing overlaps.

    ``atlas-run`` has what the other rows have, and the own work of the runner: planning, counting, renaming, balance.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch, on_one_core():
        settings = corpus_in(Path(scratch))
        source, stage = DocumentSource(settings), AnnotateStage(str(model), text=False)
        process = stage.load()
        batches = [batch.documents for unit in source.units() for batch in source.read(unit)]
        made = [process(batch) for batch in batches]
        outs = count()
        work = {
            "baseline-loop": lambda: [process(batch) for batch in batches],
            "read": lambda: [batch for unit in source.units() for batch in source.read(unit)],
            "write": lambda: written(made, Path(scratch) / "written.parquet", stage),
            "load": lambda: stage.load(),
            "atlas-run": lambda: verbs.annotate(settings, model, Path(scratch) / f"out-{next(outs)}", text=False),
        }
        seconds: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(ROUNDS):
            for name, job in work.items():
                started = perf_counter()
                job()
                seconds[name].append(perf_counter() - started)
        spent = {name: median(times) for name, times in seconds.items()}
        parts = ("baseline-loop", "read", "write", "load")
        own = [whole - sum(seconds[part][i] for part in parts) for i, whole in enumerate(seconds["atlas-run"])]
        chunks = sum(rows.num_rows for rows in made)
        for name, time in spent.items():
            rows.append(_row(f"one core, {chunks} chunks", name, seconds=time, over_loop=time / spent["baseline-loop"]))
        cost = median(extra / loop for extra, loop in zip(own, seconds["baseline-loop"], strict=True))
        rows.append(_row(f"one core, {chunks} chunks", "atlas-runner's own", seconds=median(own), over_loop=cost))
    return rows


def workers(model: Path) -> list[Row]:
    """Whole runs, with reading, writing and worker start: one worker on one core, one on both, two on both."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        settings = corpus_in(Path(scratch), copies=WORKERS_COPIES)
        ways = {"1-worker-1-core": (1, True), "1-worker-2-cores": (1, False), "2-workers-2-cores": (2, False)}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for attempt in range(WORKERS_ROUNDS):
            for name, (number, pinned) in ways.items():
                with on_one_core() if pinned else nullcontext():
                    started = perf_counter()
                    out = Path(scratch) / f"{name}-{attempt}"
                    result = verbs.annotate(settings, model, out, text=False, execution=Execution(workers=number))
                    seconds[name].append(perf_counter() - started)
        alone = seconds["1-worker-1-core"]
        for name, times in seconds.items():
            ratio = median(one / time for one, time in zip(alone, times, strict=True))
            dataset = f"whole run, {result.counts.rows} chunks"
            rows.append(_row(dataset, f"atlas-{name}", seconds=median(times), times_one_worker=ratio))
    return rows


def corpus_in(folder: Path, copies: int = 1) -> CorpusConfig:
    """The example corpus, several times over, in units of about 200 documents."""
    table = pa.Table.from_batches([batch for _ in range(copies) for batch in documents()])
    path = folder / "corpus.parquet"
    pq.write_table(table, path, row_group_size=200)
    return CorpusConfig(path=str(path), unit_bytes=200_000)


def written(made: list[pa.RecordBatch], path: Path, stage: AnnotateStage) -> None:
    with path.open("wb") as stream, PartWriter(stream, stage.schema(pa.schema([]))) as writer:
        for rows in made:
            writer.write(rows)
        writer.close({})


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process, and what it starts, to one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _row(dataset: str, system: str, **figures: float) -> Row:
    return {"benchmark": "annotate", "dataset": dataset, "system": system, **figures}


if __name__ == "__main__":
    main()
