"""``sources.csv`` beside the YAML: which concept of a library stands for which term of a thesaurus.

Not an alias, as aliases are names that tags are matched with and that the digest covers; an address is neither.
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from atlas.errors import AtlasError
from atlas.library.exchange.records import Source
from atlas.storage import write_text

FILE = "sources.csv"
COLUMNS = ["concept_id", "uri", "notation", "also_under"]
SEPARATOR = " | "

Sources = Mapping[str, tuple[int, Source]]  # by address


def load(folder: Path) -> dict[str, tuple[int, Source]]:
    """What a library folder says of its sources; empty where it has no such file.

    Raises:
        AtlasError: with file and line, for a row that can't be read, or an address that two concepts have.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    found: dict[str, tuple[int, Source]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        if rows.fieldnames != COLUMNS:
            raise AtlasError(f"{path}:1: expected the columns {', '.join(COLUMNS)}")
        for row in rows:
            where = f"{path}:{rows.line_num}"
            number, uri, also = row["concept_id"], row["uri"], row["also_under"]
            if not number or not number.isdecimal() or not uri or also is None:
                raise AtlasError(f"{where}: expected a concept id and an address, not {number!r} and {uri!r}")
            if uri in found:
                raise AtlasError(f"{where}: {uri} is the source of {found[uri][0]} already; keep one of the rows")
            under = tuple(also.split(SEPARATOR)) if also else ()
            found[uri] = int(number), Source(uri, row["notation"], under)
    return found


def save(sources: Sources, folder: Path) -> None:
    """Write the file in the order of concept ids; not where there is nothing to say and no file."""
    path = folder / FILE
    if not sources and not path.exists():
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, source in sorted(sources.values(), key=lambda pair: (pair[0], pair[1].uri)):
        writer.writerow([number, source.uri, source.notation, SEPARATOR.join(source.also_under)])
    write_text(path, text.getvalue())


def addresses(sources: Sources) -> dict[int, str]:
    """The address of each concept that has one; the first in the alphabet of several."""
    found: dict[int, str] = {}
    for uri in sorted(sources, reverse=True):
        found[sources[uri][0]] = uri
    return found
