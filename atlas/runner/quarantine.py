"""The quarantine file of a unit: records that could not be processed, with their reason and content."""

from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.corpus.units import Reject
from atlas.runner.folder import RunFolder
from atlas.storage import atomic_output, delete
from atlas.tables import QUARANTINE

GATHERED_BYTES = 16 << 20  # of contents before they are written, so that a unit of bad records alone fits in memory
GATHERED_RECORDS = 8_192


class QuarantineWriter:
    """Writes a unit's rejects as they come; with none, ``close`` removes the file that an earlier run left.

    Where it lets the file appear, it deletes the part that an earlier run left. That part is of other settings or
    damaged, but if this run was killed now and those settings came back, the file might be taken to go with it.
    """

    def __init__(self, folder: RunFolder, unit: str) -> None:
        self._filesystem, self._path, self._unit = folder.filesystem, folder.quarantine(unit), unit
        self._part = folder.part(unit)
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._records: list[Reject] = []
        self._bytes = 0

    def __enter__(self) -> "QuarantineWriter":
        return self

    def write(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            self._records.append(reject)
            self._bytes += len(reject.content or b"")
            if self._bytes >= GATHERED_BYTES or len(self._records) >= GATHERED_RECORDS:
                self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            stream = self._open.enter_context(atomic_output(self._filesystem, self._path))
            self._writer = pq.ParquetWriter(stream, QUARANTINE, compression="zstd", write_page_checksum=True)
        rows = [{"unit": self._unit, **{name: getattr(r, name) for name in _FIELDS}} for r in self._records]
        self._writer.write_table(pa.Table.from_pylist(rows, schema=QUARANTINE))
        self._records, self._bytes = [], 0

    def close(self) -> None:
        """Let the file appear, whole."""
        if self._records:
            self._flush()
        if self._writer is None:
            delete(self._filesystem, self._path)
            return
        self._writer.close()
        delete(self._filesystem, self._part)
        self._open.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            return
        if self._writer is not None:
            self._writer.is_open = False  # else the garbage collector would end a file that is given up
        self._open.__exit__(kind, error, trace)


_FIELDS = ("row", "location", "doc_id", "reason", "detail", "content")
