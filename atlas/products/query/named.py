"""What a question names: concepts by id or name, sources and other values of a column."""

import difflib
from collections.abc import Sequence

import duckdb

from atlas.errors import AtlasError
from atlas.library.concept import Concept
from atlas.library.search import the
from atlas.library.successors import successor
from atlas.products.query.asked import Asked
from atlas.tables import FACETS

NEAR = 5


def concept(asked: Asked, name: str) -> Concept:
    """The active concept that an id, name or alias means today.

    Raises:
        AtlasError: none is called so, with names that are near; it was retired without heir; there is no library.
    """
    library = asked.need_library()
    found = the(library, name)
    heir = successor(library, found.id)
    if heir is None:
        raise AtlasError(f"{name!r}: concept {found.id} {found.name!r} is retired, and no other took its chunks over")
    return library.by_id[heir]


def refuse_unknown_ids(connection: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """See that the library knows every concept of the run.

    Raises:
        AtlasError: it does not; names some.
    """
    rows = connection.execute(
        f"select id from (select distinct unnest(concept_ids) as id from {view(asked, 'chunks')}) "
        f"where id not in (select concept_id from {view(asked, 'concepts')}) order by id"
    ).fetchall()
    if rows:
        some = ", ".join(str(id_) for (id_,) in rows[:NEAR])
        raise AtlasError(
            f"{asked.url}: carries {len(rows):,} concepts that the library lacks ({some}); give the library that it "
            "was annotated with, or a later one: --library"
        )


def view(asked: Asked, name: str) -> str:
    return f"{asked.name}.{name}" if asked.name else name


def column(asked: Asked, name: str) -> str:
    """A column of documents by which they can be told apart, quoted.

    Raises:
        AtlasError: the run has none of this name.
    """
    stored = asked.schema().names
    own = ("concept_ids", "scores", "text", "token_ids", "rejected_ids", "evidence_starts", "evidence_ends")
    usable = [each for each in stored if each not in (*own, "chunk_id", "char_start", "char_end", "token_count")]
    if name not in usable:
        raise AtlasError(f"{asked.url}: can't be divided by {name!r}; it has {', '.join(usable)}")
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def check_facet(facet: str | None) -> None:
    """See that it is one; None is all.

    Raises:
        AtlasError: it is none.
    """
    if facet is not None and facet not in FACETS:
        raise AtlasError(f"--facet {facet}: is none; choose one of {', '.join(FACETS)}")


def check_value(connection: duckdb.DuckDBPyConnection, asked: Asked, by: str, value: str) -> None:
    """See that some chunk has the value.

    Raises:
        AtlasError: none has; names values that are near, else the most frequent.
    """
    where = f"from {view(asked, 'chunks')}"
    if connection.execute(f"select 1 {where} where {by} = $v limit 1", {"v": value}).fetchall():
        return
    rows = connection.execute(
        f"select {by} {where} where {by} is not null group by 1 order by count(*) desc"
    ).fetchall()
    values = [str(each) for (each,) in rows]
    near = _near(value, values)
    raise AtlasError(
        f"no chunk has {by.strip(chr(34))} {value!r}; "
        + (
            f"did you mean {', '.join(map(repr, near))}?"
            if near
            else f"there are {', '.join(map(repr, values[:NEAR]))}"
        )
    )


def _near(value: str, values: Sequence[str]) -> list[str]:
    holding = [each for each in values if value.lower() in each.lower()]
    return list(dict.fromkeys([*holding, *difflib.get_close_matches(value, values, NEAR)]))[:NEAR]
