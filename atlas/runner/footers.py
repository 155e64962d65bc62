"""What the parts and quarantine files of a run say of themselves.

A footer is read once: a run with many parts keeps what it read in ``.footers.parquet``, by each file's size and time of
change. The file is a cache and no more. Without it all footers are read, and what it says of a file that has since
changed is passed over.
"""

import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.corpus.packed import AT_ONCE, Packed
from atlas.corpus.remembered import InOrder
from atlas.runner import cache
from atlas.runner.counts import Counts
from atlas.runner.folder import FOLDERS, Listed, RunFolder
from atlas.runner.many import THREADS
from atlas.runner.part_writer import FOOTER_KEY
from atlas.storage import store_failed

CACHE = ".footers.parquet"
WORTH_KEEPING = 1_000  # footers read anew: some 0.2 s
SETTLED_SECONDS = 2.0  # a file changed later than that may change once more within its store's tick of time

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
class Looked:
    """A part with its footer, or a quarantine file with how many records it holds; None where it can't be read."""

    path: str
    footer: Footer | None = None
    records: int | None = None
    is_part: bool = True


def keep(folder: RunFolder) -> None:
    """Keep what new parts say for the next time, where they are many."""
    for _ in each(folder, keep=True):
        pass


def each(folder: RunFolder, folders: Iterable[str] = FOLDERS, *, keep: bool = False) -> Iterator[Looked]:
    """All parts in name order, then all quarantine files, a few in memory at a time; or those of one folder.

    With ``keep``, which is for who holds the folder's lock, much that was read anew is kept for the next time.
    """
    known, new, read = InOrder(cache.rows(folder, CACHE, _CACHED)), Packed(), 0
    with ThreadPoolExecutor(THREADS) as pool:
        for below in folders:
            read_one, looked = (_part, _as_part) if below == "parts" else (_kept, _as_kept)
            files = folder.listed(below)
            while some := list(islice(files, AT_ONCE)):
                said = {file.name: says for file in some if (says := _known(known, f"{below}/{file.name}", file))}
                missing = [file for file in some if file.name not in said]
                before = time.time_ns() - int(SETTLED_SECONDS * 1e9)
                paths = [f"{folder.root}/{below}/{file.name}" for file in missing]
                for file, says in zip(missing, pool.map(partial(read_one, folder.filesystem), paths), strict=True):
                    said[file.name] = says
                    if says != "null" and file.changed_ns is not None and file.changed_ns < before:
                        new.add((f"{below}/{file.name}", file.size, file.changed_ns, says))
                read += len(missing)
                yield from (looked(f"{folder.root}/{below}/{file.name}", json.loads(said[file.name])) for file in some)
    if keep and read >= WORTH_KEEPING:
        there = {f"{below}/{file.name}" for below in ("parts", "quarantine") for file in folder.listed(below)}
        old = (row for row in cache.rows(folder, CACHE, _CACHED) if row[0] in there)
        cache.update(folder, CACHE, _CACHED, new, old)


def _known(known: InOrder, name: str, file: Listed) -> str | None:
    rows = known.at(name)
    return rows[0][3] if rows and rows[0][1:3] == (file.size, file.changed_ns) else None


def _as_part(path: str, said: dict[str, Any] | None) -> Looked:
    if said is None or "key" not in said:
        return Looked(path)
    counts, retried = Counts(**said["counts"]), tuple(said.get("rows_retried", ()))
    return Looked(path, Footer(said["unit"], said["key"], counts, retried))


def _as_kept(path: str, said: dict[str, Any] | None) -> Looked:
    return Looked(path, records=said["rows"] if said else None, is_part=False)


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


def _part(filesystem: pafs.FileSystem, path: str) -> str:
    """What a part says, as JSON."""
    footer = read_footer(filesystem, path)
    picked = ("unit", "key", "counts", "rows_retried")
    return json.dumps(footer and {name: footer[name] for name in picked if name in footer})


def _kept(filesystem: pafs.FileSystem, path: str) -> str:
    """What a quarantine file says, as JSON."""
    rows = quarantined_rows(filesystem, path)
    return json.dumps(None if rows is None else {"rows": rows})
