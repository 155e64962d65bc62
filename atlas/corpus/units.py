"""Units of work: pieces of a corpus that never depend on how many workers there are."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from atlas.corpus.packed import Row
from atlas.errors import AtlasError


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of work, read by one worker and written as one part.

    ``start`` and ``stop`` are half-open: row groups of a Parquet file, bytes of a JSON Lines file, rows of
    a dataset, file numbers of a text folder. ``fingerprint`` is the digest of the input's content, so a unit
    whose input changed has another key. ``rows`` is the number of records where the format tells it
    beforehand, else -1; ``bytes`` is the size on disk. ``most``: only so many of its first records are the run's.
    """

    name: str
    format: str
    path: str
    label: str
    start: int
    stop: int
    fingerprint: str
    rows: int
    bytes: int
    most: int | None = None

    def identity(self) -> dict[str, Any]:
        """What makes the output of a unit what it is, as far as the input goes.

        The label (the path below the corpus folder) is in it because ids and sources may be made from it.
        """
        said = ("name", "label", "format", "start", "stop", "fingerprint")
        limited = {} if self.most is None else {"most": self.most}  # a unit read whole has the key it had before
        return {key: getattr(self, key) for key in said} | limited

    def place(self, row: int) -> str:
        """Where the record of this number is, as people are told."""
        if self.format == "text":
            path, _ = json.loads(self.path)[row - self.start]
            return str(path)
        if self.format == "jsonl":
            return f"{self.path}, byte {row}"
        return f"{self.path}, line {row + 1}" if self.format.startswith("jsonl") else f"{self.path}, row {row}"


def packed(unit: Unit) -> Row:
    """A unit as a row of plain values."""
    return tuple(getattr(unit, name) for name in Unit.__slots__)


def unpacked(row: Row) -> Unit:
    """The unit of a row."""
    return Unit(*row)


def check_names(units: Iterable[tuple[str, str]]) -> None:
    """See that units of one name are of one path.

    Raises:
        AtlasError: they are not, so that one's part would take the place of the other's.
    """
    paths: dict[str, str] = {}
    for name, path in units:
        if paths.setdefault(name, path) != path:
            raise AtlasError(f"{path} and {paths[name]} would both be written as {name}; rename one")


def part_name(label: str, start: int, stop: int) -> str:
    """File name (without ending) of a unit's part: readable, unique per unit, safe on any filesystem."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", label).strip("._") or "input"
    return f"{safe}-{start:08d}-{stop:08d}"


def input_of_name(name: str) -> str:
    """What units of one input have in common in their names, and as a rule with no other's."""
    return name.rsplit("-", 2)[0]


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not become a document: where it was, why, and what it held."""

    row: int
    location: str
    doc_id: str | None
    reason: str
    detail: str
    content: bytes | None
