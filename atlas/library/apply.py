"""Make an edit in a library's folder: YAML first, then a line of history."""

import difflib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from atlas.errors import AtlasError
from atlas.library import history, store
from atlas.library.concept import Library
from atlas.library.edit import Edit

Make = Callable[[Library, int], Edit]
"""A library and the next free id → the edit."""


@dataclass(frozen=True, slots=True)
class Applied:
    """An edit, the library before it, and in a dry run the lines of YAML that it changes, as a unified diff."""

    edit: Edit
    before: Library
    lines: str


def apply(folder: Path, make: Make, *, who: str, why: str = "", dry_run: bool = False) -> Applied:
    """Load a library, edit it, write it, and note who did it and why. With ``dry_run`` nothing is written.

    Were the process killed between the two, the YAML would hold the edit and the history not: as by hand.

    Raises:
        AtlasError: as of the edit; or another edit of this folder is going on. Nothing is written then.
    """
    with _alone(folder):
        before = store.load(folder)
        edit = make(before, history.next_id(before, history.read(folder)))
        lines = _yaml_lines(folder, edit.library) if dry_run else ""
        if not dry_run:
            store.save(edit.library, folder)
            history.append(folder, _entry(before, edit, who, why))
    return Applied(edit, before, lines)


def _entry(before: Library, edit: Edit, who: str, why: str) -> history.Entry:
    return history.Entry(
        history.now(),
        who,
        edit.command,
        edit.what,
        why,
        edit.ids,
        edit.made,
        {str(id_): list(parts) for id_, parts in edit.split_into.items()},
        history.changes(before, edit.library),
        (before.digest, edit.library.digest),
    )


def _yaml_lines(folder: Path, library: Library) -> str:
    """What saving would change, found out on a copy."""
    with tempfile.TemporaryDirectory() as copy:
        there = Path(copy)
        for path in folder.glob("*.yaml"):
            shutil.copy(path, there)
        store.save(library, there)
        names = sorted({path.name for path in (*folder.glob("*.yaml"), *there.glob("*.yaml"))})
        found: list[str] = []
        for name in names:
            old, new = (_lines(place / name) for place in (folder, there))
            found += difflib.unified_diff(old, new, f"{folder.name}/{name}", f"{folder.name}/{name}")
    return "".join(found)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder itself, so that of two edits at once none is lost; it leaves no file behind."""
    if not folder.is_dir():
        raise AtlasError(f"{folder}: no such library folder; name one with --library")
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AtlasError(f"{folder}: another edit is going on; try again when it has ended") from None
        yield
    finally:
        os.close(descriptor)
