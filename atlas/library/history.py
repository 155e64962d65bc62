"""Who edited a library, when and why: ``history/`` beside the YAML, lines that are only ever added.

One file per day and person, one JSON object a line. Two people's pull requests never touch the same file; where one
person's branches do, git's own ``union`` merge keeps the lines of both (``history/.gitattributes``). Lines carry their
time, so their order in a file is of no account.
"""

import getpass
import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library
from atlas.storage import write_text

FOLDER = "history"
ATTRIBUTES = "*.jsonl merge=union\n"
WORDS = ("facet", "name", "description", "question", "aliases", "taxonomy", "confidence", "status", "replaced_by")
Changes = dict[str, dict[str, list[Any]]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One edit.

    ``when`` is UTC, ISO 8601. ``ids`` are the concepts it changed or made, ``made`` those it made. ``split_into`` maps
    the id of a split concept to those of its parts. ``changes``: id → key → value before and after (None: not there).
    ``library``: digest before and after.
    """

    when: str
    who: str
    command: str
    what: str
    why: str = ""
    ids: tuple[int, ...] = ()
    made: tuple[int, ...] = ()
    split_into: Mapping[str, Sequence[int]] = field(default_factory=dict)
    changes: Changes = field(default_factory=dict)
    library: tuple[str, str] = ("", "")


def read(folder: Path) -> list[Entry]:
    """All entries of a library's history, oldest first; a line that is there twice counts once.

    Raises:
        AtlasError: with file and line, for a line that is no entry.
    """
    found: dict[str, Entry] = {}
    for path in sorted((folder / FOLDER).glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if line.strip():
                found[line] = _entry(line, f"{path}:{number}")
    return sorted(found.values(), key=lambda entry: entry.when)


def _entry(line: str, where: str) -> Entry:
    try:
        values = json.loads(line)
        lists = {key: tuple(values[key]) for key in ("ids", "made", "library") if key in values}
        entry = Entry(**{**values, **lists})
    except (ValueError, TypeError) as error:
        raise AtlasError(f"{where}: is no line of a library's history ({error}); take it out, or mend it") from None
    if not all(isinstance(id_, int) for id_ in (*entry.ids, *entry.made)):
        raise AtlasError(f"{where}: ids must be whole numbers")
    return entry


def append(folder: Path, entry: Entry) -> Path:
    """Add an entry to the file of its day and author; returns the file."""
    author = re.sub(r"[^\w.-]+", "-", entry.who.split("<")[0].strip().lower()).strip("-.") or "someone"
    path = folder / FOLDER / f"{entry.when[:10]}-{author}.jsonl"
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    written = {key: value for key, value in asdict(entry).items() if value not in ("", (), {})}
    write_text(path, before + json.dumps(written, ensure_ascii=False) + "\n")
    attributes = folder / FOLDER / ".gitattributes"
    if not attributes.is_file():
        write_text(attributes, ATTRIBUTES)
    return path


def changes(before: Library, after: Library) -> Changes:
    """What is another than before, in the words that people write; new concepts have None before."""
    found: Changes = {}
    for concept in after.concepts:
        old = before.by_id.get(concept.id)
        if old == concept:
            continue
        pairs = {key: [None if old is None else _plain(old, key), _plain(concept, key)] for key in WORDS}
        moved = sorted(set(old.members if old else ()) ^ set(concept.members))
        if moved:
            pairs["members"] = [sorted(old.members) if old else None, sorted(concept.members)]
        differ = {key: pair for key, pair in pairs.items() if pair[0] != pair[1] and pair != [None, _empty(key)]}
        if differ:
            found[str(concept.id)] = differ
    return found


def _plain(concept: Concept, key: str) -> Any:
    value = getattr(concept, key)
    return list(value) if isinstance(value, tuple) else value


def _empty(key: str) -> Any:
    return {"aliases": [], "question": "", "description": ""}.get(key)


def splits(entries: Iterable[Entry]) -> dict[int, tuple[int, ...]]:
    """Id of every concept that was ever split → ids of its parts; its own is among them where one part kept it."""
    found: dict[int, tuple[int, ...]] = {}
    for entry in entries:
        for id_, parts in entry.split_into.items():
            found[int(id_)] = tuple(dict.fromkeys((*found.get(int(id_), ()), *parts)))
    return found


def next_id(library: Library, entries: Iterable[Entry]) -> int:
    """One above every id that a concept has or ever had, were it deleted by hand since."""
    return max([library.next_id - 1, *(id_ for entry in entries for id_ in (*entry.ids, *entry.made))]) + 1


def of_concept(entries: Iterable[Entry], concept_id: int) -> list[Entry]:
    return [entry for entry in entries if concept_id in entry.ids]


def edited_since(library: Library, entries: Sequence[Entry]) -> dict[int, list[str]]:
    """Concepts whose words are not as the last entry about them left them: id → keys edited by hand since.

    A concept that is gone altogether has the key ``deleted``. Members and counts are a build's, and not looked at.
    """
    last: dict[int, dict[str, Any]] = {}
    for entry in entries:
        for id_, pairs in entry.changes.items():
            last.setdefault(int(id_), {}).update({key: pair[1] for key, pair in pairs.items() if key in WORDS})
    found: dict[int, list[str]] = {}
    for number, values in last.items():
        concept = library.by_id.get(number)
        keys = ["deleted"] if concept is None else [k for k, v in values.items() if _plain(concept, k) != v]
        if keys:
            found[number] = keys
    return found


def now() -> str:
    """The time as entries have it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def author(folder: Path) -> str:
    """Who edits: git's user name for the folder, else the login name."""
    try:
        asked = ["git", "-C", str(folder), "config", "user.name"]
        name = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:  # no git here
        name = ""
    try:
        return name or getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in containers
        return "someone"
