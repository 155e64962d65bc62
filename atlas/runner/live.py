"""Whether somebody is at work on a run."""

import fcntl
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from atlas.runner.folder import LOCK, RunFolder
from atlas.runner.sittings import Sitting, age
from atlas.storage import is_local

SILENT_SECONDS = 1800.0  # after which a sitting elsewhere, of which nothing else can be known, counts as stopped


def held(folder: RunFolder) -> bool | None:
    """Whether a run holds the folder's lock, or a shard its own; None on object stores, where there are no locks.

    The lock is asked for, and given back at once, as one that readers share: a shard that starts meanwhile is not kept
    out by it, and a whole run only if it starts within these microseconds.
    """
    if not is_local(folder.filesystem):
        return None
    return any(_taken(path) for path in Path(folder.root).glob(f"{LOCK}*"))


def _taken(lock: Path) -> bool:
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def at_work(log: Iterable[Sitting], locked: bool | None) -> list[Sitting]:
    """The sittings that go on, as far as can be told: ``locked`` is what ``held`` says of their folder.

    Of each shard only the last can: one that was killed has no end noted either.
    """
    last = {sitting.how.get("shard"): sitting for sitting in log}
    return [
        sitting for sitting in last.values() if not sitting.ended and locked is not False and _shows(sitting, locked)
    ]


def _shows(sitting: Sitting, locked: bool | None) -> bool:
    """Whether a sitting shows life: its process is there, or, where it is elsewhere, the lock or a recent unit."""
    if sitting.host == socket.gethostname():
        return _exists(sitting.pid)
    return bool(locked) or age(sitting.last or sitting.started) < SILENT_SECONDS


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
