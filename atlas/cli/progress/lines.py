"""Progress as lines on standard error: for people who read a log, and as JSON for programs."""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from atlas.cli.progress import words
from atlas.cli.progress.tally import Tally
from atlas.cli.progress.view import View, every
from atlas.llm.costs import Prices

PLAIN_SECONDS = 30.0
JSON_SECONDS = 5.0


def written(line: str) -> None:
    """One line in one write, so that lines of several processes do not run into each other."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class _Lines:
    """Remembers how far the run is, for the line that comes when it is time."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._now: tuple[str, Tally] | None = None

    def step(self, text: str) -> None:
        self._now = None

    def begun(self, label: str, tally: Tally) -> None:
        self._now = (label, tally)

    def unit(self, tally: Tally) -> None:
        if self._now is not None:
            self._now = (self._now[0], tally)

    def ended(self) -> None:
        self._now = None

    def tick(self) -> None:
        now = self._now
        if now is not None and not now[1].over:
            written(f"atlas: {words.line(*now, self._prices, monotonic())}")


@contextmanager
def plain(prices: Prices, seconds: float = PLAIN_SECONDS) -> Iterator[View]:
    """A line every so often; a run that ends sooner writes none."""
    lines = _Lines(prices)
    with every(seconds, lines.tick):
        yield lines


class _JsonLines:
    """Told by the run's thread and reminded by the clock's: one at a time, so that an end is the last line of a run."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._runs = 0
        self._now: tuple[str, Tally] | None = None

    def step(self, text: str) -> None:
        self.ended()
        written(_json("step", step=text))

    def begun(self, label: str, tally: Tally) -> None:
        self.ended()
        with self._lock:
            self._runs += 1
            self._now = (label, tally)
            self._say("started")
            if tally.over:
                self._end("done")

    def unit(self, tally: Tally) -> None:
        with self._lock:
            if self._now is not None:
                self._now = (self._now[0], tally)
                if tally.over:
                    self._end("done")

    def ended(self) -> None:
        with self._lock:
            if self._now is not None:
                self._end("stopped")

    def tick(self) -> None:
        with self._lock:
            if self._now is not None:
                self._say("progress")

    def _end(self, event: str) -> None:
        self._say(event)
        self._now = None

    def _say(self, event: str) -> None:
        now = self._now
        if now is not None:
            run = f"{socket.gethostname()}-{os.getpid()}-{self._runs}"
            written(_json(event, run=run, step=now[0], **figures(now[1], monotonic())))


@contextmanager
def json_lines(seconds: float = JSON_SECONDS) -> Iterator[View]:
    """An object at the beginning and the end of each run, and every so often in between."""
    lines = _JsonLines()
    with every(seconds, lines.tick):
        try:
            yield lines
        finally:
            lines.ended()


def figures(tally: Tally, now: float) -> dict[str, Any]:
    """The tally by the names of docs/reference/runs.md#progress-as-json-lines."""
    counts = tally.counts
    return {
        "units": tally.units,
        "units_done": tally.before + tally.done,
        "units_done_before": tally.before,
        "records": counts.records_in,
        "chunks": counts.rows,
        "tokens": tally.tokens,
        "labels": counts.labels,
        "quarantined": counts.quarantined,
        "input_bytes": tally.weight,
        "seconds": round(now - tally.started, 3),
        "records_per_s": _rounded(tally.rate(counts.records_in)),
        "tokens_per_s": _rounded(tally.rate(tally.tokens)),
        "seconds_left": _rounded(tally.left(now)),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _json(event: str, **values: Any) -> str:
    return json.dumps({"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **values})
