"""A corpus with a record of every kind that can't be processed, and the same corpus mended."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from stages_with_faults import MARK

HUGE = 20 << 20  # bytes of a line
GROUP = 4  # rows of a row group


@dataclass(frozen=True)
class Bad:
    """One record: its line (JSON Lines) or row, the reason and the first words of the detail. ``raw`` is kept of it."""

    at: int
    reason: str
    detail: str
    raw: bytes | None = None


def _rows(name: str, count: int) -> list[dict[str, Any]]:
    return [
        {"id": f"{name}-{n}", "text": f"Entry {n} of {name}. The tide came in. Nobody saw it."} for n in range(count)
    ]


def _lines(rows: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(row).encode() + b"\n" for row in rows]


VALUES = [  # a line in place of each of the first rows but the first
    (b'{"id": "a", "text": null}\n', "null_text", "column 'text' is null"),
    (b'{"id": "b", "text": 7}\n', "text_not_string", "column 'text' holds int, not a string"),
    (b'{"id": "c", "text": ["x"]}\n', "text_not_string", "column 'text' holds list, not a string"),
    (b'{"id": "d"}\n', "missing_text", "no 'text' in this row"),
    (b'{"id": null, "text": "x"}\n', "null_id", "column 'id' is null or missing"),
    (b'{"id": "values.jsonl-0", "text": "x"}\n', "duplicate_id", "'values.jsonl-0' is the id of row 0 too"),
    (b'{"id": "f", "text": "half \\ud83d"}\n', "not_unicode", "lone surrogate at character 5 of column 'text'"),
    (b'{"id": "\\udc00", "text": "x"}\n', "not_unicode", "lone surrogate at character 0 of column 'id'"),
    ('{"id": "h", "text": "blåbær"}\n'.encode("latin-1"), "unreadable", "not UTF-8: byte 0xe5 at position 23"),
    (b'{"id": "i", "text": "breaks off\n', "unreadable", "not JSON: "),
    (b'["j", "text"]\n', "unreadable", "holds a JSON list, not an object"),
    (b"[" * 100_000 + b"\n", "unreadable", "not JSON: nested too deeply"),
]


def _values(path: Path, mended: bool) -> list[Bad]:
    lines = _lines(_rows(path.name, len(VALUES) + 1))
    if not mended:
        lines[1:] = [line for line, _, _ in VALUES]
    path.write_bytes(b"".join(lines))
    return [Bad(number, reason, detail, line) for number, (line, reason, detail) in enumerate(VALUES, start=1)]


def _gigantic(path: Path, mended: bool) -> list[Bad]:
    """A line of 20 MB that has no end."""
    lines = _lines(_rows(path.name, 3))
    huge = b'{"id": "huge", "text": "' + b"All work and no play. " * (HUGE // 22) + b"\n"
    if not mended:
        lines[1] = huge
    path.write_bytes(b"".join(lines))
    return [Bad(1, "unreadable", "not JSON: ", huge)]


def _utf16(path: Path, mended: bool) -> list[Bad]:
    raw = b"".join(_lines(_rows(path.name, 2)))
    wide = raw.decode().encode("utf-16")
    path.write_bytes(raw if mended else wide)
    first, second, rest = wide.split(b"\n")
    return [
        Bad(0, "unreadable", "not UTF-8: byte 0xff at position 0", first + b"\n"),
        Bad(1, "unreadable", "not JSON: ", second + b"\n"),
        Bad(2, "unreadable", "not JSON: ", rest),
    ]


def _broken_page(path: Path, mended: bool) -> list[Bad]:
    """Parquet whose second row group has a page that is not what its checksum says."""
    table = pa.Table.from_pylist(_rows(path.name, 3 * GROUP))
    pq.write_table(table, path, row_group_size=GROUP, write_page_checksum=True)
    if not mended:
        column = pq.read_metadata(path).row_group(1).column(1)
        whole = bytearray(path.read_bytes())
        first = column.dictionary_page_offset or column.data_page_offset
        whole[first + column.total_compressed_size - 3] ^= 0x10
        path.write_bytes(whole)
    return [Bad(row, "unreadable", "row group 1 is damaged: ") for row in range(GROUP, 2 * GROUP)]


def _no_parquet(path: Path, mended: bool) -> list[Bad]:
    if mended:
        pq.write_table(pa.Table.from_pylist(_rows(path.name, 6)), path, row_group_size=2)
    else:
        path.write_bytes(b"<html><body>503 Slow Down</body></html>")
    return [Bad(0, "unreadable", "not a readable Parquet file")]


def _cut_off(path: Path, mended: bool) -> list[Bad]:
    """A compressed file of which the end is lacking: the lines that are there come out, the rest is one record."""
    whole = gzip.compress(b"".join(_lines(_rows(path.name, 200))), mtime=0)
    path.write_bytes(whole if mended else whole[: len(whole) // 2])
    read = len([line for line in gzip_lines(whole[: len(whole) // 2]) if line.endswith(b"\n")])
    return [Bad(read, "unreadable", "compressed data breaks off or is damaged (")]


def gzip_lines(raw: bytes) -> list[bytes]:
    """The lines of compressed data as far as it goes."""
    import zlib

    return zlib.decompressobj(31).decompress(raw).splitlines(keepends=True)


def _killer(path: Path, mended: bool) -> list[Bad]:
    """A document with which the faulty stage kills its process."""
    rows = _rows(path.name, 4)
    if not mended:
        rows[2]["text"] = f"Here it comes: {MARK}"
    path.write_bytes(b"".join(_lines(rows)))
    return [
        Bad(2, "processing", "the process that worked on this record died (worker process ended with exit code -9)")
    ]


KINDS: dict[str, Callable[[Path, bool], list[Bad]]] = {
    "values.jsonl": _values,
    "gigantic.jsonl": _gigantic,
    "utf16.jsonl": _utf16,
    "page.parquet": _broken_page,
    "none.parquet": _no_parquet,
    "cut.jsonl.gz": _cut_off,
    "killer.jsonl": _killer,
}


def write(folder: Path, name: str, *, mended: bool = False) -> list[Bad]:
    """Write one file of the corpus; what is bad in it, where it is not mended."""
    return KINDS[name](folder / name, mended)


def write_corpus(folder: Path, *, mended: bool = False) -> dict[str, list[Bad]]:
    """All files, among them two with which all is well; what is bad, by file."""
    folder.mkdir()
    (folder / "good.jsonl").write_bytes(b"".join(_lines(_rows("good.jsonl", 5))))
    pq.write_table(pa.Table.from_pylist(_rows("good.parquet", 5)), folder / "good.parquet")
    return {name: write(folder, name, mended=mended) for name in KINDS}
