"""A library folder, read: its concepts, where each stands, and all that is wrong with it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from atlas.digest import of_bytes
from atlas.errors import AtlasError
from atlas.library import check, compiled
from atlas.library.compiled import Part
from atlas.library.concept import Concept, Library, Origin
from atlas.yaml_nodes import MAX_BYTES, Mistake, Node, decode, no_collection, parse

SHOWN = 50  # mistakes told in one message; a file with more has mostly one cause


class Place(NamedTuple):
    """Where a concept stands: file, and line of its first key (1-based)."""

    path: Path
    line: int


class Wrong(NamedTuple):
    """A mistake in a file of the library."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


class LibraryError(AtlasError):
    """A library that breaks its rules; ``mistakes`` has them all, the message the first fifty."""

    def __init__(self, mistakes: Sequence[Wrong]) -> None:
        self.mistakes = tuple(mistakes)
        lines = [str(mistake) for mistake in mistakes[:SHOWN]]
        if len(mistakes) > SHOWN:
            lines.append(f"and {len(mistakes) - SHOWN:,} mistakes more; mend these first")
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class Reading:
    """A library with the places of its concepts, and the files that they were read from (by name)."""

    library: Library
    where: Mapping[int, Place]
    parts: Mapping[str, Part]
    mistakes: tuple[Wrong, ...] = ()


def survey(folder: Path) -> Reading:
    """All of a library folder that can be read, with every mistake in it; concepts with mistakes are left out.

    Raises:
        AtlasError: the folder is not there, or holds no ``*.yaml``.
    """
    if not folder.is_dir():
        raise AtlasError(f"{folder}: no such library folder; give a folder of YAML files")
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise AtlasError(f"{folder}: holds no *.yaml file, so it is no concept library")
    before = compiled.load(folder)
    finding = _Finding([], set(), [])
    parts = {path.name: _part(path, before.get(path.name), finding) for path in files}
    concepts, where = _together(folder, parts, finding)
    mistakes = finding.mistakes
    if not mistakes and parts != before:
        compiled.save(folder, parts)
    origin = Origin(folder.resolve(), {name: part.digest for name, part in parts.items()})
    ordered = tuple(concepts[id_] for id_ in sorted(concepts))
    return Reading(Library(ordered, origin), where, parts, tuple(mistakes))


def read(folder: Path) -> Reading:
    """A library, with the place of each concept.

    Raises:
        LibraryError: with file, line and remedy of every mistake in every file.
        AtlasError: the folder is not there, or holds no ``*.yaml``.
    """
    reading = survey(folder)
    if reading.mistakes:
        raise LibraryError(reading.mistakes)
    return reading


@dataclass(frozen=True, slots=True)
class _Finding:
    """What is found wrong: the mistakes, ids of concepts that have some, and files that could not be read at all."""

    mistakes: list[Wrong]
    broken: set[int]
    unread: list[Path]


def _part(path: Path, before: Part | None, finding: _Finding) -> Part:
    """The file, from what was compiled of it where its content is the same."""
    if path.stat().st_size > MAX_BYTES:
        finding.mistakes.append(Wrong(path, 0, f"is larger than {MAX_BYTES >> 20} MiB; split it by area"))
        finding.unread.append(path)
        return Part("", (), ())
    raw = path.read_bytes()
    digest = of_bytes([raw])
    if before is not None and before.digest == digest:
        return before
    found: list[Mistake] = []
    text = decode(raw, found)
    concepts, lines, whole = ([], [], False) if found else entries(text, found, finding.broken)
    if not whole:
        finding.unread.append(path)
    finding.mistakes.extend(Wrong(path, *mistake) for mistake in _one_a_line(found))
    return Part(digest, concepts, lines)


