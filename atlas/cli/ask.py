"""atlas ask: ready questions about annotated runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.flags import NONE
from atlas.cli.query import Library, Memory, Threads

if TYPE_CHECKING:
    import duckdb

    from atlas.products.query.asked import Asked

app = typer.Typer(no_args_is_help=True, help="Ready questions about annotated runs, for auditors.")
Run = Annotated[str, typer.Argument(metavar="RUN", help="Annotated run or pipeline's folder; folder or URL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, with everything.")]
By = Annotated[str, typer.Option("--by", metavar="COLUMN", help="Column that divides documents; a carried one too.")]
Facet = Annotated[
    str | None,
    typer.Option("--facet", help="Only concepts of this facet: content, entity, tone, form.", show_default="all"),
]
Top = Annotated[int, typer.Option("--top", min=1, help="How many lines of each kind to show.")]


@contextmanager
def _opened(
    urls: Sequence[str], library: Path | None, memory: str, threads: int | None
) -> "Iterator[tuple[duckdb.DuckDBPyConnection, list[Asked]]]":
    from atlas.cli.query import tell
    from atlas.products.query.asked import asked
    from atlas.products.query.connection import Limits, connected, said
    from atlas.products.query.named import refuse_unknown_ids

    names = [""] if len(urls) == 1 else [f"run{number}" for number, _ in enumerate(urls)]
    found = [asked(url, library, name) for url, name in zip(urls, names, strict=True)]
    tell(found)
    with connected(found, Limits(memory, threads)) as connection, said():
        for each in found:
            refuse_unknown_ids(connection, each)
        yield connection, found


def _json(answer: Any) -> None:
    from atlas.products.query.write import as_json

    print(as_json(asdict(answer) if not isinstance(answer, dict) else answer))


def _facet(facet: str | None) -> str | None:
    from atlas.products.query.named import check_facet

    check_facet(facet)
    return facet


@app.command()
def carries(
    run: Run,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="CONCEPT", help="Id or name; all of several.", show_default=NONE),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="CONCEPT", help="Id or name; none of several.", show_default=NONE),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only chunks of this source.", show_default="all")] = None,
    min_score: Annotated[float, typer.Option(help="Score from which a concept counts as carried.")] = 0.0,
    examples: Annotated[int, typer.Option("-n", "--examples", min=0, help="Chunks to show, one a document.")] = 5,
    library: Library = None,
    as_json: AsJson = False,
    memory: Memory = "1GB",
    threads: Threads = None,
) -> None:
    """Which chunks carry some concepts, and not others: how many, where, and the best of them."""
    from atlas.cli import answers
    from atlas.products.query.carries import carries as find

    with _opened([run], library, memory, threads) as (connection, (asked,)):
        found = find(connection, asked, with_ or (), without or (), source=source, least=min_score, examples=examples)
    _json(found) if as_json else print(answers.carried(found))


@app.command()
def source(
    run: Run,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Only this one, in full; repeat it for more.", show_default="all"),
    ] = None,
    by: By = "source",
    facet: Facet = None,
    top: Top = 10,
    library: Library = None,
    as_json: AsJson = False,
    memory: Memory = "1GB",
    threads: Threads = None,
) -> None:
    """What each source is made of: the concepts that it has more of than the rest of the run."""
    from atlas.cli import answers
    from atlas.products.query import made_of, named

    kind = _facet(facet)
    with _opened([run], library, memory, threads) as (connection, (asked,)):
        every = made_of.sources(connection, asked, by)
        whole = made_of.whole(every)
        for name in source or ():
            named.check_value(connection, asked, named.column(asked, by), name)
        shown = [each for each in every if each.name in source] if source else every[:top]
        shares = {each.name: made_of.shares(connection, asked, each.name, each, whole, by, kind) for each in shown}
    if as_json:
        _json(
            {
                "by": by,
                "whole": asdict(whole),
                "sources": [asdict(s) | {"concepts": [asdict(c) for c in shares.get(s.name, ())]} for s in every],
            }
        )
    elif source:
        print("\n\n".join(answers.source(each, whole, shares[each.name], top) for each in shown))
    else:
        print(answers.sources(every, whole, shares, by))


@app.command()
def compare(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN [RUN]", help="Two runs, or one whose sources are compared.")
    ],
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="One, with the rest of the run; two, with each other.", show_default=NONE),
    ] = None,
    by: By = "source",
    facet: Facet = None,
    documents: Annotated[int, typer.Option(min=2, help="Test concepts on at least this many documents.")] = 10,
    fdr: Annotated[
        float, typer.Option(min=0, max=1, help="False discovery rate up to which a concept differs.")
    ] = 0.05,
    top: Top = 10,
    library: Library = None,
    as_json: AsJson = False,
    memory: Memory = "1GB",
    threads: Threads = None,
) -> None:
    """How two runs or sources differ: share of chunks by concept, with intervals and significance by document."""
    from atlas.cli import answers
    from atlas.products.query.compare import compare as contrast
    from atlas.products.query.compare import sides

    kind = _facet(facet)
    with _opened(runs, library, memory, threads) as (connection, found):
        comparison = contrast(connection, *sides(connection, found, by, source or ()), facet=kind, documents=documents)
    _json(comparison) if as_json else print(answers.compared(comparison, fdr, top))


@app.command()
def contamination(
    run: Run,
    benchmark: Annotated[
        str, typer.Argument(metavar="BENCHMARK", help="Items: Parquet, JSON Lines, text files, dataset or hf:NAME.")
    ],
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="COLUMN", help="Text of an item; repeat it for more.", show_default="text"),
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="COLUMN", help="Id of an item.", show_default="file and row")
    ] = None,
    ngram: Annotated[int, typer.Option(min=2, max=64, help="Words of an n-gram.")] = 13,
    common: Annotated[int, typer.Option(min=1, help="N-grams in more documents or items than this tell nothing.")] = 10,
    model: Annotated[
        Path | None, typer.Option(help="Annotator: also find documents about the same, by concepts.", show_default=NONE)
    ] = None,
    top: Top = 5,
    library: Library = None,
    as_json: AsJson = False,
    memory: Memory = "1GB",
    threads: Threads = None,
) -> None:
    """Is a benchmark's text in a run: items with an n-gram in it, how much of each, and the chunks where it stands."""
    from atlas.cli import answers
    from atlas.products.query.contamination import texts
    from atlas.verbs.query import contamination as find

    found, near = find(
        run,
        benchmark,
        text=text or ("text",),
        id_=id_,
        ngram=ngram,
        common=common,
        model=model,
        library=library,
        memory=memory,
        threads=threads,
    )
    if as_json:
        _json({**asdict(found), "near": None if near is None else [asdict(each) for each in near]})
        return
    with _opened([run], library, memory, threads) as (connection, (asked,)):
        shown = texts(connection, asked, found.matches[:top])
    print(answers.contaminated(found, shown, near, top))
