"""Files on any filesystem: open by URL, write whole or not at all."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from atlas.errors import AtlasError

TEMPORARY = ".tmp-"  # first characters of files being written; listings pass over them
COPY_BYTES = 8 << 20


def resolve(url: str | Path) -> tuple[pafs.FileSystem, str]:
    """Filesystem and path behind a local path, a pyarrow URI (``s3://``, ``gs://``, ``hdfs://``) or any fsspec URL."""
    text = str(url)
    if "://" not in text:
        return pafs.LocalFileSystem(), str(Path(text).expanduser().absolute())
    try:
        return pafs.FileSystem.from_uri(text)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as unknown:
        import fsspec

        try:
            filesystem, path = fsspec.core.url_to_fs(text)
        except (ValueError, ImportError) as error:
            raise AtlasError(f"{text}: no filesystem for this address ({error})") from unknown
        return pafs.PyFileSystem(pafs.FSSpecHandler(filesystem)), path


def is_local(filesystem: pafs.FileSystem) -> bool:
    return isinstance(filesystem, pafs.LocalFileSystem)


@contextmanager
def atomic_output(filesystem: pafs.FileSystem, path: str) -> Iterator[Any]:
    """A binary stream whose bytes appear at ``path`` whole, or not at all.

    Locally: written aside, fsynced, renamed, and the folder fsynced. For object stores: gathered in a local
    temporary file, and uploaded only when the block has ended well.
    """
    if not is_local(filesystem):
        # An upload can't be begun earlier: streams of object stores complete it whenever they are closed, and
        # they are closed by the garbage collector too.
        with tempfile.TemporaryFile() as whole:
            yield whole
            whole.seek(0)
            with filesystem.open_output_stream(path) as upload:
                shutil.copyfileobj(whole, upload, COPY_BYTES)
        return
    target = Path(path)
    aside = target.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        with aside.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a small local text file atomically, making its folder where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(pafs.LocalFileSystem(), str(path)) as stream:
        stream.write(text.encode())
