"""What the parts and quarantine files of a run say of themselves.

A footer is read once: a run with many parts keeps what it read in ``.footers.parquet``, by each file's size and time of
change. The file is a cache and no more. Without it all footers are read, and what it says of a file that has since
changed is passed over.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.runner import cache
from atlas.runner.counts import Counts
from atlas.runner.folder import RunFolder
from atlas.runner.part_writer import FOOTER_KEY
from atlas.storage import TEMPORARY, store_failed

CACHE = ".footers.parquet"
WORTH_KEEPING = 1_000  # footers read anew: some 0.2 s
SETTLED_SECONDS = 2.0  # a file changed later than that may change once more within its store's tick of time
THREADS = 16  # files looked at together: each is a wait for the disk or the network

_CACHED = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("changed_ns", pa.int64()),
        pa.field("says", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Footer:
    """What a part says of itself, as far as the runner goes by it."""

    unit: str
    key: str
    counts: Counts
    rows_retried: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """All parts and quarantine files of a run by path, in name order; None for a file that can't be read."""

    parts: dict[str, Footer | None] = field(default_factory=dict)
    quarantined: dict[str, int | None] = field(default_factory=dict)


def found(folder: RunFolder, *, keep: bool = False) -> Found:
    """The footer of every part, and how many records each quarantine file holds.

    With ``keep``, which is for who holds the folder's lock, much that was read anew is kept for the next time.
    """
    parts, kept = _listed(folder, "parts"), _listed(folder, "quarantine")
    known = _cached(folder)
    stamps = {info.path: (info.size, info.mtime_ns) for info in (*parts, *kept)}
    said = {path: known[path][1] for path, stamp in stamps.items() if path in known and known[path][0] == stamp}
    del known
    new = [path for path in stamps if path not in said]
    read = partial(_read, folder.filesystem, {info.path for info in kept})
    with ThreadPoolExecutor(THREADS) as pool:
        said |= dict(zip(new, pool.map(read, new), strict=True))
    if keep and len(new) >= WORTH_KEEPING:
        _cache(folder, stamps, said)
    return Found(
        {info.path: _as_footer(json.loads(said[info.path])) for info in parts},
        {info.path: (json.loads(said[info.path]) or {}).get("rows") for info in kept},
    )


def read_footer(filesystem: pafs.FileSystem, path: str) -> dict[str, Any] | None:
    """All that a part says of itself; None where the file is no whole part of Atlas."""
    try:
        metadata = pq.read_metadata(path, filesystem=filesystem).metadata
    except (pa.ArrowInvalid, OSError) as error:
        if store_failed(error):
            raise
        return None
    text = (metadata or {}).get(FOOTER_KEY)
    return json.loads(text) if text else None


def quarantined_rows(filesystem: pafs.FileSystem, path: str) -> int | None:
    """How many records a quarantine file holds; None where it is no whole file."""
    try:
        return pq.read_metadata(path, filesystem=filesystem).num_rows
    except (pa.ArrowInvalid, OSError) as error:
        if store_failed(error):
            raise
        return None


def _listed(folder: RunFolder, below: str) -> list[pafs.FileInfo]:
    infos = folder.filesystem.get_file_info(pafs.FileSelector(f"{folder.root}/{below}", allow_not_found=True))
    named = ((info.base_name, info) for info in infos)
    return [i for n, i in sorted(named, key=lambda x: x[0]) if n.endswith(".parquet") and not n.startswith(TEMPORARY)]


def _read(filesystem: pafs.FileSystem, quarantine: set[str], path: str) -> str:
    """What a file says, as JSON: of 100,000 files that takes a fifth of the memory that objects would."""
    return json.dumps(_picked(filesystem, quarantine, path))


def _picked(filesystem: pafs.FileSystem, quarantine: set[str], path: str) -> dict[str, Any] | None:
    if path in quarantine:
        rows = quarantined_rows(filesystem, path)
        return None if rows is None else {"rows": rows}
    footer = read_footer(filesystem, path)
    return footer and {name: footer[name] for name in ("unit", "key", "counts", "rows_retried") if name in footer}


def _as_footer(said: dict[str, Any] | None) -> Footer | None:
    if said is None or "key" not in said:
        return None
    return Footer(said["unit"], said["key"], Counts(**said["counts"]), tuple(said.get("rows_retried", ())))


def _cached(folder: RunFolder) -> dict[str, tuple[tuple[int, int], str]]:
    table = cache.read(folder, CACHE, _CACHED)
    if table is None:
        return {}
    columns = (table.column(name).to_pylist() for name in _CACHED.names)
    return {
        f"{folder.root}/{file}": ((size, changed), says) for file, size, changed, says in zip(*columns, strict=True)
    }


def _cache(folder: RunFolder, stamps: dict[str, tuple[int, int]], said: dict[str, str]) -> None:
    """Keep what was read of files that can be read and have settled."""
    before = time.time_ns() - int(SETTLED_SECONDS * 1e9)
    kept = [path for path, (_, when) in stamps.items() if said[path] != "null" and when is not None and when < before]
    columns = [
        [path[len(folder.root) + 1 :] for path in kept],
        [stamps[path][0] for path in kept],
        [stamps[path][1] for path in kept],
        [said[path] for path in kept],
    ]
    cache.write(folder, CACHE, pa.table(columns, schema=_CACHED))
