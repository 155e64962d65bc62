"""The verbs that answer SQL about annotated runs, and whether a benchmark's text is in one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from atlas.products.query.connection import Limits
    from atlas.products.query.contamination import Contamination
    from atlas.products.query.items import Items
    from atlas.products.query.profile import Near


@contextmanager
def query(
    runs: str | Path | Mapping[str, str | Path],
    sql: str,
    *,
    library: Path | None = None,
    limits: "Limits | None" = None,
) -> Iterator["pa.RecordBatchReader"]:
    """What SQL gives over the views of an annotated run, or of several by name: a reader of Arrow batches.

    Raises:
        AtlasError: no such run; the SQL is wrong; it needs more memory than ``limits`` allow.
    """
    from atlas.products.query.asked import asked
    from atlas.products.query.connection import Limits, answer, connected

    named = runs if isinstance(runs, Mapping) else {"": runs}
    found = [asked(str(url), library, name) for name, url in named.items()]
    with connected(found, limits or Limits()) as connection:
        yield answer(connection, sql)


def contamination(
    run: str | Path,
    benchmark: str,
    *,
    text: Sequence[str] = ("text",),
    id_: str | None = None,
    ngram: int = 13,
    common: int = 10,
    model: Path | None = None,
    library: Path | None = None,
    memory: str = "1GB",
    threads: int | None = None,
) -> "tuple[Contamination, list[Near] | None]":
    """Items of a benchmark with an n-gram in a run's texts; with an annotator, also the documents about the same.

    Args:
        text: columns that are an item's text. common: n-grams in more documents or items than this tell nothing.
        model: annotator that labels the items; it must be of the run's library.

    Raises:
        AtlasError: no such run or benchmark; the run stores no text; an annotator of another library.
    """
    import os

    from atlas.products.query import contamination as by_ngrams
    from atlas.products.query import items as benchmarks
    from atlas.products.query.asked import asked
    from atlas.products.query.connection import Limits, connected, said
    from atlas.products.query.profile import nearest

    found = asked(str(run), library)
    found.need_text()
    items = benchmarks.read(benchmark, text, id_)
    cores = threads or len(os.sched_getaffinity(0))
    matched = by_ngrams.contamination(found, items, ngram=ngram, common=common, threads=cores)
    if model is None:
        return matched, None
    with connected([found], Limits(memory, threads)) as connection, said():
        return matched, nearest(connection, found, _annotated(items, model, found.run.library))


def _annotated(items: "Items", model: Path, library: str) -> "pa.RecordBatch":
    """The items' chunks with their concepts."""
    import pyarrow as pa

    from atlas.annotator.artefact import read_settings
    from atlas.annotator.stage import AnnotateStage
    from atlas.errors import AtlasError
    from atlas.tables import DOCUMENTS

    if read_settings(model)["library_digest"] != library:
        raise AtlasError(
            f"{model}: was trained with another library than the run was annotated with; give the run's own"
        )
    documents = [items.ids, items.texts, pa.nulls(len(items), pa.string())]
    return AnnotateStage(str(model), text=False).load()(pa.RecordBatch.from_arrays(documents, schema=DOCUMENTS))
