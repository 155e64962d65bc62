"""atlas query: SQL over annotated runs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from atlas.cli.flags import NONE

if TYPE_CHECKING:
    import pyarrow as pa

    from atlas.products.query.asked import Asked

Library = Annotated[
    Path | None, typer.Option("--library", help="Folder of library YAML.", show_default="that of the run's pipeline")
]
Memory = Annotated[str, typer.Option(help="Memory that may be used, such as 500MB; beyond it, DuckDB spills to disk.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads.", show_default="one for each core")]
CELL = 60  # characters of a value that a table shows
SHOWN = 40


def query(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN SQL", help="Annotated run or pipeline's folder, and SQL (- reads standard input)."),
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="NAME=RUN", help="A run by name; repeat it for more.", show_default=NONE),
    ] = None,
    library: Library = None,
    schema: Annotated[bool, typer.Option("--schema", help="List the views with columns and examples.")] = False,
    form: Annotated[
        Literal["table", "csv", "json", "jsonl", "parquet"] | None,
        typer.Option("--format", help="How rows are written.", show_default="table, or by the name of --out"),
    ] = None,
    out: Annotated[str | None, typer.Option(help="File or URL to write to.", show_default="standard output")] = None,
    rows: Annotated[int, typer.Option(min=0, help="Rows that a table shows; 0: all.")] = SHOWN,
    memory: Memory = "1GB",
    threads: Threads = None,
) -> None:
    """Ask SQL of an annotated run: documents, chunks, annotations, concepts, by DuckDB.

    With one RUN, its views are documents, chunks, annotations, frequencies, concepts, quarantine and parts; with
    several by --run, each has a schema of its name. Nothing is ever written but --out.
    """
    from atlas.errors import AtlasError
    from atlas.products.query.connection import Limits, answer, connected
    from atlas.products.query.write import format_of, save, write

    given = list(arguments or ())
    runs = _runs(run or (), given, schema)
    if schema:
        _schema(_found(runs, library), as_json=form in ("json", "jsonl"))
        return
    if len(given) != 1:
        raise AtlasError('give a run and SQL: atlas query RUN "select * from documents limit 5"')
    sql = sys.stdin.read() if given[0] == "-" else given[0]
    form = form or (format_of(out) if out else "table")
    if out and form == "table":
        raise AtlasError("--format table is for the screen; write csv, json, jsonl or parquet to --out")
    if form == "parquet" and not out:
        raise AtlasError("--format parquet needs --out FILE")
    with connected(_found(runs, library), Limits(memory, threads)) as connection:
        reader = answer(connection, sql)
        if form == "table":
            _print(reader, rows)
        elif out:
            print(f"{save(reader, out, form):,} rows written to {out}", file=sys.stderr)
        else:
            write(reader, sys.stdout.buffer, form)


def _runs(named: Sequence[str], given: list[str], schema: bool) -> dict[str, str]:
    """Runs by name; a single one, without --run, has none and is taken off the arguments."""
    from atlas.errors import AtlasError

    if not named:
        if not given or (len(given) < 2 and not schema):
            raise AtlasError('give a run and SQL: atlas query RUN "select * from documents limit 5"; or RUN --schema')
        return {"": given.pop(0)}
    runs: dict[str, str] = {}
    for each in named:
        name, equals, url = each.partition("=")
        if not equals:
            raise AtlasError(f"--run {each}: give the run a name: --run NAME={each}")
        if name in runs:
            raise AtlasError(f"--run {name}: two runs have this name")
        runs[name] = url
    return runs


def _found(runs: dict[str, str], library: Path | None) -> "list[Asked]":
    from atlas.products.query.asked import asked

    found = [asked(url, library, name) for name, url in runs.items()]
    tell(found)
    return found


def tell(found: "Sequence[Asked]") -> None:
    """Say on standard error what the user had better know of the runs."""
    for note in dict.fromkeys(note for each in found for note in each.notes):
        print(f"note: {note}", file=sys.stderr)


def _schema(found: "list[Asked]", *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from atlas.products.query.connection import connected
    from atlas.products.query.describe import columns, one_part
    from atlas.products.query.views import VIEWS

    with connected([one_part(each) for each in found]) as connection:
        for each in found:
            described = list(columns(connection, each))
            if as_json:
                print("\n".join(json.dumps(asdict(column), ensure_ascii=False) for column in described))
                continue
            for view, meaning in VIEWS.items():
                name = f"{each.name}.{view}" if each.name else view
                print(f"{name}: {meaning}")
                of_view = [[c.name, c.type, short(c.example)] for c in described if c.view == name]
                width = max(len(row[0]) for row in of_view)
                print("\n".join(f"  {c:<{width}}  {kind:<10} {example}" for c, kind, example in of_view) + "\n")


def short(value: Any, most: int = CELL) -> str:
    """A value on one line, cut where it is long."""
    text = " ".join(str("–" if value is None else value).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _print(reader: "pa.RecordBatchReader", most: int) -> None:
    rows: list[list[Any]] = []
    more = False
    for batch in reader:
        rows += [list(row.values()) for row in batch.to_pylist()]
        if most and len(rows) > most:
            more = True
            break
    print(columns(rows[: most or None], reader.schema.names))
    if more:
        print(f"the first {most} rows; --rows 0 shows all, --out FILE writes them", file=sys.stderr)


def columns(rows: Sequence[Sequence[Any]], head: Sequence[str]) -> str:
    """Plain columns like those of other commands, of any values: numbers to the right, no number loses its size."""
    from atlas.cli.show import is_id

    texts = [
        [_cell(v) if v is None or not is_id(n) else str(v) for n, v in zip(head, row, strict=True)] for row in rows
    ]
    widths = [max([len(name), *(len(row[i]) for row in texts)]) for i, name in enumerate(head)]
    right = [all(isinstance(row[i], int | float | None) for row in rows) and bool(rows) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        joined = (c.rjust(w) if number else c.ljust(w) for c, w, number in zip(cells, widths, right, strict=True))
        return "  ".join(joined).rstrip()

    return "\n".join([line(head), line(["─" * width for width in widths]), *(line(row) for row in texts)])


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {None: "–", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:.3f}" if value == 0 or 0.001 <= abs(value) < 1e6 else f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return short(", ".join(map(str, value)))
    return short(value)
