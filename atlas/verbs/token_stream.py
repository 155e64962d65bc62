"""Export a token stream."""

from pathlib import Path
from typing import Any, Literal

from atlas.products.token_stream.write import SHARD_TOKENS, Watch, Written, write


def token_stream(
    run: str | Path,
    out: str | Path,
    *,
    tokenizer: Any = None,
    end_of_chunk: int | None = None,
    end_of_document: int | None = None,
    layout: Literal["records", "compact"] = "records",
    shard_tokens: int = SHARD_TOKENS,
    library: str | Path | None = None,
    watch: Watch | None = None,
) -> Written:
    """Write an annotated run as a token stream for training; after a stop, the same call does the rest.

    Args and raises: as of ``products.token_stream.write.write``.
    """
    return write(
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
