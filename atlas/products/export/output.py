"""One export from its claim of a folder to its last file: what is there and right is kept."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.products.export import parquet
from atlas.products.export.folder import ExportFolder
from atlas.products.export.source import Source
from atlas.storage import is_local

Watch = Callable[[str], None]  # told what was finished, in a few words

VERSION = 1  # goes into every key: raise it where the output of an export changes


def silent(_: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to: its folder, and the rows or bytes of every file by name."""

    url: str
    files: Mapping[str, Mapping[str, Any]]

    def rows(self, beginning: str = "") -> int:
        """Rows of the files whose names begin so."""
        return sum(file.get("rows", 0) for name, file in self.files.items() if name.startswith(beginning))


@dataclass(frozen=True, slots=True)
class Output:
    """The export that is being made. ``files`` are those that are finished, ``key`` the digest of all of it."""

    folder: ExportFolder
    product: str
    run: str
    key: str
    settings: Mapping[str, Any]
    watch: Watch = silent
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def done(self) -> Exported | None:
        """What the folder holds, where it is all of this export and nothing else is to be done."""
        there = self.folder.manifest() or {}
        if there.get("key") != self.key or not there.get("complete"):
            return None
        for name, said in there["files"].items():
            if self.folder.size(name) is None or ("rows" in said and parquet.rows(self.folder, name) != said["rows"]):
                return None
        return Exported(self.folder.url, there["files"])

    def plan(self, names: Iterable[str]) -> None:
        """Note what files there will be, before the first is written, so that none can be left behind unnoted."""
        before = self.folder.manifest() or {}
        files = {name: {} for name in names} | before.get("files", {})
        self.folder.note(self._manifest(files, complete=False))

    def part_key(self, **of: Any) -> str:
        """Key of a file that depends on less than the whole run."""
        return of_json({"export": VERSION, "product": self.product, "settings": dict(self.settings), **of})

    def parquet(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], key: str | None = None) -> None:
        """Write a Parquet file, unless it is there with this key; by default the file is of the whole run."""
        whole = self.part_key(name=name, source=self.key) if key is None else key
        self.files[name] = {"rows": parquet.write(self.folder, name, whole, schema, batches)}
        self.watch(f"{name}  {self.files[name]['rows']:,} rows")

    def text(self, name: str, content: str) -> None:
        self.folder.write(name, content.encode())
        self.files[name] = {"bytes": len(content.encode())}

    def finish(self) -> Exported:
        """Delete what an earlier export left that is no file of this one, and note that all is there."""
        for name in (self.folder.manifest() or {}).get("files", {}):
            if name not in self.files:
                self.folder.remove(name)
        self.folder.note(self._manifest(self.files, complete=True))
        return Exported(self.folder.url, dict(self.files))

    def _manifest(self, files: Mapping[str, Mapping[str, Any]], *, complete: bool) -> dict[str, Any]:
        said = {"product": self.product, "run": self.run, "key": self.key, "settings": dict(self.settings)}
        return {**said, "complete": complete, "files": {name: dict(files[name]) for name in sorted(files)}}


@contextmanager
def output(
    product: str, source: Source, out: str | Path, settings: Mapping[str, Any], watch: Watch = silent
) -> Iterator[Output]:
    """Claim and hold a folder for an export.

    Args:
        product: name of the export.
        settings: all that the output depends on besides the run and its library.
        watch: told of every file that is finished.

    Raises:
        AtlasError: the folder is the run's, another export's or somebody else's; another export writes there.
    """
    folder = ExportFolder.at(out)
    root = source.folder.root
    if folder.root == root or folder.root.startswith(f"{root}/"):
        raise AtlasError(f"{out}: is the run itself, or within it; choose another folder")
    url = source.folder.url
    run = os.path.normpath(url) if is_local(source.filesystem) else url
    folder.check(product, run)
    key = of_json({"export": VERSION, "product": product, "source": source.key, "settings": dict(settings)})
    with folder.writing():
        yield Output(folder, product, run, key, settings, watch)