def entries(text: str, mistakes: list[Mistake], broken: set[int]) -> tuple[list[Concept], list[int], bool]:
    """The concepts of a file's text, the line of each, and whether the text could be read to its end.

    Mistakes are added to the list, ids of concepts that have some to the set.
    """
    syntax: list[Mistake] = []
    report = _reporter(mistakes)

    def item(entry: Node) -> tuple[Concept | None, int]:
        concept = check.concept(entry, report)
        if concept is None and isinstance(entry.value, dict) and "id" in entry.value:
            broken.add(entry.value["id"].value)
        return concept, entry.line

    with no_collection():
        root = parse(text, syntax, item, of="concepts")
    if root.value is None and syntax:
        mistakes[:] = syntax
        if "not valid YAML" in syntax[-1].message:
            pieces = list(_piecewise(text))
            mistakes[:] = pieces if any("not valid YAML" in said for _, said in pieces) else [*syntax, *pieces]
        return [], [], False
    mistakes[:0] = syntax
    found = [pair for pair in check.document(root, report) if pair[0] is not None]
    return [concept for concept, _ in found], [line for _, line in found], True


def _one_a_line(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """In line order, and of each line the first: what follows from one mistake is not told as another."""
    first: dict[int, Mistake] = {}
    for mistake in mistakes:
        first.setdefault(mistake.line, mistake)
    return [first[line] for line in sorted(first)]


def _reporter(mistakes: list[Mistake]) -> Callable[[int, str], None]:
    return lambda line, message: mistakes.append(Mistake(line, message))


def _piecewise(text: str) -> Iterator[Mistake]:
    """The mistakes of a file that is not valid YAML: entry by entry, as one bad entry should not hide the others."""
    first = re.search(r"^( *)- +\S", text, re.MULTILINE)
    if first is None:
        return
    cuts = [found.start() for found in re.finditer(rf"^{first[1]}- ", text, re.MULTILINE)]
    for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
        found: list[Mistake] = []
        root = parse(text[start:end], found)
        for entry in root.value if isinstance(root.value, list) else ():
            check.concept(entry, _reporter(found))
        yield from (Mistake(line + text.count("\n", 0, start), message) for line, message in found)


def _together(
    folder: Path, parts: Mapping[str, Part], finding: _Finding
) -> tuple[dict[int, Concept], dict[int, Place]]:
    """What holds of all files together: ids are unique, and replaced_by leads to a concept that is there."""
    concepts: dict[int, Concept] = {}
    where: dict[int, Place] = {}
    for name, part in parts.items():
        path = folder / name
        for concept, line in zip(part.concepts, part.lines, strict=True):
            if concept.id in where:
                said = _taken(concept, concepts[concept.id], where[concept.id])
                finding.mistakes.append(Wrong(path, line, said))
                continue
            concepts[concept.id], where[concept.id] = concept, Place(path, line)
    for concept in concepts.values():
        heir = concept.replaced_by
        if heir is not None and heir not in concepts and heir not in finding.broken and not finding.unread:
            said = f"replaced_by names id {heir}, which no concept has; name one that is there"
            finding.mistakes.append(Wrong(*where[concept.id], said))
    for circle in circles(concepts):
        steps = ", ".join(
            f"{id_} ({concepts[id_].name!r}, {where[id_].path.name}:{where[id_].line}) by {concepts[id_].replaced_by}"
            for id_ in circle
        )
        said = f"replaced_by leads in a circle: {steps}; decide which one stays, and take replaced_by out there"
        finding.mistakes.append(Wrong(*where[circle[0]], said))
    return concepts, where


def circles(concepts: Mapping[int, Concept]) -> Iterator[list[int]]:
    """Each circle of replaced_by once, from its lowest id on."""
    done: set[int] = set()
    for start in concepts:
        path: dict[int, None] = {}
        step: int | None = start
        while step is not None and step in concepts and step not in done and step not in path:
            path[step] = None
            step = concepts[step].replaced_by
        if step in path:
            circle = list(path)[list(path).index(step) :]
            low = circle.index(min(circle))
            yield circle[low:] + circle[:low]
        done.update(path)


def _taken(concept: Concept, first: Concept, place: Place) -> str:
    at = f"{place.path}:{place.line}"
    if concept == first:
        return f"id {concept.id} is taken by {first.name!r} ({at}), in the same words; take one of the two out"
    if (concept.name, concept.facet) == (first.name, first.facet):
        keys = [key for key in check.READERS if getattr(concept, key) != getattr(first, key)]
        return (
            f"id {concept.id} is taken by {first.name!r} ({at}), with another {', '.join(keys)}; "
            "make one entry of the two"
        )
    return f"id {concept.id} is taken by {first.name!r} ({at}); ids are never shared: give this concept a new one"
