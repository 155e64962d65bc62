"""The verb that answers SQL about annotated runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from atlas.products.query.connection import Limits


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
