"""What the runner asks of a stage. A stage knows nothing of files, workers or retries."""

from collections.abc import Callable
from typing import Any, Protocol

import pyarrow as pa

Process = Callable[[pa.RecordBatch], pa.RecordBatch]


class Stage(Protocol):
    """Settings and models that turn a record batch into a record batch.

    A stage is small and picklable; ``load`` is called once per worker and may be slow. Every record that goes
    in must come out as at least one row that carries its ``key_columns``; the function may raise on any
    record: the runner finds the record and quarantines it.
    """

    @property
    def name(self) -> str: ...

    def schema(self, carried: pa.Schema) -> pa.Schema:
        """Schema of the output; ``carried`` are further input columns that go through."""

    def identity(self) -> dict[str, Any]:
        """What the output depends on, besides the input: settings, and digests of models and library."""

    def load(self) -> Process: ...
