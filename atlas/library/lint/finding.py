"""What lint finds, and what a rule is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from atlas.library.concept import Library

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: its rule's name, how bad it is, which concept, and what to do; of a folder, where it stands."""

    rule: str
    severity: Severity
    concept_id: int | None
    message: str
    path: Path | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: ``find`` gives ids of concepts with what to say of each."""

    name: str
    severity: Severity
    what: str
    mend: str
    find: Callable[[Library], Iterator[tuple[int, str]]]
