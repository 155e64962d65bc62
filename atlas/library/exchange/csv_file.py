"""A library as CSV, for spreadsheets: one row a concept.

A list of plain words is written ``one | another``; lists that this can't hold, members and examples are JSON.
"""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from atlas.errors import AtlasError
from atlas.library.concept import Concept
from atlas.library.exchange.records import COLUMNS, Entry, entry, record

SEPARATOR = "|"
LARGEST_CELL = 1 << 30  # Python's reader stops at 128 KiB a cell; a frequent concept's members can be more
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


def write(concepts: Iterable[tuple[Concept, str]], stream: TextIO) -> None:
    """Write concepts with their source addresses (empty where there is none)."""
    writer = csv.DictWriter(stream, list(COLUMNS), lineterminator="\r\n")
    writer.writeheader()
    for concept, uri in concepts:
        writer.writerow({key: _cell(value) for key, value in record(concept, uri).items()})


def read(path: Path, facet: str) -> Iterable[Entry]:
    """The concepts of a CSV file with a header; only the column ``name`` must be there.

    Raises:
        AtlasError: with file and line, for the first row that is no concept.
    """
    csv.field_size_limit(LARGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream, strict=True)
        try:
            unknown = [name for name in rows.fieldnames or () if name not in COLUMNS]
            if unknown or "name" not in (rows.fieldnames or ()):
                said = f"unknown column {unknown[0]!r}" if unknown else "no column 'name'"
                raise AtlasError(f"{path}:1: {said}; the columns of a concept are {', '.join(COLUMNS)}")
            for row in rows:
                where = f"{path}:{rows.line_num}"
                if None in row:
                    raise AtlasError(f"{where}: has more cells than the header has columns")
                yield entry({key: _value(key, text, where) for key, text in row.items()}, where, facet)
        except csv.Error as error:
            raise AtlasError(f"{path}:{rows.line_num + 1}: not valid CSV: {error}") from None
        except UnicodeDecodeError as error:
            raise AtlasError(f"{path}: is not UTF-8 (byte {error.start}); save it as CSV UTF-8") from None


def _cell(value: Any) -> str:
    if value is None or value == [] or value == {} or value is False:
        return ""
    if value is True:
        return "true"
    if isinstance(value, list) and all(_is_plain(item) for item in value) and not value[0].startswith("["):
        return f" {SEPARATOR} ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _is_plain(item: Any) -> bool:
    return isinstance(item, str) and item != "" and item == item.strip() and SEPARATOR not in item


def _value(key: str, text: str | None, where: str) -> Any:
    wanted = COLUMNS[key]
    if not text:
        return None
    if wanted is str:
        return text
    if wanted is bool:
        if text.lower() not in _TRUE + _FALSE:
            raise AtlasError(f"{where}: {key} must be true or false, not {text!r}")
        return text.lower() in _TRUE
    if wanted in (int, float):
        try:
            return wanted(text)
        except ValueError:
            said = "a whole number" if wanted is int else "a number"
            raise AtlasError(f"{where}: {key} must be {said}, not {text!r}") from None
    if wanted is list and not text.startswith("["):
        return [item.strip() for item in text.split(SEPARATOR) if item.strip()]
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise AtlasError(f"{where}: {key} is not valid JSON: {error}") from None
