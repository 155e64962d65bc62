"""The library on disk: one YAML file per area, in stable order."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Counts, Example, Library
from atlas.storage import write_text
from atlas.tables import FACETS
from atlas.yaml_nodes import Node, read

MAX_ID = 2**31 - 1
_KEYS = {
    "id": int,
    "facet": str,
    "name": str,
    "description": str,
    "question": str,
    "aliases": list,
    "taxonomy": str,
    "status": str,
    "replaced_by": int,
    "locked": bool,
    "members": dict,
    "examples": list,
    "counts": dict,
}
_REQUIRED = ("id", "facet", "name", "description")
_WORDS = {int: "a whole number", str: "text", list: "a list", dict: "a mapping", bool: "true or false"}


def load(folder: Path) -> Library:
    """Read every ``*.yaml`` of a library folder.

    Raises:
        AtlasError: with file and line, for the first thing that is wrong.
    """
    if not folder.is_dir():
        raise AtlasError(f"{folder}: no such library folder; give a folder of YAML files")
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise AtlasError(f"{folder}: holds no *.yaml file, so it is no concept library")
    concepts: dict[int, tuple[Concept, str]] = {}
    for path in files:
        for concept, line in _concepts(path):
            where = f"{path}:{line}"
            if concept.id in concepts:
                raise AtlasError(
                    f"{where}: id {concept.id} is taken by {concepts[concept.id][0].name!r} "
                    f"({concepts[concept.id][1]}); ids are never shared: give this concept a new one"
                )
            concepts[concept.id] = concept, where
    for concept, where in concepts.values():
        if concept.replaced_by is not None and concept.replaced_by not in concepts:
            raise AtlasError(f"{where}: replaced_by names id {concept.replaced_by}, which no concept has")
    return Library(tuple(concepts[id_][0] for id_ in sorted(concepts)))


def _concepts(path: Path) -> Iterable[tuple[Concept, int]]:
    root = read(path)
    if not isinstance(root.value, dict) or "concepts" not in root.value:
        raise AtlasError(f"{path}:{root.line}: expected the keys 'area' and 'concepts'")
    unknown = [key for key in root.value if key not in ("area", "concepts")]
    if unknown:
        node = root.value[unknown[0]]
        raise AtlasError(f"{path}:{node.line}: unknown key {unknown[0]!r}; a file has 'area' and 'concepts'")
    entries = root.value["concepts"]
    if entries.value is None:
        return
    if not isinstance(entries.value, list):
        raise AtlasError(f"{path}:{entries.line}: 'concepts' must be a list")
    for entry in entries.value:
        yield _concept(entry, path), entry.line


def _concept(entry: Node, path: Path) -> Concept:
    if not isinstance(entry.value, dict):
        raise AtlasError(f"{path}:{entry.line}: a concept must be a mapping with id, facet, name and description")
    values: dict[str, Any] = {}
    for key, node in entry.value.items():
        wanted = _KEYS.get(key)
        if wanted is None:
            raise AtlasError(f"{path}:{node.line}: unknown key {key!r}; a concept has {', '.join(_KEYS)}")
        if node.value is None and key not in _REQUIRED:
            continue
        if not isinstance(node.value, wanted) or (wanted is int and isinstance(node.value, bool)):
            raise AtlasError(f"{path}:{node.line}: {key} must be {_WORDS[wanted]}, not {_plain(node)!r}")
        values[key] = _plain(node)
    for key in _REQUIRED:
        if key not in values:
            raise AtlasError(f"{path}:{entry.line}: this concept has no {key}")
    _check(values, entry, path)
    return Concept(
        **{k: values[k] for k in values if k not in ("aliases", "examples", "counts")},
        aliases=tuple(values.get("aliases", ())),
        examples=tuple(Example(**example) for example in values.get("examples", ())),
        counts=Counts(**values.get("counts", {})),
    )


def _check(values: dict[str, Any], entry: Node, path: Path) -> None:
    def line(key: str) -> int:
        return entry.value[key].line

    if not 0 < values["id"] <= MAX_ID:
        raise AtlasError(f"{path}:{line('id')}: id must be from 1 to {MAX_ID}, not {values['id']}")
    if values["facet"] not in FACETS:
        raise AtlasError(f"{path}:{line('facet')}: facet must be one of {', '.join(FACETS)}, not {values['facet']!r}")
    if not values["name"].strip():
        raise AtlasError(f"{path}:{line('name')}: the name is empty")
    if values.get("status", "active") not in ("active", "retired"):
        raise AtlasError(f"{path}:{line('status')}: status must be active or retired, not {values['status']!r}")
    for alias in values.get("aliases", ()):
        if not isinstance(alias, str):
            raise AtlasError(f"{path}:{line('aliases')}: alias {alias!r} is not text; put it in quotes")
    for member, count in values.get("members", {}).items():
        if not isinstance(member, str) or not _is_count(count):
            raise AtlasError(f"{path}:{line('members')}: members map a tag (text, quoted if need be) to a count")
    for example in values.get("examples", ()):
        if not isinstance(example, dict) or set(example) != {"quote", "doc_id"}:
            raise AtlasError(f"{path}:{line('examples')}: an example has exactly the keys quote and doc_id")
        if not all(isinstance(text, str) for text in example.values()):
            raise AtlasError(f"{path}:{line('examples')}: quote and doc_id are text; put them in quotes")
    counts = values.get("counts", {})
    if not set(counts) <= {"tags", "chunks", "documents"} or not all(map(_is_count, counts.values())):
        raise AtlasError(f"{path}:{line('counts')}: counts has the keys tags, chunks, documents, each a whole number")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _plain(node: Node) -> Any:
    if isinstance(node.value, list):
        return [_plain(child) for child in node.value]
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    return node.value


def save(library: Library, folder: Path) -> list[Path]:
    """Write the library, one file per area; files whose content is unchanged are not touched.

    Comments at the head of a file stay. A file that is of no area any more is deleted, as its concepts are in
    other files now. Returns the files that changed.

    Raises:
        AtlasError: the folder holds a concept that the library lacks; nothing is written.
    """
    areas: dict[str, list[Concept]] = {}
    for concept in library.concepts:
        areas.setdefault(area(concept), []).append(concept)
    before = {path: list(_concepts(path)) for path in sorted(folder.glob("*.yaml"))}
    for path, found in before.items():
        for concept, line in found:
            if concept.id not in library.by_id:
                raise AtlasError(
                    f"{path}:{line}: concept {concept.id} ({concept.name!r}) is not in the library to be saved and "
                    "would be lost; ids are permanent: retire it, or save to another folder"
                )
    changed = []
    for name, concepts in sorted(areas.items()):
        path = folder / f"{name}.yaml"
        if [concept for concept, _ in before.pop(path, [])] == concepts:
            continue
        body = {"area": name, "concepts": [entry(concept) for concept in concepts]}
        head = _head(path.read_text(encoding="utf-8")) if path.exists() else ""
        text = head + yaml.dump(
            body, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
        )
        write_text(path, text)
        changed.append(path)
    for path in before:
        path.unlink()
        changed.append(path)
    return changed


def area(concept: Concept) -> str:
    """The file that a concept belongs to: its top-level taxonomy class where it has one, else its facet."""
    if concept.facet == "content" and concept.taxonomy:
        return concept.taxonomy.split("/", 1)[0].strip().lower().replace(" ", "-") or concept.facet
    return concept.facet


def _head(text: str) -> str:
    lines = []
    for line in text.splitlines(keepends=True):
        if not line.startswith("#") and line.strip():
            break
        lines.append(line)
    return "".join(lines)


def entry(concept: Concept) -> dict[str, Any]:
    """A concept as it stands in YAML: empty values are left out."""
    entry: dict[str, Any] = {
        "id": concept.id,
        "facet": concept.facet,
        "name": concept.name,
        "description": concept.description,
        "question": concept.question,
        "aliases": list(concept.aliases),
        "taxonomy": concept.taxonomy,
        "status": concept.status,
        "replaced_by": concept.replaced_by,
        "locked": concept.locked,
        "members": dict(sorted(concept.members.items(), key=lambda item: (-item[1], item[0]))),
        "examples": [{"quote": e.quote, "doc_id": e.doc_id} for e in concept.examples],
    }
    counts = concept.counts
    if counts != Counts():
        entry["counts"] = {"tags": counts.tags, "chunks": counts.chunks, "documents": counts.documents}
    empty = ("question", "aliases", "taxonomy", "replaced_by", "locked", "members", "examples")
    return {key: value for key, value in entry.items() if key not in empty or value}


class Dumper(yaml.SafeDumper):
    """Writes lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)  # lists are indented below their key

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """PyYAML folds these line breaks into spaces, but where it escapes them."""
        style = '"' if any(mark in data for mark in "\x85\u2028\u2029") else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


Dumper.add_representer(str, Dumper.represent_str)
