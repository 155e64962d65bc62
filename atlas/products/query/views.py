"""The views over a run: documents, chunks, annotations, concepts, frequencies, quarantine, parts."""

import json
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from atlas.errors import AtlasError
from atlas.library.successors import DENSE_IDS, DROPPED
from atlas.products.query.asked import Asked
from atlas.tables import CONCEPTS, QUARANTINE, annotations

LABELS = ("concept_ids", "scores", "evidence_starts", "evidence_ends")  # lists beside one another
OWN = annotations(text=True, rejected=True, evidence=True, tokens=True).names
TAKEN = {"concepts", "part", "chunks", "tokens", "characters", "labels", "name", "facet", "score", "rank"}
TAKEN |= {"concept_id", "evidence_start", "evidence_end", "file_number", "file_of_row", "heirs", "kept", "other_ids"}
VIEWS = {
    "documents": "one row a document",
    "chunks": "one row a chunk, with the names of its concepts",
    "annotations": "one row a chunk and concept, best first",
    "frequencies": "one row a concept: how often the run carries it",
    "concepts": "the library",
    "quarantine": "records that could not be processed",
    "parts": "the files of the run, with what their footers say",
}
FOOTER = ("library", "annotator", "tokenizer", "stage")


def create(connection: duckdb.DuckDBPyConnection, asked: Asked, urls: list[str]) -> None:
    """Make the views of a run.

    Args:
        urls: what DuckDB may call the run's parts, in order, and behind them its files of quarantine.

    Raises:
        AtlasError: a concept's id is too large.
    """
    prefix = f"{asked.name}." if asked.name else ""
    if asked.name:
        connection.execute(f"create schema {asked.name}")
    stored, parts = asked.schema(), urls[: len(asked.parts)]
    schema = pa.schema([field.with_name(_called(field.name)) for field in stored])
    _keep(connection, f"{prefix}concepts", concepts(asked))
    _keep(connection, f"{prefix}parts", footers(asked))
    variables = f"{asked.name}_" if asked.name else ""
    _ids_and_names(connection, asked, variables)
    carried = [name for name in schema.names if name not in OWN]
    for statement in (
        f"create view {prefix}chunks as {_chunks(asked, schema, _stored(stored, parts), variables)}",
        f"create view {prefix}documents as {_documents(prefix, carried)}",
        f"create view {prefix}annotations as {_annotations(prefix, schema, carried)}",
        f"create view {prefix}frequencies as {_frequencies(prefix)}",
        f"create view {prefix}quarantine as {_quarantine(connection, asked, urls[len(parts) :])}",
    ):
        connection.execute(statement)


