"""Look at a run, live or dead, without touching it."""

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.runner.folder import MANIFEST, RETRY_ENDING, SUMMARY, RunFolder
from atlas.runner.part import Counts, quarantined_rows, read_footer
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
    """Read parts' footers and the summary; with ``verify`` every byte of every part too.

    Raises:
        AtlasError: the folder holds no run.
    """
    manifest = folder.read(MANIFEST)
    if manifest is None:
        raise AtlasError(f"{folder.url}: holds no run ({MANIFEST} is missing)")
    summary = folder.read(SUMMARY) or {}
    counts, damaged, parts = Counts(), [], 0
    for path in folder.parts():
        footer = read_footer(folder.filesystem, path)
        if footer is None or (verify and not _readable(folder, path, footer["counts"]["rows"])):
            damaged.append(path)
            continue
        counts += Counts(**footer["counts"])
        if path.endswith(RETRY_ENDING):
            continue
        parts += 1
        kept, quarantine = footer["counts"]["quarantined"], folder.quarantine(footer["unit"])
        if kept and quarantined_rows(folder.filesystem, quarantine) != kept:
            damaged.append(quarantine)
    return Status(
        manifest["stage"],
        manifest["corpus"],
        manifest["atlas"],
        parts,
        tuple(damaged),
        summary.get("units"),
        counts,
        dict(Counter(quarantined(folder).column("reason").to_pylist()).most_common()),
        tuple(summary.get("problems", ())),
    )


def _readable(folder: RunFolder, path: str, rows: int) -> bool:
    try:
        file = pq.ParquetFile(path, filesystem=folder.filesystem, page_checksum_verification=True)
        return sum(batch.num_rows for batch in file.iter_batches()) == rows
    except (pa.ArrowInvalid, OSError):
        return False


def quarantined(folder: RunFolder) -> pa.Table:
    """All records in quarantine, schema QUARANTINE; those since retried with success are left out."""
    tables = [QUARANTINE.empty_table()]
    for path in folder.quarantined():
        if quarantined_rows(folder.filesystem, path) is None:
            continue  # status names it, and the next run makes its unit anew
        table = pq.read_table(path, filesystem=folder.filesystem, schema=QUARANTINE)
        name = path.rsplit("/", 1)[-1].removesuffix(".parquet")
        footer = read_footer(folder.filesystem, folder.retry_part(name))
        if footer is not None:
            back = set(footer["rows_retried"])
            table = table.filter(pa.array([row not in back for row in table.column("row").to_pylist()], pa.bool_()))
        tables.append(table)
    return pa.concat_tables(tables)
