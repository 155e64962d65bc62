"""Which chunks carry some concepts, and not others?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from atlas.errors import AtlasError
from atlas.products.query import named
from atlas.products.query.asked import Asked

SOURCES = 8
BESIDE = 8


@dataclass(frozen=True, slots=True)
class Carried:
    """The chunks asked for: counts, where they are, what else they carry, and examples (one a document)."""

    with_: tuple[str, ...]
    without: tuple[str, ...]
    chunks: int
    documents: int
    tokens: int
    of_chunks: int
    sources: tuple[tuple[str, int, int], ...]
    beside: tuple[tuple[int, str, int], ...]
    examples: tuple[dict[str, Any], ...]


def carries(
    connection: duckdb.DuckDBPyConnection,
    asked: Asked,
    with_: Sequence[str],
    without: Sequence[str] = (),
    *,
    source: str | None = None,
    least: float = 0.0,
    examples: int = 5,
) -> Carried:
    """Chunks that carry all concepts of ``with_`` and none of ``without``.

    Args:
        least: a concept counts from this score on; in ``without`` any score counts.
        examples: how many to show, best score of the first concept first.

    Raises:
        AtlasError: an unknown concept or source; nothing is asked for.
    """
    wanted = [named.concept(asked, name) for name in with_]
    unwanted = [named.concept(asked, name) for name in without]
    if not wanted and not unwanted:
        raise AtlasError("name a concept: --with CONCEPT, or --without CONCEPT")
    if source is not None:
        named.check_value(connection, asked, "source", source)
    chunks = named.view(asked, "chunks")
    conditions = [f"coalesce({_score(concept.id)}, -1) >= {least!r}" for concept in wanted]
    conditions += [f"not list_contains(concept_ids, {concept.id})" for concept in unwanted]
    values = {} if source is None else {"source": source}
    within = "status <> 'empty'" + ("" if source is None else " and source = $source")
    matched = f"from {chunks} where {within} and {' and '.join(conditions)}"

    def rows(sql: str) -> list[Any]:
        return connection.execute(sql, values).fetchall()

    counted, documents, tokens = rows(f"select count(*), count(distinct doc_id), sum(token_count)::bigint {matched}")[0]
    given = [concept.id for concept in wanted]
    beside = rows(
        f"select id, count(*) from (select unnest(concept_ids) as id {matched}) "
        f"where not list_contains({given}::integer[], id) group by id order by 2 desc, 1 limit {BESIDE}"
    )
    per_source = rows(
        "select coalesce(c.source, ''), coalesce(m.n, 0), c.n "
        f"from (select source, count(*) as n {matched} group by 1) m "
        f"join (select source, count(*) as n from {chunks} where {within} group by 1) c "
        f"on c.source is not distinct from m.source order by m.n desc, 1 limit {SOURCES}"
    )
    return Carried(
        tuple(concept.name for concept in wanted),
        tuple(concept.name for concept in unwanted),
        counted,
        documents,
        tokens or 0,
        rows(f"select count(*) from {chunks} where {within}")[0][0],
        tuple((name, n, of) for name, n, of in per_source),
        tuple((id_, asked.need_library().by_id[id_].name, n) for id_, n in beside),
        tuple(_examples(connection, asked, matched, values, given, examples)),
    )


def _score(concept_id: int) -> str:
    return f"scores[list_position(concept_ids, {concept_id})]"


def _examples(
    connection: duckdb.DuckDBPyConnection,
    asked: Asked,
    matched: str,
    values: dict[str, str],
    given: list[int],
    number: int,
) -> list[dict[str, Any]]:
    """The best chunk of each document, best first. Texts are read of these alone."""
    score = _score(given[0]) if given else "md5_number_lower(doc_id)::double"
    found = connection.execute(
        "select doc_id, arg_max(chunk_id, s) as chunk_id, max(s) as s "
        f"from (select doc_id, chunk_id, {score} as s {matched}) "
        f"group by doc_id order by s desc, doc_id limit {number}",
        values,
    ).fetchall()
    text = "text" if "text" in asked.schema().names else "null"
    examples = []
    for doc_id, chunk_id, best in found:
        (row,) = connection.execute(
            f"select source, concepts, {text} from {named.view(asked, 'chunks')} where doc_id = $d and chunk_id = $c",
            {"d": doc_id, "c": chunk_id},
        ).fetchall()
        keys = ("doc_id", "chunk_id", "score", "source", "concepts", "text")
        examples.append(dict(zip(keys, (doc_id, chunk_id, best if given else None, *row), strict=True)))
    return examples
