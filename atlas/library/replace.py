"""Several files replaced as one, by one process at a time."""

import errno
import fcntl
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from atlas.errors import AtlasError
from atlas.storage import TEMPORARY

LOCK = ".lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock file. The system drops the lock of a process that dies, so none is ever stale.

    Raises:
        AtlasError: another process holds it; the message says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
            break
        os.close(descriptor)  # its holder took the file away before we had the lock: try again
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
        raise AtlasError(
            f"{path.parent}: is being written by {holder}; wait until it has ended, then run this again"
        ) from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):  # file systems without locks
            raise


def replace_all(texts: Mapping[Path, bytes | None]) -> None:
    """Write files anew, or delete those of None: all are written aside first, then all are renamed.

    What can fail (a full disk, no permission) fails before the first rename. Deletions come last, so that a crash
    between the renames leaves a concept in two files, never in none.
    """
    aside = {path: path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}") for path, text in texts.items() if text is not None}
    try:
        for path, temporary in aside.items():
            with temporary.open("wb") as stream:
                stream.write(texts[path] or b"")
                stream.flush()
                os.fsync(stream.fileno())
            if path.exists():
                temporary.chmod(path.stat().st_mode & 0o7777)
        for path, temporary in aside.items():
            temporary.replace(path)
    finally:
        for temporary in aside.values():
            temporary.unlink(missing_ok=True)
    for path, text in texts.items():
        if text is None:
            path.unlink()
    for folder in {path.parent for path in texts}:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
