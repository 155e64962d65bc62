"""Clear away what a run made of units that their input has no more, so that it ends as one made from nothing does.

An input that has changed, or is cut otherwise, may have fewer units than before, or others. What was made of the old
ones goes, once all its units of now are there. An input that is gone is another matter: a disk that is not mounted
looks the same, so its parts stay, and are named.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from atlas.corpus.source import DocumentSource
from atlas.corpus.units import input_of_name
from atlas.runner.folder import RunFolder, unit_of
from atlas.runner.footers import read_footer
from atlas.runner.part import Source
from atlas.runner.plan import Plan
from atlas.runner.tasks import Done, Tasks
from atlas.storage import delete, store_failed
from atlas.tables import QUARANTINE


def cleared(planned: Plan, done: Done, source: Source, stage: str, folder: RunFolder) -> tuple[Plan, int]:
    """The plan without those stale files that are superseded, which are deleted; of how many units they were.

    A file is deleted only if it says itself that it is of this stage and of the unit after which it is named. Of a run
    with a limit nothing is, as it may go on without; nor of a run over tables: what an LLM wrote has cost money.
    """
    if not planned.stale or not isinstance(source, DocumentSource) or source.config.limit is not None:
        return planned, 0
    by_input: dict[str, list[str]] = defaultdict(list)
    for path in planned.stale:
        by_input[input_of_name(unit_of(path))].append(path)
    there = _all_there(set(by_input), planned.tasks, done)
    gone = {path for name in there for path in by_input[name] if _is_ours(path, stage, folder)}
    # The part last: where work breaks off, it is what the others can be told by.
    for path in sorted(gone, key=lambda path: (path.startswith(f"{folder.root}/parts/"), path)):
        delete(folder.filesystem, path)
    left = tuple(path for path in planned.stale if path not in gone)
    return replace(planned, stale=left), len({unit_of(path) for path in gone})


def _all_there(inputs: set[str], tasks: Tasks, done: Done) -> list[str]:
    """Those of some inputs that have units, all of which are done.

    Of names that two inputs share, as part names leave out some signs, nobody knows whose a part was.
    """
    rows = np.array([row for row, name in enumerate(tasks.names) if input_of_name(name.decode()) in inputs], int)
    whose: dict[str, set[str]] = defaultdict(set)
    missing = set()
    for row, task in zip(rows, tasks.picked(rows), strict=True):
        name = input_of_name(task.name)
        whose[name].add("" if task.unit.format == "text" else task.unit.path)
        if not done.there[row]:
            missing.add(name)
    return sorted(name for name, paths in whose.items() if len(paths) == 1 and name not in missing)


def _is_ours(path: str, stage: str, folder: RunFolder) -> bool:
    """Whether a file says that a run of this stage made it, of the unit after which it is named."""
    if path.startswith(f"{folder.root}/parts/"):
        footer = read_footer(folder.filesystem, path) or {}
        return (footer.get("unit"), footer.get("stage")) == (unit_of(path), stage) and "key" in footer
    try:
        kept = pq.ParquetFile(path, filesystem=folder.filesystem)
        units = (batch.column("unit") for batch in kept.iter_batches(columns=["unit"]))
        return kept.schema_arrow.equals(QUARANTINE) and all(pc.all(pc.equal(u, unit_of(path))).as_py() for u in units)
    except (pa.ArrowInvalid, OSError) as error:
        if store_failed(error):
            raise
        return False
