"""How fast are chunks labelled, and where does the time go?

Takes a pipeline's folder (``--data runs/quickstart``) for the annotator, and the example corpus, several times over.
Rates are chunks a second on one core; every stage up to and including the named one is timed.
"""

import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rows import Row, arguments, finish, median_seconds

from atlas import verbs
from atlas.annotator import artefact
from atlas.annotator.stage import annotate_documents, label_chunks
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner.run import Execution

CORPUS = "examples/corpus/*.parquet"


def main() -> None:
    options = arguments(__doc__.splitlines()[0], ["stages", "runner"])
    model = options.data / "annotator"
    rows: list[Row] = []
    if "stages" in options.sets:
        rows += stages(model)
    if "runner" in options.sets:
        rows += runner(model)
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


def runner(model: Path) -> list[Row]:
    """Whole runs, with reading, writing and worker start; the same corpus six times over."""
    table = pa.Table.from_batches([batch for _ in range(6) for batch in documents()])
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus.parquet"
        pq.write_table(table, corpus, row_group_size=200)
        settings = CorpusConfig(path=str(corpus), unit_bytes=200_000)
        for workers in (1, 2):
            times = []
            for attempt in range(3):
                out = Path(scratch) / f"out-{workers}-{attempt}"
                start = perf_counter()
                verbs.annotate(settings, model, out, execution=Execution(workers=workers))
                times.append(perf_counter() - start)
            seconds = sorted(times)[1]
            rows.append(
                {
                    "benchmark": "annotate",
                    "dataset": f"whole run, {table.num_rows} documents",
                    "system": f"atlas-{workers}-workers",
                    "docs_per_s": table.num_rows / seconds,
                    "seconds": seconds,
                }
            )
    return rows


if __name__ == "__main__":
    main()
