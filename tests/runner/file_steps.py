"""What a process does to files of a run, step by step, so that it can be made to die at each.

A step is told before it is taken: to begin a file aside, to sync it, to give it its name, to sync its folder, to delete
a file. Rows are told of when they are written, which leaves a file half-written.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from atlas.runner import superseded
from atlas.storage import TEMPORARY

Told = Callable[[str], None]


def tell_each_step(out: Path, told: Told) -> None:
    """Call ``told`` with the name of each step that this process takes from here on. It can't be undone."""
    root = str(out)

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[1]).startswith("w") and f"{root}/" in str(arguments[0]):
            if TEMPORARY in str(arguments[0]):
                told(f"begin in {_place(root, arguments[0])}")
        elif event == "os.rename" and str(arguments[1]).startswith(root):
            told(f"rename to {_inside(root, arguments[1])}")

    sync, write, delete = os.fsync, pq.ParquetWriter.write_table, Path.unlink

    def told_sync(descriptor: int) -> None:
        told(f"sync {_inside(root, Path(f'/proc/self/fd/{descriptor}').readlink())}")
        sync(descriptor)

    def told_write(self: pq.ParquetWriter, *arguments: object, **named: object) -> None:
        write(self, *arguments, **named)
        told("rows written")

    def told_delete(self: Path, missing_ok: bool = False) -> None:
        if str(self).startswith(root):
            told(f"delete {_inside(root, self)}")
        delete(self, missing_ok)

    remove = superseded.delete

    def told_remove(filesystem: FileSystem, path: str) -> None:
        told(f"delete {_inside(root, path)}")
        remove(filesystem, path)

    superseded.delete = told_remove  # type: ignore[attr-defined]
    os.fsync, Path.unlink = told_sync, told_delete  # type: ignore[method-assign]
    pq.ParquetWriter.write_table = told_write
    sys.addaudithook(heard)


def _place(root: str, path: object) -> str:
    return _inside(root, path).rpartition("/")[0] or "."


def _inside(root: str, path: object) -> str:
    """The path below the run's folder, without what is other each time."""
    inside = str(path).removeprefix(root).lstrip("/") or "."
    return inside.partition(TEMPORARY)[0] + TEMPORARY if TEMPORARY in inside else inside


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
