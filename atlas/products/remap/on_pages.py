"""New ids for the labels of a row group without decoding what stays.

A merge changes an id wherever it stands, so mostly it is enough to change the dictionary of the ids. The data pages
are only opened where the library's edit could leave a list with an id twice or take one away, and only written anew
where it does.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from atlas.library.successors import Translation
from atlas.products.remap.kernels import keep_best, list_starts
from atlas.products.remap.labels import IDS, NO_SCORES, SCORES, today
from atlas.products.remap.pages import (
    Column,
    Unusual,
    content,
    put_together,
    taken_apart,
    thin,
    thinned,
    values,
    with_dictionary,
)
from atlas.products.remap.splice import Fresh, path_of, place_of
from atlas.products.remap.thrift import Struct


def on_pages(
    source: Any, file: pq.ParquetFile, chunks: Mapping[bytes, Struct], translation: Translation
) -> tuple[Fresh, int]:
    """New chunks of ``concept_ids`` and ``scores``, where they change, and how many labels fewer they hold.

    Args:
        source: a seekable stream of the file. chunks: column chunks of the row group by path.

    Raises:
        Unusual: pages that are not as Atlas writes them. ValueError: damaged.
        AtlasError: an id that the library does not have.
    """
    ids = _column(source, file, chunks, IDS)
    if not ids.by_dictionary or ids.dictionary is None:
        raise Unusual
    old, new = ids.dictionary, today(ids.dictionary, translation)
    if (new == old).all():
        return {}, 0
    live = new[new >= 0]
    if not len(live):
        raise Unusual
    renamed = with_dictionary(ids, np.where(new >= 0, new, live[0]))  # a place that is not used needs some id
    if len(np.unique(live)) == len(new):
        return _fresh((renamed, None)), 0
    held = content(ids)
    labels = np.concatenate(held.numbers), new, new != old, list_starts(held.repetition, held.definition, ids.top)
    kept = np.ones(len(labels[0]), bool)
    if keep_best(*labels, NO_SCORES, kept):
        return _fresh((renamed, None)), 0
    scores = _column(source, file, chunks, SCORES)
    beside = content(scores)
    if not np.array_equal(held.repetition, beside.repetition) or (scores.top, scores.empty) != (ids.top, ids.empty):
        raise Unusual
    kept[:] = True
    keep_best(*labels, values(scores, beside), kept)
    left = int(kept.sum())
    thinning = thin(ids, held, kept)
    return _fresh((thinned(renamed, held, thinning), left), (thinned(scores, beside, thinning), left)), len(kept) - left


def _column(source: Any, file: pq.ParquetFile, chunks: Mapping[bytes, Struct], name: str) -> Column:
    path = next(path for path in chunks if path.split(b"\0")[0] == name.encode())
    leaf = next(leaf for leaf in map(file.schema.column, range(len(file.schema))) if leaf.path == _dotted(path))
    top = leaf.max_definition_level
    empty = top - 1 - file.schema_arrow.field(name).type.value_field.nullable
    start, length = place_of(chunks[path])
    source.seek(start)
    raw = source.read(length)
    try:
        return taken_apart(raw, chunks[path], top, empty)
    except LookupError as error:
        raise ValueError(f"a page's header in {name} can't be read") from error


def _dotted(path: bytes) -> str:
    return path.replace(b"\0", b".").decode()


def _fresh(*columns: tuple[Column, int | None]) -> Fresh:
    return {path_of(column.chunk): put_together(column, left) for column, left in columns}
