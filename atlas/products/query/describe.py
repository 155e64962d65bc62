"""What can be asked: the views with their columns, and of each column a value as the run has it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import duckdb

from atlas.products.query.asked import Asked
from atlas.products.query.views import VIEWS
from atlas.products.query.write import as_json


@dataclass(frozen=True, slots=True)
class Column:
    """A column with its SQL type and a value, None where the view has no row."""

    view: str
    name: str
    type: str
    example: str | None


def one_part(asked: Asked) -> Asked:
    """The run as if its first part with rows were all of it: enough to show what values look like."""
    full = [path for path, footer in asked.run.parts.items() if footer["counts"]["rows"]] or asked.parts
    return replace(asked, run=replace(asked.run, parts={path: asked.run.parts[path] for path in full[:1]}))


def columns(connection: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[Column]:
    """Every column of every view, in the views' order."""
    for view in VIEWS:
        name = f"{asked.name}.{view}" if asked.name else view
        described = connection.execute(f"describe {name}").fetchall()
        rows = connection.execute(f"from {name} limit 1").fetchall()
        for place, (column, kind, *_) in enumerate(described):
            value = rows[0][place] if rows else None
            shown = None if value is None else value if isinstance(value, str) else as_json(value)
            yield Column(name, column, kind.lower(), shown)
