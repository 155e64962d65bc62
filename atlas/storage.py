"""Files on any filesystem: open by URL, write whole or not at all."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.fs as pafs

from atlas import s3
from atlas.errors import AtlasError

TEMPORARY = ".tmp-"  # first characters of files being written; listings pass over them
COPY_BYTES = 8 << 20
STORES_SAY = ("AWS Error", "google::cloud::Status")  # in pyarrow's errors, where the store itself was the cause


def resolve(url: str | Path) -> tuple[pafs.FileSystem, str]:
    """Filesystem and path behind a local path, ``s3://``, a pyarrow URI (``gs://``, ``hdfs://``) or any fsspec URL.

    The filesystem can be pickled, with its settings.

    Raises:
        AtlasError: there is no filesystem for such a URL, or its options are wrong.
    """
    text = str(url)
    if "://" not in text:
        return pafs.LocalFileSystem(), str(Path(text).expanduser().absolute())
    if text.startswith(s3.PREFIX):
        return s3.filesystem_of(text)
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


def stopped(url: str, error: OSError) -> AtlasError:
    """What is told of work on ``url`` that a disk or a store has stopped: why, that nothing is lost, and what to do."""
    where = f"{error.filename}: " if error.filename is not None else ""
    said = f"{where}{error.strerror or error}".rstrip(".")
    first = "" if s3.says_what_to_do(error) else "Make room or mend the rights, then "
    again = f"{first}run the same command again" if first else "Then run the same command again"
    return AtlasError(f"{url}: stopped: {said}. What was finished is kept. {again}.")


@contextmanager
def atomic_output(filesystem: pafs.FileSystem, path: str) -> Iterator[Any]:
    """A binary stream whose bytes appear at ``path`` whole, or not at all.

    Locally: written aside, fsynced, renamed, and the folder fsynced. For object stores: gathered in a local
    temporary file, and uploaded only when the block has ended well.
    """
    if not is_local(filesystem):
        # An upload can't be begun earlier: streams of object stores complete it whenever they are closed, and
        # they are closed by the garbage collector too. For the same reason it has a thread of its own: Ctrl-C comes
        # to the main thread alone, and in the middle of an upload it would close the stream and complete the object.
        with tempfile.TemporaryFile() as whole:
            yield whole
            with ThreadPoolExecutor(1) as thread:
                thread.submit(_upload, whole, filesystem, path).result()
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


def _upload(whole: IO[bytes], filesystem: pafs.FileSystem, path: str) -> None:
    whole.seek(0)
    # By itself, pyarrow would compress what is written to a path that ends in .gz.
    with s3.in_words(), filesystem.open_output_stream(path, compression=None) as upload:
        shutil.copyfileobj(whole, upload, COPY_BYTES)


def delete(filesystem: pafs.FileSystem, path: str) -> None:
    """Delete a file, if it is there. On object stores this takes one request less than asking first."""
    with suppress(FileNotFoundError):
        filesystem.delete_file(path)


def below(url: str, name: str) -> str:
    """The URL or path of what has this name in the folder at ``url``, whose options it keeps."""
    if "://" not in url:
        return f"{url}/{name}"
    address, mark, options = url.partition("?")
    return f"{address.rstrip('/')}/{name}{mark}{options}"


def store_failed(error: Exception) -> bool:
    """Whether a file's store did not give it, as against a file that is not there, or was read and is damaged."""
    if not isinstance(error, OSError) or isinstance(error, FileNotFoundError):
        return False
    return error.errno is not None or isinstance(error, ConnectionError) or any(m in str(error) for m in STORES_SAY)


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
