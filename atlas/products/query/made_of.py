"""What is a source made of, beside the rest of the run?"""

from dataclasses import dataclass

import duckdb
import numpy as np

from atlas.products.query import named
from atlas.products.query.asked import Asked
from atlas.products.query.statistics import log_likelihood


@dataclass(frozen=True, slots=True)
class Source:
    """What one source brings."""

    name: str
    documents: int
    chunks: int
    tokens: int
    labels: int


@dataclass(frozen=True, slots=True)
class Share:
    """A concept in a source: shares of chunks and tokens with it, of chunks elsewhere, and what that weighs (G²)."""

    source: str
    concept_id: int
    name: str
    facet: str
    chunks: int
    chunk_share: float
    token_share: float
    elsewhere: float | None
    log_likelihood: float | None


def sources(connection: duckdb.DuckDBPyConnection, asked: Asked, by: str = "source") -> list[Source]:
    """All sources, the one with most tokens first."""
    column = named.column(asked, by)
    rows = connection.execute(
        f"select coalesce({column}, ''), count(*) filter (chunk_id = 0), count(*), sum(token_count)::bigint, "
        f"sum(len(concept_ids))::bigint from {named.view(asked, 'chunks')} where status <> 'empty' "
        "group by 1 order by 4 desc, 1"
    ).fetchall()
    return [Source(*row) for row in rows]


def shares(
    connection: duckdb.DuckDBPyConnection,
    asked: Asked,
    source: str,
    total: Source,
    whole: Source,
    by: str = "source",
    facet: str | None = None,
) -> list[Share]:
    """Concepts of a source, the most characteristic first; most frequent first where there is no other source.

    Args:
        total: the source's own numbers. whole: those of the run.

    Raises:
        AtlasError: no such column; the library lacks a concept of the run.
    """
    column = named.column(asked, by)
    only = "" if facet is None else "and facet = $facet"
    table = connection.execute(
        f"select concept_id, c.name, c.facet, here, here_tokens, everywhere from ("
        f"  select unnest(concept_ids) as concept_id, count(*) filter (h) as here, "
        f"    coalesce(sum(token_count) filter (h), 0)::bigint as here_tokens, count(*) as everywhere"
        f"  from (select concept_ids, token_count, coalesce({column}, '') = $source as h "
        f"    from {named.view(asked, 'chunks')} where status <> 'empty') group by 1) "
        f"join {named.view(asked, 'concepts')} c using (concept_id) where here > 0 {only}",
        {"source": source} | ({} if facet is None else {"facet": facet}),
    ).fetchall()
    here = np.array([row[3] for row in table], np.float64)
    everywhere = np.array([row[5] for row in table], np.float64)
    rest = whole.chunks - total.chunks
    weights = log_likelihood(here, total.chunks, everywhere - here, rest) if rest and table else here
    found = [
        Share(
            source,
            id_,
            name,
            kind,
            n,
            n / total.chunks,
            tokens / max(1, total.tokens),
            (total_n - n) / rest if rest else None,
            float(weight) if rest else None,
        )
        for (id_, name, kind, n, tokens, total_n), weight in zip(table, weights, strict=True)
    ]
    order = np.argsort(-weights, kind="stable")
    return [found[int(place)] for place in order]


def whole(found: list[Source]) -> Source:
    """All sources together."""
    numbers = [sum(getattr(each, name) for each in found) for name in ("documents", "chunks", "tokens", "labels")]
    return Source("", *numbers)
