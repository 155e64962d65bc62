"""Find a corpus's files and tell their format and content digest."""

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

from atlas.digest import DIGEST_BYTES
from atlas.errors import AtlasError
from atlas.storage import TEMPORARY, is_local, resolve

ENDINGS = {
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl.gz",
    ".jsonl.zst": "jsonl.zst",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl.gz",
    ".json.gz": "jsonl.gz",
    ".json.zst": "jsonl.zst",
    ".txt": "text",
    ".md": "text",
    ".rst": "text",
}
GLOB_MARKS = "*?["
HIDDEN = (TEMPORARY, ".", "_")  # first characters of what is hidden or unfinished


@dataclass(frozen=True, slots=True)
class File:
    """``label`` is the path below the corpus's common folder: it names parts and generated ids.

    ``changed_ns`` is when it last changed (of local files, when their inode did: that can't be set back), if known.
    """

    path: str
    label: str
    format: str
    size: int
    changed_ns: int | None = None


def format_of(path: str) -> str | None:
    """The format that a file name's ending stands for."""
    name = path.rsplit("/", 1)[-1].lower()
    return next((ENDINGS[e] for e in sorted(ENDINGS, key=len, reverse=True) if name.endswith(e)), None)


def find(url: str) -> tuple[pafs.FileSystem, list[File]]:
    """The corpus files behind a file, folder, glob or URL, in the order of their paths.

    Raises:
        AtlasError: nothing is there, or no file of a known format.
    """
    filesystem, files = each(url)
    return filesystem, list(files)


def each(url: str) -> tuple[pafs.FileSystem, Iterator[File]]:
    """As ``find``, but one by one: of a local folder, no more than the names in a folder are held."""
    filesystem, path = resolve(url)
    return filesystem, _each(url, filesystem, path)


def _each(url: str, filesystem: pafs.FileSystem, path: str) -> Iterator[File]:
    any_there = False
    try:
        root, found = _listing(filesystem, path)
        if found is None:
            raise AtlasError(f"{url}: no such file or folder; give a file, a folder, a glob or a URL")
        for where, size, changed in found:
            if (kind := format_of(where)) is not None:
                any_there = True
                yield File(where, where[len(root) :].lstrip("/"), kind, size, changed)
    except UnicodeError as error:
        raise AtlasError(f"{url}: holds a file whose name is not UTF-8 ({_bytes(error)!r}); rename it") from None
    if not any_there:
        known = ", ".join(sorted(ENDINGS))
        raise AtlasError(f"{url}: holds no corpus file; files must end in one of {known}")


def _bytes(error: UnicodeError) -> object:
    """The name that is not UTF-8."""
    name = getattr(error, "object", b"")
    return os.fsencode(name) if isinstance(name, str) else name


Listed = tuple[str, int, int | None]  # path, size, and when it last changed


def _listing(filesystem: pafs.FileSystem, path: str) -> tuple[str, Iterable[Listed] | None]:
    """The folder that labels are relative to, which no new file changes, and the files; None where nothing is."""
    info = filesystem.get_file_info(path)
    if info.type == pafs.FileType.File:
        return path.rpartition("/")[0], _told(filesystem, [info])
    if info.type == pafs.FileType.Directory:
        if is_local(filesystem):
            return path, map(_stat, _walked(path))
        return path, _told(
            filesystem, _visible(path, filesystem.get_file_info(pafs.FileSelector(path, recursive=True)))
        )
    if not any(mark in path for mark in GLOB_MARKS):
        return path, None
    fixed = path[: min(path.index(mark) for mark in GLOB_MARKS if mark in path)].rpartition("/")[0]
    if is_local(filesystem):
        infos = filesystem.get_file_info(sorted(glob.glob(path, recursive=True)))  # noqa: PTH207 (absolute)
    else:
        selector = pafs.FileSelector(fixed, recursive=True, allow_not_found=True)
        pattern = re.compile(_pattern(path))
        infos = [info for info in filesystem.get_file_info(selector) if pattern.fullmatch(info.path)]
    visible = _visible(fixed, infos)
    return fixed, _told(filesystem, visible) if visible else None


def _walked(folder: str) -> Iterator[str]:
    """Paths of the visible files of a local folder and all below it, in order."""
    with os.scandir(folder) as entries:
        shown = (entry for entry in entries if not entry.name.startswith(HIDDEN))
        names = sorted(f"{e.name}/" if e.is_dir() else e.name for e in shown if e.is_dir() or e.is_file())
    for name in names:
        path = f"{folder}/{name}"
        path.encode()  # or UnicodeEncodeError
        if name.endswith("/"):
            yield from _walked(path[:-1])
        else:
            yield path


def _stat(path: str) -> Listed:
    # os.stat, as making a Path takes twice as long as asking for the time: a corpus may have 100,000 files
    told = os.stat(path)  # noqa: PTH116
    return path, told.st_size, told.st_ctime_ns


def _told(filesystem: pafs.FileSystem, infos: list[pafs.FileInfo]) -> Iterator[Listed]:
    for info in sorted(infos, key=lambda info: info.path):
        yield _stat(info.path) if is_local(filesystem) else (info.path, info.size or 0, info.mtime_ns)


def _pattern(path: str) -> str:
    """A glob as a regular expression with the meaning it has on local files: only ``**`` reaches into folders."""
    wild = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*|\?|\[[^]]+\])", path)
    return "".join(
        piece.replace("[!", "[^") if piece.startswith("[") else wild.get(piece, re.escape(piece)) for piece in pieces
    )


def _visible(root: str, infos: Iterable[pafs.FileInfo]) -> list[pafs.FileInfo]:
    """Without folders, and without what a name's first character marks as hidden or unfinished."""
    return [
        info
        for info in infos
        if info.type == pafs.FileType.File
        and not any(name.startswith(HIDDEN) for name in info.path[len(root) :].split("/"))
    ]


def content_digest(filesystem: pafs.FileSystem, files: Iterable[File]) -> str:
    """Digest of the labels of files and what they hold.

    Remote files are not read: their size stands for it, with their time of change, or whatever else their
    store tells of them.
    """
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for file in files:
        if not is_local(filesystem):
            changed: int | str | None = file.changed_ns
            if changed is None and isinstance(filesystem, pafs.PyFileSystem):
                changed = filesystem.handler.fs.ukey(file.path)
            state.update(f"{file.label}\0{file.size}\0{changed}\0".encode())
            continue
        state.update(f"{file.label}\0{file.size}\0".encode())
        with Path(file.path).open("rb") as stream:
            while block := stream.read(1 << 22):
                state.update(block)
    return state.hexdigest()
