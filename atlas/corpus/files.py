"""Find a corpus's files and tell their format and content digest."""

import glob
import hashlib
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


@dataclass(frozen=True, slots=True)
class File:
    """``label`` is the path below the corpus's common folder: it names parts and generated ids."""

    path: str
    label: str
    format: str
    size: int


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
    infos = [info for info in _listing(filesystem, path) if _visible(info)]
    if not infos:
        raise AtlasError(f"{url}: no such file or folder; give a file, a folder, a glob or a URL")
    root = _common_folder([info.path for info in infos])
    files = [
        File(info.path, info.path[len(root) :].lstrip("/"), kind, info.size or 0)
        for info in sorted(infos, key=lambda info: info.path)
        if (kind := format_of(info.path)) is not None
    ]
    if not files:
        known = ", ".join(sorted(ENDINGS))
        raise AtlasError(f"{url}: holds no corpus file; files must end in one of {known}")
    return filesystem, files


def _listing(filesystem: pafs.FileSystem, path: str) -> Iterable[pafs.FileInfo]:
    if any(mark in path for mark in "*?["):
        if is_local(filesystem):
            matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (the pattern is absolute)
            return filesystem.get_file_info(matches)
        fixed = path[: min(path.index(mark) for mark in "*?[" if mark in path)].rsplit("/", 1)[0]
        selector = pafs.FileSelector(fixed, recursive=True)
        import fnmatch

        return [info for info in filesystem.get_file_info(selector) if fnmatch.fnmatch(info.path, path)]
    info = filesystem.get_file_info(path)
    if info.type == pafs.FileType.Directory:
        return filesystem.get_file_info(pafs.FileSelector(path, recursive=True))
    return [info]


def _visible(info: pafs.FileInfo) -> bool:
    name = info.path.rsplit("/", 1)[-1]
    return info.type == pafs.FileType.File and not name.startswith((TEMPORARY, ".", "_"))


def _common_folder(paths: list[str]) -> str:
    if len(paths) == 1:
        return paths[0].rsplit("/", 1)[0]
    folders = [path.split("/")[:-1] for path in paths]
    shared = 0
    while all(len(f) > shared for f in folders) and len({f[shared] for f in folders}) == 1:
        shared += 1
    return "/".join(folders[0][:shared])


def content_digest(filesystem: pafs.FileSystem, files: Iterable[File]) -> str:
    """Digest of what files hold. Remote files: of their size and time of change, as no store tells more."""
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for file in files:
        if not is_local(filesystem):
            info = filesystem.get_file_info(file.path)
            state.update(f"{file.label}\0{info.size}\0{info.mtime_ns}\0".encode())
            continue
        state.update(f"{file.size}\0".encode())
        with Path(file.path).open("rb") as stream:
            while block := stream.read(1 << 22):
                state.update(block)
    return state.hexdigest()
