"""Who worked on a run, when, with what, and how far they came: ``log/``, one small file a sitting.

A run that was stopped and went on equals one that was not, byte by byte, so run.json and summary.json say nothing of
who, when, and in how many sittings. That stands here, apart. It is a file each and not lines of one, as several shards
may be at work in a folder at once, and object stores can't append.
"""

import json
import os
import platform
import socket
from array import array
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs

from atlas import __version__
from atlas.corpus.units import Unit
from atlas.digest import DIGEST_BYTES, of_bytes, of_json
from atlas.runner.counts import Counts
from atlas.runner.folder import LOG, RunFolder
from atlas.runner.plan import Plan
from atlas.storage import TEMPORARY, atomic_output

WAITS = "waits for other shards"  # outcome of a shard that has done its share before others have
NOTED_SECONDS = 10.0  # at most one write so often: of an object store, each is a request


@dataclass(frozen=True, slots=True)
class Sitting:
    """One start of a run, up to its end or to where it was stopped.

    Times are ISO 8601 in UTC; ``last`` is that of the last unit that was noted. ``units`` are those of the run;
    ``before`` were done when it started, ``todo`` were its own to do (of a shard, its share), with ``todo_bytes`` of
    input; of these ``done`` are done. ``outcome`` is empty until it has ended, and stays so where it was killed.
    """

    user: str
    host: str
    pid: int
    started: str
    how: dict[str, Any]
    versions: dict[str, str]
    settings: dict[str, Any]
    inputs: dict[str, Any]
    units: int
    before: int
    todo: int
    todo_bytes: int
    done: int = 0
    done_bytes: int = 0
    counts: Counts = field(default_factory=Counts)
    last: str = ""
    ended: str = ""
    outcome: str = ""

    @property
    def name(self) -> str:
        """Its file's: in the order of time, and no other's."""
        when = self.started.translate(str.maketrans("", "", "-:"))
        return f"{when}-{self.host}-{self.pid}.json"

    def seconds(self) -> float:
        """From its start to the last unit that was noted."""
        return (_moment(self.last or self.started) - _moment(self.started)).total_seconds()

    def left(self) -> float | None:
        """Seconds from the last unit on until all are done, at the pace so far; None where no pace shows."""
        if not self.done_bytes or not self.seconds():
            return None
        return (self.todo_bytes - self.done_bytes) * self.seconds() / self.done_bytes


def begun(planned: Plan, how: Mapping[str, Any], settings: Mapping[str, Any]) -> Sitting:
    """The sitting that begins now, of this process."""
    return Sitting(
        user=_user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        started=now(),
        how=dict(how),
        versions={
            "atlas": __version__,
            "python": platform.python_version(),
            "pyarrow": pa.__version__,
            "numpy": np.__version__,
            "platform": platform.platform(),
        },
        settings=dict(settings),
        inputs=inputs_of(task.unit for task in planned.tasks),
        units=len(planned.tasks),
        before=len(planned.done),
        todo=len(planned.todo),
        todo_bytes=sum(task.unit.bytes for task in planned.todo),
    )


def inputs_of(units: Iterable[Unit]) -> dict[str, Any]:
    """How many files a run reads, their bytes, and the digest of their contents, whatever the order.

    Which file a part is from, and with what content, its own footer answers.
    """
    paths, identities = array("q"), bytearray()
    loose = size = 0
    for unit in units:
        if unit.format == "text":
            loose += unit.stop - unit.start
        else:
            paths.append(hash(unit.path))
        size += unit.bytes
        identities += of_json(unit.identity()).encode()
    files = len(np.unique(np.frombuffer(paths, np.int64))) + loose
    digests = np.sort(np.frombuffer(identities, f"S{2 * DIGEST_BYTES}")).tolist()
    listed = (f'{", " if row else ""}"{digest.decode()}"'.encode() for row, digest in enumerate(digests))
    return {"files": files, "bytes": size, "digest": of_bytes(chain([b"["], listed, [b"]"]))}  # as of the list's JSON


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def age(text: str) -> float:
    """Seconds since a time that was noted; never less than none, as clocks of hosts differ."""
    return max(0.0, (datetime.now(UTC) - _moment(text)).total_seconds())


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return str(os.getuid())


def write(folder: RunFolder, sitting: Sitting) -> None:
    """Note a sitting, or how far it is by now. A run is not to end because of its log."""
    with suppress(OSError):
        folder.filesystem.create_dir(f"{folder.root}/{LOG}", recursive=True)
        with atomic_output(folder.filesystem, f"{folder.root}/{LOG}/{sitting.name}") as stream:
            stream.write((json.dumps(asdict(sitting), indent=2) + "\n").encode())


def sittings(folder: RunFolder) -> list[Sitting]:
    """All that were noted, in the order of time. A file that is damaged or of another version is passed over."""
    selector = pafs.FileSelector(f"{folder.root}/{LOG}", allow_not_found=True)
    try:
        infos = folder.filesystem.get_file_info(selector)
    except OSError:  # it is no folder
        return []
    named = [i for i in infos if i.base_name.endswith(".json") and not i.base_name.startswith(TEMPORARY)]
    found = []
    for info in sorted(named, key=lambda i: i.base_name):
        with suppress(OSError, ValueError, TypeError, KeyError):
            said = json.loads(folder.filesystem.open_input_stream(info.path).read())
            found.append(Sitting(**{**said, "counts": Counts(**said["counts"])}))
    return found


def and_unit(sitting: Sitting, unit: Unit, counts: Counts) -> Sitting:
    """The sitting with one unit more."""
    return replace(
        sitting,
        done=sitting.done + 1,
        done_bytes=sitting.done_bytes + unit.bytes,
        counts=sitting.counts + counts,
        last=now(),
    )


def ended(sitting: Sitting, outcome: str) -> Sitting:
    return replace(sitting, ended=now(), outcome=outcome)
