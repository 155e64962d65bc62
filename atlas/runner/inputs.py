"""What a run remembers of its input files between starts: ``.inputs.parquet``, a cache and no more."""

from dataclasses import asdict
from sys import intern
from typing import Any

import pyarrow as pa

from atlas.corpus.remembered import Remembered
from atlas.corpus.units import Unit
from atlas.runner import cache
from atlas.runner.folder import RunFolder

CACHE = ".inputs.parquet"
WORTH_KEEPING_FILES = 500  # opened anew: some 0.3 s
WORTH_KEEPING_BYTES = 1 << 30  # read anew for their digest: about a second
READ_AT_ONCE = 1_000  # files, as their rows take several times what is made of them

_UNIT = pa.struct(
    [
        ("name", pa.string()),
        ("format", pa.string()),
        ("start", pa.int64()),
        ("stop", pa.int64()),
        ("fingerprint", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
    ]
)
_CACHED = pa.schema(
    [("path", pa.string()), ("label", pa.string()), ("stamp", pa.list_(pa.string())), ("units", pa.list_(_UNIT))]
)


def remembered(folder: RunFolder) -> Remembered:
    """What the last start of a run knew of its input files; nothing, where there is no such note."""
    table = cache.read(folder, CACHE, _CACHED)
    if table is None:
        return Remembered()
    units = {}
    for batch in table.to_batches(READ_AT_ONCE):
        for row in batch.to_pylist():
            settings, described = row["stamp"]
            of_file = tuple(_unit(row, unit) for unit in row["units"])
            units[row["path"]] = ((intern(settings), described), of_file)
    return Remembered(units)


def _unit(row: dict[str, Any], unit: dict[str, Any]) -> Unit:
    return Unit(**{**unit, "path": row["path"], "label": row["label"], "format": intern(unit["format"])})


def remember(folder: RunFolder, known: Remembered) -> None:
    """Keep what planning found out, where that was much."""
    if known.new < WORTH_KEEPING_FILES and known.bytes < WORTH_KEEPING_BYTES:
        return
    rows = []
    for path, (stamp, units) in known.units.items():
        label = units[0].label if units else ""
        picked = [{name: asdict(unit)[name] for name in _UNIT.names} for unit in units]
        rows.append({"path": path, "label": label, "stamp": list(stamp), "units": picked})
    cache.write(folder, CACHE, pa.Table.from_pylist(rows, schema=_CACHED))
