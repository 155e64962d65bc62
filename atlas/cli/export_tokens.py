"""The command ``atlas export tokens``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from atlas.cli.common_flags import Quiet
from atlas.cli.flags import NONE


def tokens(
    run: Annotated[str, typer.Argument(help="Folder or URL of an annotated run, or folder of a pipeline.")],
    out: Annotated[str, typer.Option(help="Folder or URL to write the stream to.")],
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="Encode the texts with this one: cl100k_base, or the path of a tokenizer.json.",
            show_default="the run's",
        ),
    ] = None,
    end_of_chunk: Annotated[
        int | None, typer.Option(help="Token id to put after each chunk.", show_default=NONE)
    ] = None,
    end_of_document: Annotated[
        int | None, typer.Option(help="Token id to put after each document.", show_default=NONE)
    ] = None,
    layout: Annotated[
        Literal["records", "compact"],
        typer.Option(help="records: 8 bytes a token, with its span. compact: 4 bytes a token."),
    ] = "records",
    shard_tokens: Annotated[int, typer.Option(min=1, help="Tokens after which a shard ends.")] = 1 << 27,
    library: Annotated[
        Path | None,
        typer.Option(help="Refuse concept ids that are not in this library.", show_default=NONE),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a token stream: memory-mapped tokens with concepts, for `atlas.reader` and any trainer.

    Stop it at any moment and run the same command again: finished shards are kept.
    """
    from atlas.verbs.token_stream import token_stream

    def watch(name: str, counts: dict[str, int]) -> None:
        if not quiet:
            print(f"shard {name}  {counts['tokens']:,} tokens", flush=True)

    written = token_stream(
        run,
        out,
        tokenizer=tokenizer,
        end_of_chunk=end_of_chunk,
        end_of_document=end_of_document,
        layout=layout,
        shard_tokens=shard_tokens,
        library=library,
        watch=watch,
    )
    counts = written.counts
    print(f"tokens    {counts['tokens']:,} in {written.shards} shards")
    print(f"chunks    {counts['spans']:,} of {counts['documents']:,} documents")
    print(f"labels    {counts['labels']:,}")
    print(f"written   {out}")
