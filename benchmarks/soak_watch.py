"""Count the parts of a run that are begun and finished, as the kernel tells it (inotify; Linux)."""

import ctypes
import os
import select
import struct
from collections import Counter
from pathlib import Path

from atlas.storage import TEMPORARY

CREATED, MOVED_HERE, LOST = 0x100, 0x80, 0x4000
_EVENT = struct.Struct("iIII")


class Watch:
    """Every file that is begun in a folder and every one that gets its name there, since this was made.

    ``begun`` counts the units that any worker took up, however they ended; ``finished`` how often each part appeared.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        libc = ctypes.CDLL(None, use_errno=True)
        self._events = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._events < 0 or libc.inotify_add_watch(self._events, bytes(folder), CREATED | MOVED_HERE) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
        self.begun = 0
        self.finished: Counter[str] = Counter()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._events)

    def read(self, wait_seconds: float = 0.0) -> None:
        """Take in what has happened; wait for something to happen for at most so long."""
        while select.select([self._events], [], [], wait_seconds)[0]:
            wait_seconds = 0.0
            raw = os.read(self._events, 1 << 16)
            while raw:
                _, kind, _, length = _EVENT.unpack_from(raw)
                name = raw[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
                raw = raw[_EVENT.size + length :]
                self._note(kind, name)

    def _note(self, kind: int, name: str) -> None:
        if kind & LOST:
            raise RuntimeError("the kernel dropped events, so units can't be counted; read more often")
        if kind & CREATED and name.startswith(TEMPORARY):
            self.begun += 1
        if kind & MOVED_HERE and not name.startswith(TEMPORARY):
            self.finished[name] += 1

    @property
    def parts(self) -> int:
        """Parts finished, each as often as it was."""
        return self.finished.total()
