"""What a run counts, and how rows are counted."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.tables import SUMMED


@dataclass(frozen=True, slots=True)
class Counts:
    """Records of a unit or run. Without loss: ``records_in == records_out + quarantined``.

    ``sums`` are of the table's columns that are to be added up.
    """

    records_in: int = 0
    records_out: int = 0
    quarantined: int = 0
    rows: int = 0
    empty: int = 0
    tokens: int = 0
    labels: int = 0
    sums: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        sums = self.sums
        if other.sums:
            sums = {name: sums.get(name, 0) + other.sums.get(name, 0) for name in {**sums, **other.sums}}
        return Counts(  # field by field: runs of 100,000 parts add up as many
            self.records_in + other.records_in,
            self.records_out + other.records_out,
            self.quarantined + other.quarantined,
            self.rows + other.rows,
            self.empty + other.empty,
            self.tokens + other.tokens,
            self.labels + other.labels,
            sums,
        )

    @property
    def holds(self) -> bool:
        return self.records_in == self.records_out + self.quarantined


def counted(rows: pa.RecordBatch) -> Counts:
    """Counted from the rows themselves, not from what went in, so that the balance can fail."""
    names = rows.schema.names
    return Counts(
        records_out=_records(rows),
        rows=rows.num_rows,
        empty=pc.sum(pc.equal(rows.column("status"), "empty")).as_py() or 0,
        tokens=_sum(rows, "token_count"),
        labels=_values(rows.column("concept_ids")) if "concept_ids" in names else 0,
        sums={name: _sum(rows, name) for name in SUMMED if name in names},
    )


def _records(rows: pa.RecordBatch) -> int:
    """A document is counted at its first chunk; in tables of tags, each chunk is a record of its own."""
    chunk_ids = rows.column("chunk_id").to_numpy(zero_copy_only=False)
    if "tag_status" not in rows.schema.names:
        return int(np.count_nonzero(chunk_ids == 0))
    keys = pa.table([rows.column("doc_id"), rows.column("chunk_id")], ["doc_id", "chunk_id"])
    return keys.group_by(["doc_id", "chunk_id"]).aggregate([]).num_rows


def _sum(rows: pa.RecordBatch, name: str) -> int:
    return pc.sum(rows.column(name)).as_py() or 0


def _values(lists: pa.ListArray) -> int:
    """How many values the lists of a column, or of a slice of one, hold together."""
    return pc.sum(pc.list_value_length(lists)).as_py() or 0
