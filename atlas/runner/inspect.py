"""Look at a run, live or dead, without touching it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from heapq import merge
from itertools import groupby
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.runner.counts import Counts
from atlas.runner.folder import MANIFEST, RETRY_ENDING, SUMMARY, RunFolder
from atlas.runner.footers import Looked, each, read_footer
from atlas.runner.live import at_work, held
from atlas.runner.many import together
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
    counts, damaged, parts, whole = Counts(), [], 0, ""
    reasons: Counter[str] = Counter()
    for part, kept in _pairs(folder, verify):
        reasons.update((kept and kept.reasons) or {})
        if part is None:
            continue
        footer = part.file.footer
        if footer is None or not part.whole:
            damaged.append(part.file.path)
            continue
        whole = whole or part.file.path
        counts += footer.counts
        if part.file.path.endswith(RETRY_ENDING):
            continue
        parts += 1
        wanted = footer.counts.quarantined
        if wanted and not (kept is not None and kept.whole and kept.file.records == wanted):
            damaged.append(folder.quarantine(footer.unit))
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
        dict(reasons.most_common()),
        tuple(summary.get("problems", ())),
        bool(locked or live),
        log,
        live,
        _settings(folder, whole),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file of a run, and whether it can be read; of a quarantine file, how many records wait for each reason."""

    file: Looked
    whole: bool = True
    reasons: Counter[str] | None = None


def _pairs(folder: RunFolder, verify: bool) -> Iterator[tuple[_Seen | None, _Seen | None]]:
    """Every part with its quarantine file, either of them alone where there is no other, in name order."""
    parts, kept = each(folder, ["parts"]), each(folder, ["quarantine"])
    seen = together(partial(_verified, folder), parts) if verify else map(_Seen, parts)
    files = merge(seen, together(partial(_kept, folder, verify), kept), key=_name)
    for _, of_unit in groupby(files, key=_name):
        found = {each.file.is_part: each for each in of_unit}
        yield found.get(True), found.get(False)


def _name(seen: _Seen) -> str:
    return seen.file.path.rsplit("/", 1)[-1]


def _verified(folder: RunFolder, file: Looked) -> _Seen:
    return _Seen(file, readable(folder.filesystem, file.path))


def _kept(folder: RunFolder, verify: bool, file: Looked) -> _Seen:
    reasons = _reasons(folder, file.path)
    whole = reasons is not None and (not verify or readable(folder.filesystem, file.path))
    return _Seen(file, whole, reasons)


def _settings(folder: RunFolder, part: str) -> dict[str, Any]:
    """What a whole part, if there is one, says of how it was made."""
    said = read_footer(folder.filesystem, part) if part else None
    of_unit = ("unit", "key", "counts", "rows_retried")
    return {name: value for name, value in (said or {}).items() if name not in of_unit}


def reasons(folder: RunFolder) -> dict[str, int]:
    """How many records are in quarantine for each reason, most frequent first."""
    total: Counter[str] = Counter()
    for of_file in together(partial(_reasons, folder), folder.quarantined()):
        total.update(of_file or {})
    return dict(total.most_common())


def _reasons(folder: RunFolder, quarantine: str) -> Counter[str] | None:
    """How many records of a quarantine file wait for each reason; None where it can't be read."""
    table = _waiting(folder, quarantine, ["reason"])
    return None if table is None else Counter(table.column("reason").to_pylist())


def quarantined(folder: RunFolder, columns: list[str] = QUARANTINE.names) -> Iterator[dict[str, Any]]:
    """All records in quarantine, schema QUARANTINE, a file at a time; those since retried with success are left out.

    So is a file that can't be read: status names it, and a run with ``verify`` makes its unit anew.
    """
    tables = (_waiting(folder, path, columns) for path in folder.quarantined())
    return (record for table in tables if table is not None for record in table.to_pylist())


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
