"""A small annotated run with concepts of every facet, for the tests of exports, and what it holds in plain Python."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from labelled_run import LIBRARY, Labels, labelled_run

from atlas.library.concept import Concept, Library

FACETS = {1: "content", 2: "entity", 3: "tone", 4: "form", 5: "content"}
LABELLED = Library(
    (
        *(replace(c, facet=FACETS[c.id], taxonomy="Naval science" if c.id == 1 else None) for c in LIBRARY.concepts),
        Concept(6, "content", "Sails", "Passages about sails.", status="retired", replaced_by=3),
        Concept(7, "content", "Oars", "Passages about oars."),
    )
)


def annotated(folder: Path, documents: int = 30, files: int = 3, **more: Any) -> Path:
    """A run in ``folder/run``: parts of two chunks a document, concepts 1 to 5."""
    labelled_run(folder, Labels(library=LABELLED.digest, **more), documents, files)
    return folder / "run"


def rows(run: Path) -> list[dict[str, Any]]:
    """All chunks of a run, part after part."""
    return [row for part in sorted((run / "parts").glob("*.parquet")) for row in pq.read_table(part).to_pylist()]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


class Stopped(Exception):
    """Stands for a kill."""


def rewrite(part: Path, table: pa.Table, **how: Any) -> None:
    """Put another table in a part's place, with the part's own footer."""
    footer = pq.read_metadata(part).metadata[b"atlas"]
    pq.write_table(table.replace_schema_metadata({b"atlas": footer}), part, **how)


def in_small_row_groups(run: Path, size: int) -> None:
    """Write a run's parts anew, with row groups of ``size`` rows."""
    for part in (run / "parts").iterdir():
        rewrite(part, pq.read_table(part), row_group_size=size)
