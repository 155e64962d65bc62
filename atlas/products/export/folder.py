"""The folder that an export writes: claimed, locked, resumed; every file whole or not at all."""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

from atlas import __version__
from atlas.errors import AtlasError
from atlas.storage import TEMPORARY, atomic_output, is_local, resolve, stopped

MANIFEST = "export.json"


@dataclass(frozen=True, slots=True)
class ExportFolder:
    """A folder or URL with the files of one export, and a manifest that says which they are."""

    filesystem: pafs.FileSystem
    root: str
    url: str

    @classmethod
    def at(cls, url: str | Path) -> "ExportFolder":
        if not str(url):
            raise AtlasError("the name of the export's folder is empty; name one")
        filesystem, root = resolve(url)
        return cls(filesystem, root.rstrip("/"), str(url))

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def size(self, name: str) -> int | None:
        """A file's bytes, counted, or None where there is none."""
        info = self.filesystem.get_file_info(self.path(name))
        return info.size if info.type == pafs.FileType.File else None

    def read(self, name: str) -> bytes | None:
        """A file's bytes, or None where there is none."""
        if self.size(name) is None:
            return None
        with self.filesystem.open_input_stream(self.path(name)) as stream:
            return stream.read()

    def manifest(self) -> dict[str, Any] | None:
        raw = self.read(MANIFEST)
        try:
            return None if raw is None else json.loads(raw)
        except ValueError as error:
            raise AtlasError(f"{self.path(MANIFEST)}: is damaged ({error}); delete it and export again") from error

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, unless it is there with this content."""
        if self.read(name) != content:
            with self.create(name) as stream:
                stream.write(content)

    @contextmanager
    def create(self, name: str) -> Iterator[Any]:
        """A binary stream; the file appears whole, or not at all."""
        folder = self.path(name).rpartition("/")[0]
        self.filesystem.create_dir(folder, recursive=True)
        with atomic_output(self.filesystem, self.path(name)) as stream:
            yield stream

    def remove(self, name: str) -> None:
        if self.size(name) is not None:
            self.filesystem.delete_file(self.path(name))

    def check(self, product: str, run: str) -> None:
        """See that the folder is this export's, or free to become so. Touches nothing.

        Raises:
            AtlasError: it holds another export, or files that are none of an export.
        """
        if self.filesystem.get_file_info(self.root).type == pafs.FileType.File:
            raise AtlasError(f"{self.url}: is a file; choose an empty or new folder")
        there = self.manifest()
        if there is not None:
            if (there.get("product"), there.get("run")) != (product, run):
                raise AtlasError(
                    f"{self.url}: holds another export ({there.get('product')} of {there.get('run')}); this one is "
                    f"{product} of {run}. Choose another folder, or delete that one"
                )
            return
        selector = pafs.FileSelector(self.root, allow_not_found=True)
        strangers = sorted(i.base_name for i in self.filesystem.get_file_info(selector) if i.base_name[:1] != ".")
        if strangers:
            raise AtlasError(
                f"{self.url}: holds files that are not an export's ({', '.join(strangers[:3])}); "
                "choose an empty or new folder"
            )

    def note(self, manifest: Mapping[str, Any]) -> None:
        self.write(MANIFEST, (json.dumps({"atlas": __version__, **manifest}, indent=2) + "\n").encode())

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder (locally; a second export is refused), leave nothing half-written, put disk errors in words.

        Raises:
            AtlasError: another export writes here; the disk is full, or the folder can't be written to.
        """
        try:
            with self._lock():
                self._sweep()
                try:
                    yield
                finally:
                    self._sweep()
        except OSError as error:
            raise stopped(self.url, error) from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        if not is_local(self.filesystem):
            yield
            return
        Path(self.root).mkdir(parents=True, exist_ok=True)
        with (Path(self.root) / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AtlasError(f"{self.url}: another export is writing here; wait for it, or stop it") from None
            yield

    def _sweep(self) -> None:
        if is_local(self.filesystem):
            for leftover in Path(self.root).rglob(f"{TEMPORARY}*"):
                leftover.unlink(missing_ok=True)