def _keep(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("arriving", table)
    connection.execute(f"create table {name} as from arriving")
    connection.unregister("arriving")


def concepts(asked: Asked) -> pa.Table:
    """The library as a table: CONCEPTS without the counts of its last build, and ``heir``, what it means today."""
    table = asked.library.table() if asked.library is not None else CONCEPTS.empty_table()
    ids = np.asarray(table["concept_id"])
    heirs = [None if heir == DROPPED else heir for heir in _today(asked, ids).tolist()]
    return table.drop_columns(["tag_count", "chunk_count"]).append_column("heir", pa.array(heirs, pa.int32()))


def _today(asked: Asked, ids: np.ndarray) -> np.ndarray:
    from atlas.library.successors import Translation

    return Translation.of(asked.library)(ids) if asked.library is not None else ids


def footers(asked: Asked) -> pa.Table:
    """One row a part: its name, unit, counts and what it was made by; the whole footer as JSON."""
    rows: list[dict[str, Any]] = []
    for path, footer in asked.run.parts.items():
        counts = footer["counts"]
        rows.append(
            {
                "part": part_name(path),
                "unit": footer["unit"],
                "documents": counts["records_out"],
                "chunks": counts["rows"],
                "tokens": counts["tokens"],
                "labels": counts["labels"],
                "quarantined": counts["quarantined"],
                **{key: footer.get(key) for key in FOOTER},
                "footer": json.dumps(footer, sort_keys=True),
            }
        )
    numbers = ("documents", "chunks", "tokens", "labels", "quarantined")
    schema = pa.schema(
        [
            *[pa.field(name, pa.string()) for name in ("part", "unit")],
            *[pa.field(name, pa.int64()) for name in numbers],
            *[pa.field(name, pa.string()) for name in (*FOOTER, "footer")],
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def part_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(".parquet")


def _ids_and_names(connection: duckdb.DuckDBPyConnection, asked: Asked, variables: str) -> None:
    """Variables that views look ids up in, by place: <v>heirs, <v>names, <v>parts."""
    known = asked.library.concepts if asked.library is not None else ()
    most = max((concept.id for concept in known), default=0)
    if most > DENSE_IDS:
        raise AtlasError(f"{asked.url}: concept {most}: ids above {DENSE_IDS:,} can't be asked about in SQL")
    names: list[str | None] = [None] * (most + 1)
    for concept in known:
        names[concept.id] = concept.name
    lists = {
        "heirs": pa.array(asked.read_as(np.arange(most + 1, dtype=np.int32)), pa.int32()),
        "names": pa.array(names, pa.string()),
        "parts": pa.array([part_name(path) for path in asked.parts], pa.string()),
    }
    for name, values in lists.items():
        _keep(connection, "values_by_place", pa.table({"place": pa.array(range(len(values))), "value": values}))
        connection.execute(f"set variable {variables}{name} = (select list(value order by place) from values_by_place)")
        connection.execute("drop table values_by_place")


def _called(name: str) -> str:
    """The name that a stored column has in the views: a carried one does not take that of a view's own."""
    return f"carried_{name}" if name in TAKEN else name


def _chunks(asked: Asked, schema: pa.Schema, raw: str, variables: str) -> str:
    quoted = {name: _quoted(name) for name in schema.names}
    lists = [name for name in LABELS if name in quoted]
    if asked.translation() is not None:
        others = [column for name, column in quoted.items() if name not in lists and name != "rejected_ids"]
        rejected = [] if "rejected_ids" not in quoted else [f"{_translated('rejected_ids', variables)} as other_ids"]
        same = [f"list_transform(kept, lambda i: {name}[i]) as {name}" for name in lists if name != "concept_ids"]
        given = "list_transform(kept, lambda i: heirs[i]) as concept_ids"
        first = "list_position(other_ids, x) = i and not list_contains(heirs, x)"
        missed = [f"list_filter(other_ids, lambda x, i: x >= 0 and {first}) as rejected_ids"] if rejected else []
        rest = ", ".join(["file_number", *others, *[name for name in lists if name != "concept_ids"]])
        as_heirs = ", ".join([f"{_translated('concept_ids', variables)} as heirs", *rejected])
        # of labels that have become one the first stays, as it has the higher score; those without heir go
        raw = f"""(
            select {", ".join(["file_number", *others, given, *same, *missed])} from (
                select *, list_filter(range(1, len(heirs) + 1),
                    lambda i: heirs[i] >= 0 and list_position(heirs, heirs[i]) = i) as kept
                from (select {rest}, {as_heirs} from {raw})))"""
    names = f"""list_transform(concept_ids,
        lambda x: coalesce(getvariable('{variables}names')[x + 1], 'concept ' || x)) as concepts"""
    columns = []
    for name in schema.names:
        columns.append(quoted[name])
        if name == "scores":
            columns.append(names)
    part = f"getvariable('{variables}parts')[file_number + 1] as part"
    return f"select {', '.join(columns)}, {part} from {raw}"


def _translated(name: str, variables: str) -> str:
    return f"list_transform({name}, lambda x: coalesce(getvariable('{variables}heirs')[x + 1], x))"


def _stored(schema: pa.Schema, urls: list[str]) -> str:
    """The rows of the parts as they are, and in ``file`` the number of the part."""
    if not urls:
        types = {"doc_id": "varchar", "source": "varchar", "kind": "varchar", "status": "varchar"}
        types |= {"concept_ids": "integer[]", "scores": "float[]"}
        empty = ", ".join(f"null::{types.get(name, 'integer')} as {_quoted(_called(name))}" for name in schema.names)
        return f"(select 0 as file_number, {empty} where false)"
    columns = ", ".join(f"{_quoted(name)} as {_quoted(_called(name))}" for name in schema.names)
    options = "filename = 'file_of_row', hive_partitioning = false"
    number = "cast(split_part(file_of_row, '://', 2) as integer) as file_number"
    return f"(select {columns}, {number} from read_parquet({urls!r}, {options}))"


def _documents(prefix: str, carried: list[str]) -> str:
    columns = "".join(f", any_value({_quoted(name)}) as {_quoted(name)}" for name in carried)
    return f"""
        select doc_id, any_value(source) as source, count(*) filter (status <> 'empty') as chunks,
            sum(token_count)::bigint as tokens, max(char_end) as characters,
            sum(len(concept_ids))::bigint as labels{columns}, any_value(part) as part
        from {prefix}chunks group by doc_id"""


def _annotations(prefix: str, schema: pa.Schema, carried: list[str]) -> str:
    evidence = [name for name in LABELS[2:] if name in schema.names]
    lists = {"concept_ids": "concept_id", "scores": "score"} | {name: name.removesuffix("s") for name in evidence}
    unnested = ", ".join(f"unnest({name}) as {single}" for name, single in lists.items())
    singles = "".join(f", l.{lists[name]}" for name in evidence)
    quoted = [_quoted(name) for name in carried]
    kept = ", ".join(["doc_id", "chunk_id", "source", "token_count", *quoted])
    columns = "".join(f", l.{name}" for name in quoted)
    return f"""
        select l.doc_id, l.chunk_id, l.source, l.token_count, l.concept_id, c.name, c.facet, l.score,
            l.rank::integer as rank{singles}{columns}
        from (select {kept}, {unnested}, generate_subscripts(concept_ids, 1) as rank from {prefix}chunks) l
        left join {prefix}concepts c on c.concept_id = l.concept_id"""


def _frequencies(prefix: str) -> str:
    return f"""
        select l.concept_id, any_value(c.name) as name, any_value(c.facet) as facet, count(*) as chunks,
            count(distinct l.doc_id) as documents, sum(l.token_count)::bigint as tokens, avg(l.score) as mean_score
        from (select doc_id, token_count, unnest(concept_ids) as concept_id, unnest(scores) as score
            from {prefix}chunks) l
        left join {prefix}concepts c on c.concept_id = l.concept_id
        group by l.concept_id order by chunks desc, l.concept_id"""


def _quarantine(connection: duckdb.DuckDBPyConnection, asked: Asked, urls: list[str]) -> str:
    """Records that are still in quarantine: those that a retry part holds are not."""
    names = ", ".join(QUARANTINE.names)
    if not urls:
        types = ("varchar", "bigint", "varchar", "varchar", "varchar", "varchar", "blob")
        empty = ", ".join(f"null::{kind} as {name}" for name, kind in zip(QUARANTINE.names, types, strict=True))
        return f"select {empty} where false"
    back = [(f["unit"], row) for f in asked.run.parts.values() for row in f.get("rows_retried", ())]
    variable = f"{asked.name}_retried" if asked.name else "retried"
    connection.execute(f"set variable {variable} = $back", {"back": [f"{unit} {row}" for unit, row in back]})
    stored = f"read_parquet({urls!r}, hive_partitioning = false)"
    still = f"not list_contains(getvariable('{variable}')::varchar[], unit || ' ' || row)"
    return f"select {names} from {stored} where {still}"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
