"""One part of an annotated run under an edited library."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.library.successors import Translation
from atlas.products.remap.labels import IDS, REJECTED, SCORES, groups, relabel, sizes_of, without_given
from atlas.products.remap.on_pages import on_pages
from atlas.products.remap.pages import Unusual
from atlas.products.remap.splice import Fresh, encoded, splice
from atlas.products.remap.thrift import Struct
from atlas.runner.counts import Counts
from atlas.runner.part_writer import FOOTER_KEY
from atlas.storage import atomic_output

STAGE = "remap"
VERSION = 2  # goes into every key: raise it where the output of remap changes
COPY_BYTES = 4 << 20

Footer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A part to be carried over: where it is, where it goes, and its new footer, but for the counts of labels.

    ``quarantine``: from and to; it is copied before the part appears.
    """

    part: str
    out: str
    footer: Footer
    quarantine: tuple[str, str] | None = None


def new_footer(old: Footer, library: str) -> Footer:
    """What a remapped part says of itself, with the counts that it had.

    Its key is the digest of all that it depends on: the old footer, in which the old key is, and the library.
    """
    key = of_json({"remap": VERSION, "of": old, "library": library})
    origin = {"library": old["library"], "key": old["key"]}
    return {**old, "stage": STAGE, "library": library, "key": key, "remapped": origin}


def carry(job: Job, translation: Translation, here: pafs.FileSystem, there: pafs.FileSystem) -> Counts:
    """Write a part under a translation, whole or not at all; the pages of what doesn't change are copied.

    Raises:
        AtlasError: the part is damaged, or holds an id that the library does not have.
    """
    gone = 0

    def renewed(number: int, chunks: Mapping[bytes, Struct]) -> Fresh:
        nonlocal gone
        if simple:
            try:
                fresh, fewer = on_pages(source, file, chunks, translation)
                gone += fewer
                return fresh
            except Unusual:
                pass  # another writer's pages: by way of Arrow
        table, fewer = _relabelled(file, number, together, translation)
        gone += fewer
        return {} if table is None else encoded(table)

    def footer() -> dict[bytes, bytes]:
        final = {**job.footer, "counts": asdict(_after(job.footer, gone))}
        return {FOOTER_KEY: json.dumps(final, sort_keys=True).encode()}

    try:
        if job.quarantine is not None:
            _copy(here, job.quarantine[0], there, job.quarantine[1])
        with here.open_input_file(job.part) as source:
            file = pq.ParquetFile(source, page_checksum_verification=True)
            together = aligned(file)
            simple = together == {IDS: [SCORES]}
            with atomic_output(there, job.out) as out:
                splice(source, out, renewed, footer)
    except AtlasError as error:
        raise AtlasError(f"{job.part}: {error}") from None
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault; Arrow's own, of a checksum that is not right, has no number
        raise AtlasError(f"{job.part}: is damaged ({error}); run again, with --verify, what wrote it") from error
    return _after(job.footer, gone)


def _after(footer: Footer, gone: int) -> Counts:
    counts = Counts(**footer["counts"])
    return replace(counts, labels=counts.labels - gone)


def aligned(file: pq.ParquetFile) -> dict[str, list[str]]:
    """Id columns of a part, each with the list columns that have a value for each of its ids, in every row.

    ``scores`` is always one; others are looked at, row group by row group.
    """
    found = groups(file.schema_arrow)
    if IDS not in found:
        raise AtlasError(f"has no column {IDS}, so it is no annotated part; give a run of `atlas annotate`")
    kept = {ids: list(others) for ids, others in found.items()}
    for ids, others in found.items():
        unsure = [name for name in others if (ids, name) != (IDS, SCORES)]
        for number in range(file.num_row_groups if unsure else 0):
            table = file.read_row_group(number, columns=[ids, *unsure], use_threads=False).combine_chunks()
            sizes = sizes_of(_array(table, ids))
            differ = [name for name in unsure if (sizes_of(_array(table, name)) != sizes).any()]
            kept[ids] = [name for name in kept[ids] if name not in differ]
    return kept


def _relabelled(
    file: pq.ParquetFile, number: int, together: Mapping[str, list[str]], translation: Translation
) -> tuple[pa.Table | None, int]:
    """New columns of a row group, or None, and how many labels fewer they hold."""
    new: dict[str, pa.Array] = {}
    gone = 0
    for ids, others in together.items():
        column = _array(file.read_row_group(number, columns=[ids], use_threads=False), ids)
        if not translation.touches(column.flatten().to_numpy()):
            continue
        lists = {ids: column}
        if others:
            table = file.read_row_group(number, columns=others, use_threads=False)
            lists |= {name: _array(table, name) for name in others}
        changed = relabel(lists, ids, others, translation)
        if ids == IDS:
            gone = len(column.flatten()) - len(changed[ids].flatten())
        new |= changed
    if not new:
        return None, 0
    if REJECTED in together:
        others = together[REJECTED]
        rest = [name for name in (IDS, REJECTED, *others) if name not in new]
        table = file.read_row_group(number, columns=rest, use_threads=False)
        new |= without_given(new | {name: _array(table, name) for name in rest}, others)
    schema = pa.schema([field for field in file.schema_arrow if field.name in new])
    return pa.Table.from_arrays([new[field.name] for field in schema], schema=schema), gone


def _array(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name).combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def _copy(here: pafs.FileSystem, path: str, there: pafs.FileSystem, to: str) -> None:
    with here.open_input_stream(path) as source, atomic_output(there, to) as out:
        while block := source.read(COPY_BYTES):
            out.write(block)
