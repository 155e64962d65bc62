"""Export a token stream."""

from pathlib import Path
from typing import Any, Literal

from atlas.products.token_stream.write import SHARD_TOKENS, Watch, Written, write
from atlas.runner.folder import MANIFEST


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

    Args and raises: as of ``products.token_stream.write.write``; ``run`` may be the folder of a pipeline too.
    """
    below = Path(run) / "annotations"
    if "://" not in str(run) and not (Path(run) / MANIFEST).is_file() and (below / MANIFEST).is_file():
        run = below
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
