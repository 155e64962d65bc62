"""Progress as metrics for Prometheus: over HTTP while the run goes on, and in a file for node_exporter."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, time

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    start_http_server,
    write_to_textfile,
)

from atlas import __version__
from atlas.cli.progress.tally import Tally
from atlas.cli.progress.view import View, every
from atlas.errors import AtlasError

FILE_SECONDS = 10.0
EVERY_INTERFACE = "0.0.0.0"


class _Metrics:
    """The metrics of docs/reference/runs.md#metrics; each has the step as its label."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._info = self._gauge("run_info", "Of which version and process these metrics are", "version", "host", "pid")
        self._running = self._gauge("running", "Whether the step is at work")
        self._units = self._gauge("units", "Units of the run")
        self._units_done = self._gauge("units_done", "Units done, by earlier sittings too")
        self._left = self._gauge("time_left_seconds", "Time left at the pace so far")
        self._started = self._gauge("start_time_seconds", "When the step started (Unix time)")
        self._last = self._gauge("last_unit_time_seconds", "When the last unit was done (Unix time)")
        self._documents = self._counter("documents", "Documents read by this process's run")
        self._chunks = self._counter("chunks", "Chunks written")
        self._tokens = self._counter("tokens", "Tokens of the chunks; of a tag run those that the LLM read and wrote")
        self._labels = self._counter("labels", "Concepts given")
        self._quarantined = self._counter("quarantined", "Records put in quarantine")
        self._bytes = self._counter("input_bytes", "Input bytes of the units done")
        self._label = ""
        self._tally: Tally | None = None

    def _gauge(self, name: str, text: str, *further: str) -> Gauge:
        return Gauge(f"atlas_{name}", text, ["step", *further], registry=self.registry)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"atlas_{name}", text, ["step"], registry=self.registry)

    def step(self, text: str) -> None:
        self.ended()

    def begun(self, label: str, tally: Tally) -> None:
        self.ended()
        self._label, self._tally = label, tally
        self._info.labels(label, __version__, socket.gethostname(), str(os.getpid())).set(1)
        self._running.labels(label).set(1)
        self._units.labels(label).set(tally.units)
        self._started.labels(label).set(time())
        self._left.labels(label).set_function(self.left)
        self._add(tally, Tally(tally.units, 0, tally.todo, 0, 0.0, 0.0))

    def unit(self, tally: Tally) -> None:
        if self._tally is not None:
            self._add(tally, self._tally)
            self._last.labels(self._label).set(time())
            self._tally = tally

    def ended(self) -> None:
        if self._tally is not None:
            self._running.labels(self._label).set(0)
            left = self.left()
            self._left.remove(self._label)  # it followed the clock
            self._left.labels(self._label).set(left)
            self._tally = None

    def left(self) -> float:
        left = None if self._tally is None else self._tally.left(monotonic())
        return float("nan") if left is None else left

    def _add(self, tally: Tally, before: Tally) -> None:
        self._units_done.labels(self._label).set(tally.before + tally.done)
        now, then = tally.counts, before.counts
        steps = {
            self._documents: 0 if tally.by_chunk else now.records_in - then.records_in,
            self._chunks: now.rows - then.rows,
            self._tokens: tally.tokens - before.tokens,
            self._labels: now.labels - then.labels,
            self._quarantined: now.quarantined - then.quarantined,
            self._bytes: tally.weight - before.weight,
        }
        for counter, amount in steps.items():
            counter.labels(self._label).inc(amount)


@contextmanager
def metrics(port: int | None, file: Path | None) -> Iterator[View]:
    """Metrics at ``http://HOST:port/metrics`` while the block runs, and in ``file`` every so often and at its end.

    Raises:
        AtlasError: the port is taken, or the file can't be written.
    """
    disable_created_metrics()  # one start time for all is enough
    kept = _Metrics()
    with ExitStack() as stack:
        if port is not None:
            try:
                server, thread = start_http_server(port, EVERY_INTERFACE, kept.registry)
            except OSError as error:
                raise AtlasError(f"--metrics-port {port}: {error.strerror or error}; choose another port") from error
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
        if file is not None:
            try:
                write_to_textfile(str(file), kept.registry)
            except OSError as error:
                raise AtlasError(f"--metrics-file {file}: can't be written ({error.strerror or error})") from error
            stack.callback(_refresh, file, kept)
            stack.enter_context(every(FILE_SECONDS, lambda: _refresh(file, kept)))
        try:
            yield kept
        finally:
            kept.ended()


def _refresh(file: Path, kept: _Metrics) -> None:
    """A run of days is not to end because of its metrics."""
    try:
        write_to_textfile(str(file), kept.registry)
    except OSError as error:
        sys.stderr.write(f"atlas: --metrics-file {file}: not written ({error.strerror or error})\n")
