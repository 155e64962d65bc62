"""A run's folder: whose it is, where its files are, and that only one run writes to it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow.fs as pafs

from atlas import __version__
from atlas.errors import AtlasError
from atlas.storage import TEMPORARY, atomic_output, is_local, resolve, stopped

MANIFEST = "run.json"
SUMMARY = "summary.json"
RETRY_ENDING = ".retry.parquet"
LOCK = ".lock"
TRIES, TRY_SECONDS = 10, 0.02  # to lock a folder
ALL = (1, 1)  # the only shard there is: its number, and of how many
FOLDERS = ("parts", "quarantine")
LOG = "log"
OWN = {MANIFEST, SUMMARY, *FOLDERS, LOG}  # a run stopped before its manifest was written leaves folders alone


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a run as its folder's listing tells of it."""

    name: str
    size: int
    changed_ns: int | None


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Parts, quarantine and manifest of one run, on any filesystem."""

    filesystem: pafs.FileSystem
    root: str
    url: str

    @classmethod
    def at(cls, url: str | Path) -> "RunFolder":
        if not str(url):
            raise AtlasError("the name of the run's folder is empty; name one")  # else it would be the current folder
        filesystem, root = resolve(url)
        return cls(filesystem, root.rstrip("/"), str(url))

    def part(self, name: str) -> str:
        return f"{self.root}/parts/{name}.parquet"

    def retry_part(self, name: str) -> str:
        """Where records of a unit go that were quarantined and then retried with success."""
        return f"{self.root}/parts/{name}{RETRY_ENDING}"

    def quarantine(self, name: str) -> str:
        return f"{self.root}/quarantine/{name}.parquet"

    def parts(self) -> list[str]:
        """Paths of all parts, in name order."""
        return [f"{self.root}/parts/{name}" for name in self.names("parts")]

    def quarantined(self) -> list[str]:
        return [f"{self.root}/quarantine/{name}" for name in self.names("quarantine")]

    def names(self, below: str) -> list[str]:
        """Names of all Parquet files in a folder of the run, in order."""
        if is_local(self.filesystem):  # pyarrow would look at each file, too
            with suppress(FileNotFoundError), os.scandir(f"{self.root}/{below}") as entries:
                return sorted(entry.name for entry in entries if _is_whole(entry.name))
            return []
        return [file.name for file in self.listed(below)]

    def listed(self, below: str) -> Iterator["Listed"]:
        """All Parquet files in a folder of the run, in name order."""
        if is_local(self.filesystem):
            for name in self.names(below):
                with suppress(FileNotFoundError):  # it has gone since
                    told = os.stat(f"{self.root}/{below}/{name}")  # noqa: PTH116 (a Path takes as long again)
                    yield Listed(name, told.st_size, told.st_mtime_ns)
            return
        selector = pafs.FileSelector(f"{self.root}/{below}", allow_not_found=True)
        infos = self.filesystem.get_file_info(selector)
        named = sorted(((info.base_name, info) for info in infos), key=lambda each: each[0])
        yield from (Listed(name, info.size or 0, info.mtime_ns) for name, info in named if _is_whole(name))

    def read(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the folder, or None where there is none."""
        path = f"{self.root}/{name}"
        if self.filesystem.get_file_info(path).type != pafs.FileType.File:
            return None
        with self.filesystem.open_input_stream(path) as stream:
            raw = stream.read()
        try:
            return json.loads(raw)
        except ValueError as error:
            raise AtlasError(f"{path}: is damaged ({error}); delete it and run again") from error

    def write(self, name: str, value: dict[str, Any]) -> None:
        with atomic_output(self.filesystem, f"{self.root}/{name}") as stream:
            stream.write((json.dumps(value, indent=2, sort_keys=True) + "\n").encode())

    def remove(self, name: str) -> None:
        path = f"{self.root}/{name}"
        if self.filesystem.get_file_info(path).type == pafs.FileType.File:
            self.filesystem.delete_file(path)

    def check(self, stage: str, corpus: str) -> None:
        """See that the folder is this run's, or free to become so. Touches nothing.

        Raises:
            AtlasError: it holds another run, or files that are no run's; or it is no folder.
        """
        if self.filesystem.get_file_info(self.root).type == pafs.FileType.File:
            raise AtlasError(f"{self.url}: is a file; choose an empty or new output folder.")
        there = self.read(MANIFEST)
        if there is not None:
            if (there.get("stage"), there.get("corpus")) != (stage, corpus):
                raise AtlasError(
                    f"{self.url}: belongs to another run ({there.get('stage')} of {there.get('corpus')}); this one is "
                    f"{stage} of {corpus}. Choose another output folder, or delete that one."
                )
            return
        selector = pafs.FileSelector(self.root, allow_not_found=True)
        names = {info.base_name for info in self.filesystem.get_file_info(selector)}
        strangers = sorted(name for name in names - OWN if not name.startswith("."))
        if strangers:
            raise AtlasError(
                f"{self.url}: holds files that are not a run's ({', '.join(strangers[:3])}); "
                "choose an empty or new output folder."
            )

    def claim(self, stage: str, corpus: str, recipe: dict[str, Any], inputs: dict[str, Any] | None = None) -> None:
        """Make the folder this run's, or see that it already is; note how to repeat it, and from what it is made.

        Raises:
            AtlasError: as of ``check``.
        """
        self.check(stage, corpus)
        mine = {"atlas": __version__, "stage": stage, "corpus": corpus, "recipe": recipe}
        mine |= {} if inputs is None else {"inputs": inputs}
        for folder in FOLDERS:
            self.filesystem.create_dir(f"{self.root}/{folder}", recursive=True)
        if self.read(MANIFEST) != mine:
            self.write(MANIFEST, mine)

    @contextmanager
    def lock(self, shard: tuple[int, int] = ALL) -> Iterator[None]:
        """Hold the folder while a run writes; a second run is refused, but for other shards. Local folders only.

        Nothing half-written is there at the beginning or left at the end, where no other shard is at work.
        """
        if not is_local(self.filesystem):
            yield
            return
        Path(self.root).mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:
            whole = files.enter_context((Path(self.root) / LOCK).open("w"))
            if shard != ALL:
                self._take(whole, fcntl.LOCK_SH)
                number, shards = shard
                own = files.enter_context((Path(self.root) / f"{LOCK}-{number}-of-{shards}").open("w"))
                self._take(own, fcntl.LOCK_EX)
            else:
                self._take(whole, fcntl.LOCK_EX)
                self.sweep()
            try:
                yield
            finally:
                with suppress(BlockingIOError):
                    fcntl.flock(whole, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.sweep()

    def _take(self, file: IO[str], kind: int) -> None:
        """Lock; one that is held for a moment, by a shard that ends or by who looks at the run, is waited for."""
        for _ in range(TRIES):
            with suppress(BlockingIOError):
                fcntl.flock(file, kind | fcntl.LOCK_NB)
                return
            time.sleep(TRY_SECONDS)
        raise AtlasError(f"{self.url}: another run is writing here; wait for it, or stop it")

    @contextmanager
    def writing(self, shard: tuple[int, int] = ALL) -> Iterator[None]:
        """``lock``, with errors of the disk in words.

        Raises:
            AtlasError: the disk is full, or the folder can't be written to.
        """
        try:
            with self.lock(shard):
                yield
        except OSError as error:
            raise stopped(self.url, error) from error

    def sweep(self) -> None:
        """Delete what a killed run left half-written."""
        if not is_local(self.filesystem):
            return
        for folder in ("", *FOLDERS, LOG):
            below = Path(self.root) / folder
            # One entry at a time, as there may be 100,000; a run goes on without a log that can't be written.
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(below) as entries:
                leftovers = [entry.name for entry in entries if entry.name.startswith(TEMPORARY)]
                for name in leftovers:
                    (below / name).unlink(missing_ok=True)


def _is_whole(name: str) -> bool:
    """Whether a file is a Parquet file that is not being written."""
    return name.endswith(".parquet") and not name.startswith(TEMPORARY)


def unit_of(file: str) -> str:
    """The name of the unit that a file of a run's folder is of, by its name or path."""
    return file.rsplit("/", 1)[-1].removesuffix(RETRY_ENDING).removesuffix(".parquet")
