"""Look at a run, live or dead, without touching it."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.runner.counts import Counts
from atlas.runner.folder import MANIFEST, RETRY_ENDING, SUMMARY, RunFolder
from atlas.runner.footers import THREADS, Found, found, read_footer
from atlas.runner.live import at_work, held
from atlas.runner.sittings import Sitting, sittings
from atlas.runner.verify import readable
from atlas.storage import store_failed
from atlas.tables import QUARANTINE


@dataclass(frozen=True, slots=True)
class Status:
    """What a run folder says of itself.

    ``units`` is None from a run's first unit of work until it has ended; ``planned`` is how many the last sitting meant
    to have by its end, None of a run without a log. ``log`` has every sitting in the order of time, ``live`` those that
    go on. ``running`` holds where somebody is at work, noted or not. ``settings`` are as in the footers of the parts.
    """

    stage: str
    corpus: str
    version: str
    parts: int
    damaged: tuple[str, ...]
    units: int | None
    counts: Counts
    reasons: dict[str, int]
    problems: tuple[str, ...]
    running: bool = False
    log: tuple[Sitting, ...] = ()
    live: tuple[Sitting, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        whole = self.units is not None and self.parts == self.units and not self.damaged
        return whole and not self.problems and self.counts.holds

    @property
    def planned(self) -> int | None:
        return self.units if self.units is not None or not self.log else self.log[-1].units

    @property
    def state(self) -> Literal["running", "complete", "stopped", "incomplete"]:
        """``stopped``: it broke off before its end, and nobody has gone on with it."""
        if self.running:
            return "running"
        if self.complete:
            return "complete"
        return "stopped" if self.units is None else "incomplete"


def status(folder: RunFolder, *, verify: bool = False) -> Status:
    """Read parts' footers, the summary and the log; with ``verify`` every byte of parts and quarantine files too.

    Raises:
        AtlasError: the folder holds no run.
    """
    manifest = folder.read(MANIFEST)
    if manifest is None:
        raise AtlasError(f"{folder.url}: holds no run ({MANIFEST} is missing)")
    summary = folder.read(SUMMARY) or {}
    there = found(folder)
    with ThreadPoolExecutor(THREADS) as pool:
        waiting = dict(zip(there.quarantined, pool.map(partial(_reasons, folder), there.quarantined), strict=True))
        read = [*there.parts, *there.quarantined] if verify else []
        fine = dict(zip(read, pool.map(partial(readable, folder.filesystem), read), strict=True))
    counts, damaged, parts = Counts(), [], 0
    for path, footer in there.parts.items():
        if footer is None or not fine.get(path, True):
            damaged.append(path)
            continue
        counts += footer.counts
        if path.endswith(RETRY_ENDING):
            continue
        parts += 1
        kept, quarantine = footer.counts.quarantined, folder.quarantine(footer.unit)
        whole = there.quarantined.get(quarantine) == kept and waiting.get(quarantine) is not None
        if kept and not (whole and fine.get(quarantine, True)):
            damaged.append(quarantine)
    log = tuple(sittings(folder))
    locked = held(folder)
    live = tuple(at_work(log, locked))
    return Status(
        manifest["stage"],
        manifest["corpus"],
        manifest["atlas"],
        parts,
        tuple(damaged),
        summary.get("units"),
        counts,
        _summed(waiting.values()),
        tuple(summary.get("problems", ())),
        bool(locked or live),
        log,
        live,
        _settings(folder, there),
    )


def _settings(folder: RunFolder, there: Found) -> dict[str, Any]:
    """What the first whole part says of how it was made."""
    first = next((path for path, footer in there.parts.items() if footer is not None), None)
    said = read_footer(folder.filesystem, first) if first is not None else None
    of_unit = ("unit", "key", "counts", "rows_retried")
    return {name: value for name, value in (said or {}).items() if name not in of_unit}


def reasons(folder: RunFolder) -> dict[str, int]:
    """How many records are in quarantine for each reason, most frequent first."""
    files = folder.quarantined()
    with ThreadPoolExecutor(THREADS) as pool:
        return _summed(pool.map(partial(_reasons, folder), files))


def _summed(reasons: Iterable[Counter[str] | None]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in reasons:
        total.update(each or {})
    return dict(total.most_common())


def _reasons(folder: RunFolder, quarantine: str) -> Counter[str] | None:
    """How many records of a quarantine file wait for each reason; None where it can't be read."""
    table = _waiting(folder, quarantine, ["reason"])
    return None if table is None else Counter(table.column("reason").to_pylist())


def quarantined(folder: RunFolder, columns: list[str] = QUARANTINE.names) -> pa.Table:
    """All records in quarantine, schema QUARANTINE; those since retried with success are left out.

    So is a file that can't be read: status names it, and a run with ``verify`` makes its unit anew.
    """
    tables = (_waiting(folder, path, columns) for path in folder.quarantined())
    empty = QUARANTINE.empty_table().select(columns)
    return pa.concat_tables([empty, *(table for table in tables if table is not None)])


def _waiting(folder: RunFolder, path: str, columns: list[str]) -> pa.Table | None:
    """The records of a file that have not been retried with success; None where it can't be read."""
    wanted = list(dict.fromkeys([*columns, "row"]))
    try:
        table = pq.read_table(
            path, columns=wanted, filesystem=folder.filesystem, schema=QUARANTINE, page_checksum_verification=True
        )
    except (pa.ArrowInvalid, OSError) as error:
        if store_failed(error):
            raise
        return None
    name = path.rsplit("/", 1)[-1].removesuffix(".parquet")
    footer = read_footer(folder.filesystem, folder.retry_part(name))
    if footer is not None:
        back = set(footer["rows_retried"])
        table = table.filter(pa.array([row not in back for row in table.column("row").to_pylist()], pa.bool_()))
    return table.select(columns)
