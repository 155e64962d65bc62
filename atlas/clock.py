"""Seconds by step, for cards and summaries."""

import time


class Clock:
    """``seconds`` of each step, from the end of the one before; the first from when the clock was made."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
