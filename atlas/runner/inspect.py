"""Look at a run, live or dead, without touching it."""

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.runner.counts import Counts
from atlas.runner.folder import MANIFEST, RETRY_ENDING, SUMMARY, RunFolder
from atlas.runner.footers import quarantined_rows, read_footer
from atlas.runner.verify import readable
from atlas.tables import QUARANTINE


@dataclass(frozen=True, slots=True)
class Status:
    """What a run folder says of itself. ``units`` is None from a run's first unit of work until it has ended."""

    stage: str
    corpus: str
    version: str
    parts: int
    damaged: tuple[str, ...]
    units: int | None
    counts: Counts
    reasons: dict[str, int]
    problems: tuple[str, ...]

    @property
    def complete(self) -> bool:
        whole = self.units is not None and self.parts == self.units and not self.damaged
        return whole and not self.problems and self.counts.holds


def status(folder: RunFolder, *, verify: bool = False) -> Status:
    """Read parts' footers and the summary; with ``verify`` every byte of every part and quarantine file too.

    Raises:
        AtlasError: the folder holds no run.
    """
    manifest = folder.read(MANIFEST)
    if manifest is None:
        raise AtlasError(f"{folder.url}: holds no run ({MANIFEST} is missing)")
    summary = folder.read(SUMMARY) or {}
    counts, damaged, parts = Counts(), [], 0
    waiting = {path: _waiting(folder, path, ["reason"]) for path in folder.quarantined()}
    for path in folder.parts():
        footer = read_footer(folder.filesystem, path)
        if footer is None or (verify and not readable(folder.filesystem, path)):
            damaged.append(path)
            continue
        counts += Counts(**footer["counts"])
        if path.endswith(RETRY_ENDING):
            continue
        parts += 1
        kept, quarantine = footer["counts"]["quarantined"], folder.quarantine(footer["unit"])
        whole = quarantined_rows(folder.filesystem, quarantine) == kept and waiting.get(quarantine) is not None
        if kept and not (whole and (not verify or readable(folder.filesystem, quarantine))):
            damaged.append(quarantine)
    return Status(
        manifest["stage"],
        manifest["corpus"],
        manifest["atlas"],
        parts,
        tuple(damaged),
        summary.get("units"),
        counts,
        dict(Counter(reason for table in waiting.values() for reason in _column(table, "reason")).most_common()),
        tuple(summary.get("problems", ())),
    )


def _column(table: pa.Table | None, name: str) -> list[str]:
    return [] if table is None else table.column(name).to_pylist()


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
    except (pa.ArrowInvalid, OSError):
        return None
    name = path.rsplit("/", 1)[-1].removesuffix(".parquet")
    footer = read_footer(folder.filesystem, folder.retry_part(name))
    if footer is not None:
        back = set(footer["rows_retried"])
        table = table.filter(pa.array([row not in back for row in table.column("row").to_pylist()], pa.bool_()))
    return table.select(columns)
