"""The compiled library: what the YAML files say, as Parquet beside them, for quick loading.

It lies in ``.atlas/`` of the library folder, which tells git to ignore it, as tools' caches do. It is never stale: the
concepts of a file are taken from it only where the file's content has the digest that they were compiled from. It may
be deleted at any time.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas import yaml_nodes
from atlas.digest import of_files
from atlas.library import check, concept
from atlas.library.concept import Concept, Counts, Example
from atlas.storage import atomic_output, write_text

FOLDER = ".atlas"
NAME = "library.parquet"
LEAST_BYTES = 1 << 20  # a MiB of YAML is read in 0.2 s; smaller libraries are not compiled
_KEY = b"atlas_library"

SCHEMA = pa.schema(
    {
        "file": pa.int32(),
        "line": pa.int32(),
        "id": pa.int32(),
        "facet": pa.string(),
        "name": pa.string(),
        "description": pa.string(),
        "question": pa.string(),
        "aliases": pa.list_(pa.string()),
        "taxonomy": pa.string(),
        "confidence": pa.float64(),
        "status": pa.string(),
        "replaced_by": pa.int32(),
        "locked": pa.bool_(),
        "member_tags": pa.list_(pa.string()),
        "member_counts": pa.list_(pa.int64()),
        "quotes": pa.list_(pa.string()),
        "doc_ids": pa.list_(pa.string()),
        "tags": pa.int64(),
        "chunks": pa.int64(),
        "documents": pa.int64(),
    }
)


@dataclass(frozen=True, slots=True)
class Part:
    """One YAML file: the digest of its bytes, its concepts as they stand, and the line of each."""

    digest: str
    concepts: Sequence[Concept]
    lines: Sequence[int]


def load(folder: Path) -> dict[str, Part]:
    """The files that were compiled, by name. Whatever is not to be used as it is counts as not there."""
    path = folder / FOLDER / NAME
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            known = json.loads((file.schema_arrow.metadata or {}).get(_KEY, b"{}"))
            if known.get("version") != _version() or file.schema_arrow.remove_metadata() != SCHEMA:
                return {}
            return _parts(file.read(), known["files"])
    except (OSError, pa.ArrowException, ValueError, TypeError, KeyError, IndexError):
        return {}


def save(folder: Path, parts: Mapping[str, Part]) -> None:
    """Compile. A folder that can't be written is just read more slowly."""
    if folder.is_dir() and sum((folder / name).stat().st_size for name in parts) < LEAST_BYTES:
        return
    note = {"version": _version(), "files": [[name, part.digest] for name, part in parts.items()]}
    table = _table(parts).replace_schema_metadata({_KEY: json.dumps(note).encode()})
    try:
        write_text(folder / FOLDER / ".gitignore", "*\n")
        with atomic_output(pafs.LocalFileSystem(), str(folder / FOLDER / NAME)) as stream:
            pq.write_table(table, stream, compression="lz4", write_page_checksum=True)
    except OSError:
        return


def _version() -> str:
    """Digest of the code that reads entries, so that a change of it makes what was compiled before unknown."""
    return of_files(Path(module.__file__ or "") for module in (yaml_nodes, check, concept)) + _OWN


_OWN = of_files([Path(__file__)])


# Plain keys before and behind the aliases, in the order of Concept.
_FIRST = ("id", "facet", "name", "description", "question")
_PLACED = ("taxonomy", "confidence", "status", "replaced_by", "locked")


def _table(parts: Mapping[str, Part]) -> pa.Table:
    rows = [(number, part, i) for number, part in enumerate(parts.values()) for i in range(len(part.concepts))]
    concepts = [part.concepts[i] for _, part, i in rows]
    columns: dict[str, list[Any]] = {
        "file": [number for number, _, _ in rows],
        "line": [part.lines[i] for _, part, i in rows],
        **{key: [getattr(c, key) for c in concepts] for key in (*_FIRST, "aliases", *_PLACED)},
        "member_tags": [list(c.members) for c in concepts],
        "member_counts": [list(c.members.values()) for c in concepts],
        "quotes": [[e.quote for e in c.examples] for c in concepts],
        "doc_ids": [[e.doc_id for e in c.examples] for c in concepts],
        **{key: [getattr(c.counts, key) for c in concepts] for key in check.COUNTS},
    }
    return pa.table(columns, schema=SCHEMA)


def _lists(column: pa.ChunkedArray) -> list[list[Any]]:
    """A list column in Python: its values in one go, then cut (x 5 to_pylist of the lists)."""
    array = column.combine_chunks()
    values, offsets = array.values.to_pylist(), array.offsets.to_pylist()
    return [values[start:end] for start, end in pairwise(offsets)]


def _parts(table: pa.Table, files: list[list[str]]) -> dict[str, Part]:
    plain = {name: table[name].to_pylist() for name in table.column_names if not pa.types.is_list(table[name].type)}
    lists = {name: _lists(table[name]) for name in table.column_names if pa.types.is_list(table[name].type)}
    heads = zip(
        *(plain[key] for key in _FIRST),
        map(tuple, lists["aliases"]),
        *(plain[key] for key in _PLACED),
        (dict(zip(*member, strict=True)) for member in zip(lists["member_tags"], lists["member_counts"], strict=True)),
        (tuple(map(Example, *quoted)) for quoted in zip(lists["quotes"], lists["doc_ids"], strict=True)),
        (Counts(*counts) for counts in zip(*(plain[key] for key in check.COUNTS), strict=True)),
        strict=True,
    )
    with yaml_nodes.no_collection():
        concepts = [Concept(*values) for values in heads]
    parts = {}
    first = 0
    for number, (name, digest) in enumerate(files):
        count = plain["file"].count(number)
        parts[name] = Part(digest, concepts[first : first + count], plain["line"][first : first + count])
        first += count
    return parts
