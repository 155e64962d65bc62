"""How do two runs, or two sources of one, differ in what their chunks are about?"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from atlas.errors import AtlasError
from atlas.products.query import named
from atlas.products.query.asked import Asked
from atlas.products.query.statistics import Group, difference_interval, difference_p, false_discovery

DOCUMENTS = 10  # a concept on fewer is not tested: nothing could come out, and it would cost the others power


@dataclass(frozen=True, slots=True)
class Side:
    """One of two sets of documents: chunks of a run on which ``condition`` holds."""

    name: str
    asked: Asked
    condition: str = "true"
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A concept on two sides: documents and shares of chunks, A - B with its 95 % interval, p and q."""

    concept_id: int
    name: str
    facet: str
    documents_a: int
    documents_b: int
    share_a: float
    share_b: float
    difference: float
    low: float
    high: float
    p: float
    q: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides and every concept that was tested, largest difference first."""

    a: str
    b: str
    documents: tuple[int, int]
    chunks: tuple[int, int]
    tested: int
    too_rare: int
    in_both: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()


def sides(
    connection: duckdb.DuckDBPyConnection, runs: Sequence[Asked], by: str = "source", values: Sequence[str] = ()
) -> tuple[Side, Side]:
    """What is to be compared: two runs; two values of a column of one run; or one value and the rest of the run.

    Raises:
        AtlasError: neither of these; a value that no chunk has; two runs that are read with different libraries.
    """
    if len(runs) == 2 and not values:
        a, b = runs
        if a.need_library().digest != b.need_library().digest:
            raise AtlasError(
                f"{a.url} and {b.url} are of different libraries, so the same id need not mean the same; "
                "give one that knows the ids of both with --library"
            )
        return Side(a.url, a), Side(b.url, b)
    if len(runs) != 1 or len(values) not in (1, 2) or len(set(values)) < len(values):
        raise AtlasError("compare two runs (A B), or two sources of one (--source X --source Y), or one with the rest")
    (run,) = runs
    column = named.column(run, by)
    for value in values:
        named.check_value(connection, run, column, value)
    first = Side(values[0], run, f"{column} = $value", values[0])
    if len(values) == 2:
        return first, Side(values[1], run, f"{column} = $value", values[1])
    return first, Side("the rest", run, f"{column} is distinct from $value", values[0])


def compare(
    connection: duckdb.DuckDBPyConnection, a: Side, b: Side, *, facet: str | None = None, documents: int = DOCUMENTS
) -> Comparison:
    """Differences of concepts between two sides.

    Tested are concepts on at least ``documents`` documents of both sides together.

    Raises:
        AtlasError: a side has no document.
    """
    rows = {side: _sums(connection, each, facet) for side, each in (("a", a), ("b", b))}
    wholes = {side: _whole(connection, each) for side, each in (("a", a), ("b", b))}
    for side, each in (("a", a), ("b", b)):
        if not wholes[side][0]:
            raise AtlasError(f"{each.name}: has no chunk, so there is nothing to compare")
    ids = sorted(rows["a"].keys() | rows["b"].keys())
    nothing = (0.0,) * 7
    tables = {side: np.array([rows[side].get(id_, nothing) for id_ in ids], np.float64).reshape(-1, 7) for side in "ab"}
    tested = tables["a"][:, 0] + tables["b"][:, 0] >= documents
    group_a, group_b = (_group(wholes[side], tables[side][tested]) for side in "ab")
    p = difference_p(group_a, group_b)
    q = false_discovery(p)
    low, high = difference_interval(group_a, group_b)
    share_a, share_b = group_a.share, group_b.share
    library = a.asked.need_library()
    found = [
        Difference(
            id_,
            library.by_id[id_].name,
            library.by_id[id_].facet,
            int(group_a.carrying[i]),
            int(group_b.carrying[i]),
            *(float(values[i]) for values in (share_a, share_b, share_a - share_b, low, high, p, q)),
        )
        for i, id_ in enumerate(np.array(ids)[tested].tolist())
    ]
    return Comparison(
        a.name,
        b.name,
        (int(wholes["a"][0]), int(wholes["b"][0])),
        (int(wholes["a"][1]), int(wholes["b"][1])),
        len(found),
        len(ids) - len(found),
        _shared(connection, a, b),
        tuple(sorted(found, key=lambda each: -abs(each.difference))),
        _notes(a.asked, b.asked),
    )


def _group(whole: tuple[float, ...], sums: np.ndarray) -> Group:
    documents, chunks, squared, cubed = whole
    return Group(documents, chunks, squared, cubed, *sums.T)


def _of(side: Side) -> tuple[str, dict[str, str]]:
    where = f"from {named.view(side.asked, 'chunks')} where status <> 'empty' and {side.condition}"
    return where, {} if side.value is None else {"value": side.value}


def _whole(connection: duckdb.DuckDBPyConnection, side: Side) -> tuple[float, ...]:
    """Documents, chunks, and the sums of the squares and cubes of a document's chunks."""
    where, values = _of(side)
    (row,) = connection.execute(
        "select count(*), sum(n), sum(n * n), sum(n * n * n) "
        f"from (select count(*)::double as n {where} group by doc_id)",
        values,
    ).fetchall()
    return tuple(float(value or 0) for value in row)


def _sums(connection: duckdb.DuckDBPyConnection, side: Side, facet: str | None) -> dict[int, tuple[float, ...]]:
    """Of each concept the sums over documents that ``Group`` needs."""
    where, values = _of(side)
    only = "" if facet is None else "and facet = $facet"
    rows = connection.execute(
        f"""with d as (select doc_id, count(*)::double as n {where} group by doc_id),
            y as (select doc_id, concept_id, count(*)::double as y
                from (select doc_id, unnest(concept_ids) as concept_id {where}) group by all)
        select concept_id, count(*), sum(y), sum(y * y), sum(y * n), sum(y * y * y), sum(y * y * n), sum(y * n * n)
        from y join d using (doc_id) join {named.view(side.asked, "concepts")} c using (concept_id)
        where true {only} group by concept_id""",
        values | ({} if facet is None else {"facet": facet}),
    ).fetchall()
    return {row[0]: tuple(map(float, row[1:])) for row in rows}


def _shared(connection: duckdb.DuckDBPyConnection, a: Side, b: Side) -> int:
    """How many documents are on both sides, by id."""
    if a.asked is b.asked:
        return 0
    firsts = [f"select distinct doc_id from {named.view(side.asked, 'chunks')}" for side in (a, b)]
    ((shared,),) = connection.execute(
        f"select count(*) from ({firsts[0]}) join ({firsts[1]}) using (doc_id)"
    ).fetchall()
    return int(shared)


def _notes(a: Asked, b: Asked) -> tuple[str, ...]:
    annotators = [{footer.get("annotator") for footer in each.run.parts.values()} for each in (a, b)]
    if annotators[0] == annotators[1]:
        return ()
    return ("the two were labelled by different annotators, so differences may be the annotators' own",)
