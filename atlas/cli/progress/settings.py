"""How a run is to be watched."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

How = Literal["auto", "bar", "json", "none"]


@dataclass(frozen=True, slots=True)
class Watching:
    """``auto`` is a bar on a terminal, and elsewhere a line now and then, so that a log shows life.

    Metrics for Prometheus are served at ``port``, and written to ``file`` for node_exporter's textfile collector.
    """

    how: How = "auto"
    port: int | None = None
    file: Path | None = None
