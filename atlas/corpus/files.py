"""Find a corpus's files and tell their format and content digest."""

import glob
import hashlib
import os
import re
from collections.abc import Iterable
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
    """The corpus files behind a file, folder, glob or URL, in name order.

    Raises:
        AtlasError: nothing is there, or no file of a known format.
    """
    filesystem, path = resolve(url)
    try:
        root, infos = _listing(filesystem, path)
    except UnicodeDecodeError as error:
        raise AtlasError(f"{url}: holds a file whose name is not UTF-8 ({error.object!r}); rename it") from None
    if infos is None:
        raise AtlasError(f"{url}: no such file or folder; give a file, a folder, a glob or a URL")
    files = [
        File(info.path, info.path[len(root) :].lstrip("/"), kind, info.size or 0, _changed(filesystem, info))
        for info in sorted(infos, key=lambda info: info.path)
        if (kind := format_of(info.path)) is not None
    ]
    if not files:
        known = ", ".join(sorted(ENDINGS))
        raise AtlasError(f"{url}: holds no corpus file; files must end in one of {known}")
    return filesystem, files


def _changed(filesystem: pafs.FileSystem, info: pafs.FileInfo) -> int | None:
    # os.stat, as making a Path takes twice as long as asking for the time: a corpus may have 100,000 files
    return os.stat(info.path).st_ctime_ns if is_local(filesystem) else info.mtime_ns  # noqa: PTH116


def _listing(filesystem: pafs.FileSystem, path: str) -> tuple[str, list[pafs.FileInfo] | None]:
    """The folder that labels are relative to, which no new file changes, and the files; None where nothing is."""
    info = filesystem.get_file_info(path)
    if info.type == pafs.FileType.File:
        return path.rpartition("/")[0], [info]
    if info.type == pafs.FileType.Directory:
        return path, _visible(path, filesystem.get_file_info(pafs.FileSelector(path, recursive=True)))
    if not any(mark in path for mark in GLOB_MARKS):
        return path, None
    fixed = path[: min(path.index(mark) for mark in GLOB_MARKS if mark in path)].rpartition("/")[0]
    if is_local(filesystem):
        infos = filesystem.get_file_info(sorted(glob.glob(path, recursive=True)))  # noqa: PTH207 (absolute)
    else:
        selector = pafs.FileSelector(fixed, recursive=True, allow_not_found=True)
        pattern = re.compile(_pattern(path))
        infos = [info for info in filesystem.get_file_info(selector) if pattern.fullmatch(info.path)]
    return fixed, _visible(fixed, infos) or None


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
        and not any(name.startswith((TEMPORARY, ".", "_")) for name in info.path[len(root) :].split("/"))
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
