"""A filesystem that shows DuckDB the files of a run, for reading, and nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import local
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
from fsspec.implementations.arrow import ArrowFSWrapper

UNCHANGING = datetime.fromtimestamp(0, UTC)  # parts are written once


class _Place(local):
    """Where in a file a thread is."""

    offset = 0


class _Reading:
    """An open file with a place for each thread: DuckDB's threads share it, and seek and read are two calls."""

    def __init__(self, file: pa.NativeFile) -> None:
        self._file, self._place = file, _Place()

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place.offset = (0, self._place.offset, self._file.size())[whence] + offset
        return self._place.offset

    def tell(self) -> int:
        return self._place.offset

    def read(self, size: int = -1) -> bytes:
        rest = self._file.size() - self._place.offset
        data: bytes = self._file.read_at(rest if size < 0 else min(size, rest), self._place.offset)
        self._place.offset += len(data)
        return data

    def close(self) -> None:
        self._file.close()


class PartsOnly(ArrowFSWrapper):  # type: ignore[misc]
    """Files by number: ``<protocol>://3`` is the fourth of ``paths``. Whatever a query says, none is written to."""

    cachable = False

    def __init__(self, protocol: str, filesystem: pafs.FileSystem, paths: Sequence[str]) -> None:
        super().__init__(filesystem)
        self._protocol = protocol
        self._paths = list(paths)

    @property
    def protocol(self) -> str:
        return self._protocol

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return str(path).split("://", 1)[-1]

    def urls(self) -> list[str]:
        """What DuckDB is to call the files."""
        return [f"{self.protocol}://{number}" for number in range(len(self._paths))]

    def _path(self, name: str) -> str:
        number = self._strip_protocol(name)
        if not number.isdigit() or int(number) >= len(self._paths):
            raise FileNotFoundError(name)
        return self._paths[int(number)]

    def open(self, path: str, mode: str = "rb", *_: Any, **__: Any) -> _Reading:
        if mode != "rb":
            raise PermissionError(f"{path}: a run is read, never written to")
        return _Reading(self.fs.open_input_file(self._path(path)))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return {**super().info(self._path(path)), "name": path}

    def exists(self, path: str, **_: Any) -> bool:
        number = self._strip_protocol(path)
        return number.isdigit() and int(number) < len(self._paths)

    def glob(self, path: str, **_: Any) -> list[str]:
        return [path] if self.exists(path) else []

    def modified(self, path: str) -> datetime:
        return UNCHANGING

    def _refuse(self, *_: Any, **__: Any) -> None:
        raise PermissionError("a run is read, never written to")

    rm = rm_file = mv = cp_file = mkdir = makedirs = rmdir = touch = _refuse
