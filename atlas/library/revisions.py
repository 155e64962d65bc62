"""A library as it is in a folder, or as it was in a git revision."""

import io
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from atlas.errors import AtlasError
from atlas.library import history, store
from atlas.library.concept import Library


@dataclass(frozen=True, slots=True)
class Version:
    """A library with its history, and how it was asked for."""

    name: str
    library: Library
    entries: list[history.Entry]


def version(asked: str) -> Version:
    """The library of ``FOLDER``, or of ``REVISION:FOLDER`` in git.

    Raises:
        AtlasError: there is no such folder or revision, or the library does not load.
    """
    folder = Path(asked)
    if folder.is_dir():
        return _loaded(asked, folder)
    revision, colon, path = asked.partition(":")
    if not colon:
        raise AtlasError(f"{asked}: no such library folder; give a folder, or REVISION:FOLDER for one in git")
    with tempfile.TemporaryDirectory() as copy:
        with tarfile.open(fileobj=io.BytesIO(_archive(revision, Path(path or ".")))) as archive:
            archive.extractall(copy, filter="data")
        try:
            return _loaded(asked, Path(copy))
        except AtlasError as error:
            raise AtlasError(str(error).replace(copy, asked)) from None


def _loaded(name: str, folder: Path) -> Version:
    return Version(name, store.load(folder), history.read(folder))


def _archive(revision: str, folder: Path) -> bytes:
    """The folder in a revision, as tar; the folder need not be there any more."""
    within, below = folder, "./"
    while not within.is_dir():
        within, below = within.parent, f"./{folder.relative_to(within.parent)}"
    tree = _git(within, "rev-parse", "--verify", f"{revision}:{below}")
    if tree.returncode:
        raise AtlasError(
            f"{revision}:{folder}: git has no such folder ({_last(tree.stderr)}); commit the library first"
        )
    archived = _git(within, "archive", "--format=tar", tree.stdout.decode().strip())
    if archived.returncode:
        raise AtlasError(f"{revision}:{folder}: git can't read it ({_last(archived.stderr)})")
    return archived.stdout


def _git(within: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        # `git archive` refuses to write a tree's parent folders, so it is asked from the top.
        top = subprocess.run(
            ["git", "-C", str(within), "rev-parse", "--show-toplevel"], capture_output=True, check=False
        )
        place = top.stdout.decode().strip() if arguments[0] == "archive" else str(within)
        return subprocess.run(["git", "-C", place or ".", *arguments], capture_output=True, check=False)
    except OSError as error:
        raise AtlasError(f"git can't be run ({error.strerror}); compare two folders instead") from None


def _last(message: bytes) -> str:
    lines = message.decode(errors="replace").strip().splitlines()
    return (lines or ["no reason given"])[0].removeprefix("fatal: ")
