"""The library on disk: one YAML file per area. What people wrote stays as they wrote it."""

from dataclasses import dataclass
from pathlib import Path

from atlas.digest import of_bytes
from atlas.errors import AtlasError
from atlas.library import compiled, layout, render
from atlas.library.check import MAX_ID
from atlas.library.compiled import Part
from atlas.library.concept import Concept, Library
from atlas.library.layout import Entry, Layout
from atlas.library.read import LibraryError, Place, Reading, Wrong, entries, read, survey
from atlas.library.render import Dumper, entry
from atlas.library.replace import alone, replace_all
from atlas.yaml_nodes import Mistake

__all__ = [
    "MAX_ID",
    "Dumper",
    "LibraryError",
    "Place",
    "Reading",
    "Wrong",
    "area",
    "entry",
    "load",
    "read",
    "save",
    "survey",
]


def load(folder: Path) -> Library:
    """Read every ``*.yaml`` of a library folder.

    Raises:
        LibraryError: with file, line and remedy of every mistake in every file.
        AtlasError: the folder is not there, or holds no ``*.yaml``.
    """
    return read(folder).library


def save(library: Library, folder: Path) -> list[Path]:
    """Write what changed: of the files the entries, of the entries the keys; all other text stays, byte for byte.

    A new concept goes before the first of its file with a higher id. A concept whose area is another now moves to that
    file with the comments right above it. No comment is dropped; a file that is left without concepts and comments is
    deleted. Returns the files that changed.

    Raises:
        LibraryError: the folder holds a library that breaks its rules.
        AtlasError: the folder holds a concept that the library lacks; a file changed since ``library.origin``; another
            process is writing. Nothing is written.
    """
    with alone(folder):
        reading = read(folder) if any(folder.glob("*.yaml")) else Reading(Library(()), {}, {})
        _refuse_changed(library, folder, reading)
        _refuse_loss(library, reading)
        files = _edited(library, folder, reading)
        replace_all({folder / name: file.raw for name, file in sorted(files.items(), key=_gains_first)})
        if files:
            parts = dict(reading.parts) | {name: file.part for name, file in files.items()}
            gone = [name for name, file in files.items() if file.raw is None]
            compiled.save(folder, {name: part for name, part in sorted(parts.items()) if name not in gone})
    return sorted(folder / name for name in files)


def area(concept: Concept) -> str:
    """The file that a concept belongs to: its top-level taxonomy class where it has one, else its facet."""
    if concept.facet == "content" and concept.taxonomy:
        return concept.taxonomy.split("/", 1)[0].strip().lower().replace(" ", "-") or concept.facet
    return concept.facet


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it is to be: its bytes (None: deleted), what they say, and whether a concept comes in."""

    raw: bytes | None
    part: Part
    gains: bool


def _gains_first(item: tuple[str, _File]) -> tuple[bool, str]:
    """Where a crash parts the renames, a moved concept had better be in two files than in none."""
    return not item[1].gains, item[0]


def _refuse_changed(library: Library, folder: Path, reading: Reading) -> None:
    if library.origin is None or library.origin.folder != folder.resolve():
        return
    before, now = library.origin.digests, {name: part.digest for name, part in reading.parts.items()}
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if changed:
        raise AtlasError(
            f"{folder / changed[0]}: was changed by someone else since it was read"
            + (f", as were {len(changed) - 1} files more" if len(changed) > 1 else "")
            + "; nothing was written. Run this again: it will start from the files as they are now"
        )


def _refuse_loss(library: Library, reading: Reading) -> None:
    for concept in reading.library.concepts:
        if concept.id not in library.by_id:
            path, line = reading.where[concept.id]
            raise AtlasError(
                f"{path}:{line}: concept {concept.id} ({concept.name!r}) is not in the library to be saved and "
                "would be lost; ids are permanent: retire it, or save to another folder"
            )


def _edited(library: Library, folder: Path, reading: Reading) -> dict[str, _File]:
    """The files that are to change."""
    home = {concept.id: f"{area(concept)}.yaml" for concept in library.concepts}
    old = reading.library.by_id
    wanted: dict[str, list[int]] = {}
    for concept in library.concepts:
        wanted.setdefault(home[concept.id], []).append(concept.id)
    layouts: dict[str, Layout] = {}
    coming: dict[str, list[tuple[Entry, int]]] = {}
    marks: dict[str, str] = {}
    for name, part in reading.parts.items():
        ids = [concept.id for concept in part.concepts]
        changed = {id_ for id_ in ids if old[id_] != library.by_id[id_]}
        leaving = {id_ for id_ in ids if home[id_] != name}
        if not changed and not leaving and len(wanted.get(name, ())) == len(ids) and name in wanted:
            continue
        text = (folder / name).read_bytes().decode()
        marks[name], text = text[: text.startswith("\ufeff")], text.removeprefix("\ufeff")
        pieces = layouts[name] = layout.of(text, name.removesuffix(".yaml"), part.concepts, part.lines)
        for piece in pieces.entries:
            if piece.id in changed:
                layout.change(piece, library.by_id[piece.id], pieces.indent)
        for piece in layout.remove(pieces, leaving):
            coming.setdefault(home[piece.id], []).append((piece, pieces.indent))
    for id_, name in home.items():
        if id_ not in old:
            body = render.item(render.entry(library.by_id[id_]), layout.INDENT)
            coming.setdefault(name, []).append((Entry(id_, "", body), layout.INDENT))
    for name, pieces_in in coming.items():
        target = layouts.setdefault(name, layout.new(name.removesuffix(".yaml")))
        layout.insert(target, [layout.indented(piece, indent, target.indent) for piece, indent in pieces_in])
    files = {name: _file(name, layouts[name], library, marks.get(name, ""), name in coming) for name in layouts}
    return {
        name: file
        for name, file in files.items()
        if name not in reading.parts or reading.parts[name].digest != file.part.digest
    }


def _file(name: str, pieces: Layout, library: Library, mark: str, gains: bool) -> _File:
    """The file that pieces make; it is read before it is written, and must say what it is meant to."""
    if not pieces.entries and "#" not in pieces.head + pieces.foot:
        return _File(None, Part("", (), ()), gains)
    wanted = [library.by_id[piece.id] for piece in pieces.entries]
    text = pieces.text()
    part = _said(text, mark)
    if part.concepts != wanted:
        text = layout.anew(text, name.removesuffix(".yaml"), wanted).text()
        part = _said(text, mark)
        if part.concepts != wanted:
            raise AssertionError(f"{name}: the text made for it says something else than the library")
    return _File((mark + text).encode(), part, gains)


def _said(text: str, mark: str) -> Part:
    mistakes: list[Mistake] = []
    concepts, lines, _ = entries(text, mistakes, set())
    return Part(of_bytes([(mark + text).encode()]), [] if mistakes else concepts, lines)
