"""Commands that make products of an annotated run: atlas export."""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.common_flags import Out
from atlas.cli.export_tokens import tokens
from atlas.cli.flags import NONE

if TYPE_CHECKING:
    from atlas.products.export.output import Exported

app = typer.Typer(
    no_args_is_help=True,
    help="Make products of an annotated run, for trainers, auditors and readers. Stopped and run again, each goes on.",
)
Run = Annotated[str, typer.Argument(help="Folder or URL of an annotated run, or folder of a pipeline.")]
LibraryFlag = Annotated[
    Path | None,
    typer.Option(
        "--library",
        help="Library that it was annotated with.",
        show_default="`library` beside the run, or beside its annotator",
    ),
]
Memory = Annotated[int, typer.Option(min=16, help="Mebibytes for counts; with fewer, the run is read more often.")]
Workers = Annotated[int, typer.Option(min=1, help="Threads.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


class Kind(StrEnum):
    both = "both"
    word = "word"
    token = "token"


app.command()(tokens)


@app.command()
def fineweb(
    run: Run,
    out: Out,
    library: LibraryFlag = None,
    per_concept: Annotated[int, typer.Option(min=1, help="Chunks of a concept in the field guide.")] = 1000,
    extras: Annotated[
        bool, typer.Option("--extras", help="Add doc_id, source and scores behind the public columns.")
    ] = False,
    memory_mb: Memory = 512,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Write concepts, documents, chunks and field guide in the layout of the public FineWeb Atlas."""
    from atlas.verbs import export

    settings = {"per_concept": per_concept, "extras": extras, "memory_mb": memory_mb, "workers": workers}
    _tell(export.fineweb(run, out, library, **settings, watch=_watch(quiet)))


@app.command()
def field_guide(
    run: Run,
    out: Out,
    library: LibraryFlag = None,
    per_concept: Annotated[int, typer.Option(min=1, help="Chunks, and documents, of a concept at most.")] = 100,
    text: Annotated[bool, typer.Option("--text/--no-text", help="Write the chunks' texts, where the run has them.")] = (
        True
    ),
    memory_mb: Memory = 512,
    quiet: Quiet = False,
) -> None:
    """Write each concept's chunks and documents, best first, and how many it has."""
    from atlas.verbs import export

    settings = {"per_concept": per_concept, "text": text, "memory_mb": memory_mb}
    _tell(export.field_guide(run, out, library, **settings, watch=_watch(quiet)))


@app.command()
def cooccurrence(
    run: Run,
    out: Out,
    library: LibraryFlag = None,
    min_count: Annotated[int, typer.Option(min=1, help="Chunks that a pair must share to be written.")] = 5,
    memory_mb: Memory = 512,
    quiet: Quiet = False,
) -> None:
    """Write the pairs of concepts that share chunks: counts, PMI, log-likelihood ratio."""
    from atlas.verbs import export

    settings = {"min_count": min_count, "memory_mb": memory_mb}
    _tell(export.cooccurrence(run, out, library, **settings, watch=_watch(quiet)))


@app.command()
def lift(
    run: Run,
    out: Out,
    library: LibraryFlag = None,
    kind: Annotated[Kind, typer.Option(help="What is counted.")] = Kind.both,
    most: Annotated[int, typer.Option(min=1, help="Items of a set at most.")] = 50,
    min_count: Annotated[int, typer.Option(min=1, help="Chunks of the concept that an item must be on.")] = 5,
    min_documents: Annotated[int, typer.Option(min=1, help="Documents, likewise.")] = 3,
    min_lift: Annotated[float, typer.Option(min=1, help="Times as often, or as rarely, as overall.")] = 1.5,
    min_llr: Annotated[float, typer.Option(min=0, help="Log-likelihood ratio; 15.13 is p = 0.0001.")] = 15.13,
    words: Annotated[int, typer.Option(min=1, help="Words, and tokens, looked at: the most frequent.")] = 30_000,
    memory_mb: Memory = 512,
    work: Annotated[
        Path | None, typer.Option(help="Local folder for work files.", show_default="in OUT, or a temporary one")
    ] = None,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Write the words and tokens that each concept's chunks favour, and those that they avoid."""
    from atlas.products.lift.choose import Rules
    from atlas.verbs import export

    rules = Rules(most, min_count, min_documents, min_lift, min_llr)
    settings = {"kind": kind.value, "words": words, "memory_mb": memory_mb, "work": work, "workers": workers}
    _tell(export.lift(run, out, library, rules=rules, **settings, watch=_watch(quiet)))


@app.command()
def hf_dataset(
    run: Run,
    out: Out,
    library: LibraryFlag = None,
    title: Annotated[str | None, typer.Option(help="Title of the card.", show_default="the run's folder")] = None,
    license: Annotated[str, typer.Option(help="As the hub writes it, such as odc-by.")] = "unknown",  # noqa: A002
    language: Annotated[
        list[str] | None, typer.Option(help="Code of a language of the texts; repeat it for more.", show_default=NONE)
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/NAME", help="Upload it to the Hugging Face Hub, with its token.", show_default=NONE
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private/--no-private", help="Of a dataset that is made on the hub now.")
    ] = (True),
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Write a Hugging Face dataset: Parquet, dataset card, Croissant metadata."""
    from atlas.verbs import export

    settings = {"title": title, "license": license, "language": tuple(language or ()), "workers": workers}
    _tell(export.hf_dataset(run, out, library, push=push, private=private, **settings, watch=_watch(quiet)))
    if push is not None:
        print(f"pushed    {push}")


def _watch(quiet: bool) -> Callable[[str], None]:
    """Shows what is finished, on standard error, where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        return lambda _: None
    return lambda said: print(said, file=sys.stderr, flush=True)


def _tell(written: "Exported") -> None:
    """Rows by folder or file, and where they are."""
    rows: dict[str, int] = {}
    for name, file in written.files.items():
        if "rows" in file:
            folder = name.rpartition("/")[0] or name
            rows[folder] = rows.get(folder, 0) + file["rows"]
    for folder, count in rows.items():
        print(f"{count:>12,} rows  {folder}")
    print(f"written   {written.url}")
