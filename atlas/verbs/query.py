"""The verbs that answer questions about annotated runs: SQL, and the ready ones of ``atlas ask``."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from atlas.products.query.asked import Asked
    from atlas.products.query.carries import Carried
    from atlas.products.query.compare import Comparison
    from atlas.products.query.connection import Limits
    from atlas.products.query.contamination import Contamination
    from atlas.products.query.items import Items
    from atlas.products.query.made_of import Share, Source
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


def carries(
    run: str | Path,
    with_: Sequence[str] = (),
    without: Sequence[str] = (),
    *,
    source: str | None = None,
    min_score: float = 0.0,
    examples: int = 5,
    library: Path | None = None,
    limits: "Limits | None" = None,
) -> "Carried":
    """Chunks that carry all concepts of ``with_`` and none of ``without``: how many, where, and the best of them.

    Args:
        with_: ids or names. source: only its chunks. min_score: a concept of ``with_`` counts from this score on.
        examples: chunks to show, one a document.

    Raises:
        AtlasError: no such run; an unknown concept or source; nothing is asked for.
    """
    from atlas.products.query.carries import carries as find

    with _open([run], library, limits) as (connection, (found,)):
        return find(connection, found, with_, without, source=source, least=min_score, examples=examples)


def source(
    run: str | Path,
    sources: Sequence[str] = (),
    *,
    by: str = "source",
    facet: str | None = None,
    library: Path | None = None,
    limits: "Limits | None" = None,
) -> "dict[Source, list[Share]]":
    """What each source is made of: its numbers, and its concepts, the most characteristic first.

    Args:
        sources: these alone; all where not given. by: column that divides documents. facet: concepts of this one.

    Raises:
        AtlasError: no such run, source or column; an unknown facet.
    """
    from atlas.products.query import made_of, named

    named.check_facet(facet)
    with _open([run], library, limits) as (connection, (found,)):
        every = made_of.sources(connection, found, by)
        whole = made_of.whole(every)
        for name in sources:
            named.check_value(connection, found, named.column(found, by), name)
        shown = [each for each in every if not sources or each.name in sources]
        return {each: made_of.shares(connection, found, each.name, each, whole, by, facet) for each in shown}


def compare(
    runs: str | Path | Sequence[str | Path],
    sources: Sequence[str] = (),
    *,
    by: str = "source",
    facet: str | None = None,
    documents: int = 10,
    library: Path | None = None,
    limits: "Limits | None" = None,
) -> "Comparison":
    """How two runs, two sources of one, or a source and the rest differ, concept by concept, tested by document.

    Args:
        runs: one or two. sources: one, with the rest of the run; two, with each other. by: column that divides
            documents. facet: concepts of this one. documents: concepts on fewer are not tested.

    Raises:
        AtlasError: no such run, source or column; an unknown facet; it is not two sides that are named.
    """
    from atlas.products.query import named
    from atlas.products.query.compare import compare as contrast
    from atlas.products.query.compare import sides

    named.check_facet(facet)
    with _open([runs] if isinstance(runs, str | Path) else runs, library, limits) as (connection, found):
        return contrast(connection, *sides(connection, found, by, sources), facet=facet, documents=documents)


@contextmanager
def _open(
    runs: Sequence[str | Path], library: Path | None, limits: "Limits | None"
) -> "Iterator[tuple[duckdb.DuckDBPyConnection, list[Asked]]]":
    """Runs whose library knows all their concepts; several are called run0, run1, …"""
    from atlas.products.query.asked import asked
    from atlas.products.query.connection import Limits, connected, said
    from atlas.products.query.named import refuse_unknown_ids

    names = [""] if len(runs) == 1 else [f"run{number}" for number, _ in enumerate(runs)]
    found = [asked(str(url), library, name) for url, name in zip(runs, names, strict=True)]
    with connected(found, limits or Limits()) as connection, said():
        for each in found:
            refuse_unknown_ids(connection, each)
        yield connection, found


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
    from atlas.cores import cores
    from atlas.products.query import contamination as by_ngrams
    from atlas.products.query import items as benchmarks
    from atlas.products.query.asked import asked
    from atlas.products.query.connection import Limits, connected, said
    from atlas.products.query.profile import nearest

    found = asked(str(run), library)
    found.need_text()
    items = benchmarks.read(benchmark, text, id_)
    matched = by_ngrams.contamination(found, items, ngram=ngram, common=common, threads=threads or cores())
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
