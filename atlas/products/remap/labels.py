"""New ids for the labels of chunks, as arithmetic on list columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.errors import AtlasError
from atlas.library.successors import UNKNOWN, Translation
from atlas.products.remap.kernels import keep_best

IDS = "concept_ids"
SCORES = "scores"
REJECTED = "rejected_ids"
NO_SCORES = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of the labels of some chunks.

    ``kept`` bool [labels before], ``ids`` int32 [labels after], ``sizes`` int64 [chunks].
    """

    kept: np.ndarray
    ids: np.ndarray
    sizes: np.ndarray


def translated(ids: np.ndarray, sizes: np.ndarray, scores: np.ndarray | None, translation: Translation) -> Kept:
    """Labels under a translation.

    A label whose concept nothing took over goes. Where two labels of a chunk become one concept, the one with the
    highest score stays, at its place (of equal scores the first): what was sorted by score still is.

    Args:
        ids: int32 [labels], chunk after chunk. sizes: labels of each chunk, int64 [chunks].
        scores: float [labels], or None where there are none: then the first of two stays.

    Raises:
        AtlasError: an id that the library does not have.
    """
    new = today(ids, translation)
    kept = np.ones(len(ids), bool)
    places, starts = np.arange(len(ids), dtype=np.int32), np.concatenate([[0], np.cumsum(sizes)])
    keep_best(places, new, new != ids, starts, NO_SCORES if scores is None else scores, kept)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return Kept(kept, new[kept], np.bincount(owner[kept], minlength=len(sizes)))


def today(ids: np.ndarray, translation: Translation) -> np.ndarray:
    """Today's ids, int32: negative where nothing took over.

    Raises:
        AtlasError: an id that the library does not have.
    """
    new = translation(ids)
    unknown = new == UNKNOWN
    if unknown.any():
        raise AtlasError(_not_there(ids[unknown]))
    return new


def _not_there(ids: np.ndarray) -> str:
    few = ", ".join(str(id_) for id_ in np.unique(ids)[:5])
    more = f" and {len(np.unique(ids)) - 5:,} more" if len(np.unique(ids)) > 5 else ""
    return (
        f"concept {few}{more} is not in the library. Ids are permanent: put the entry back (retired, if it is to go), "
        "or give the edited library that this run's library became"
    )


def groups(schema: pa.Schema) -> dict[str, list[str]]:
    """The id columns of a table of annotated chunks, each with the list columns that may be aligned with it.

    ``concept_ids`` and any ``*_ids`` that is a list of int32 hold ids. A list column belongs to the id column whose
    name's beginning it shares (``rejected_ids``, ``rejected_scores``), else to ``concept_ids``.
    """
    lists = [f.name for f in schema if pa.types.is_list(f.type) or pa.types.is_large_list(f.type)]
    holding = [
        name
        for name in lists
        if name == IDS or (name.endswith("_ids") and pa.types.is_int32(schema.field(name).type.value_type))
    ]
    found: dict[str, list[str]] = {name: [] for name in holding}
    for name in lists:
        if name not in found:
            begun = (i for i in holding if i != IDS and name.startswith(i.removesuffix("ids")))
            found.setdefault(next(begun, IDS), []).append(name)
    return found


def relabel(
    lists: Mapping[str, pa.Array], ids_column: str, aligned: list[str], translation: Translation
) -> dict[str, pa.Array]:
    """The id column and those aligned with it, under a translation.

    Args:
        lists: the columns by name, list arrays of equal lengths per chunk.
    """
    column = lists[ids_column]
    floats = [n for n in aligned if pa.types.is_floating(lists[n].type.value_type)]
    scored = next((n for n in floats if n.endswith(SCORES)), None)
    scores = None if scored is None else np.asarray(lists[scored].flatten())
    result = translated(np.asarray(column.flatten()), sizes_of(column), scores, translation)
    offsets = np.concatenate([[0], np.cumsum(result.sizes)])
    mask = pa.array(result.kept)
    changed = {ids_column: _lists(offsets, pa.array(result.ids), column)}
    for name in aligned:
        changed[name] = _lists(offsets, pc.filter(lists[name].flatten(), mask), lists[name])
    return changed


def without_given(lists: Mapping[str, pa.Array], aligned: list[str]) -> dict[str, pa.Array]:
    """The rejected ids, and the columns aligned with them, without what the chunk has: merged concepts can be both.

    Args:
        lists: by name, ``concept_ids``, ``rejected_ids`` and the aligned columns.
    """
    owned, rejected = (_keys(lists[name]) for name in (IDS, REJECTED))
    kept = ~np.isin(rejected, owned)
    column = lists[REJECTED]
    owner = np.repeat(np.arange(len(column)), sizes_of(column))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=len(column)))])
    mask = pa.array(kept)
    return {name: _lists(offsets, pc.filter(lists[name].flatten(), mask), lists[name]) for name in (REJECTED, *aligned)}


def _keys(column: pa.Array) -> np.ndarray:
    """Chunk and id of each label in one number, int64 [labels]."""
    owner = np.repeat(np.arange(len(column), dtype=np.int64), sizes_of(column))
    return owner << 32 | np.asarray(column.flatten()).astype(np.int64)


def sizes_of(column: pa.Array) -> np.ndarray:
    """Labels of each chunk, int64 [chunks]; none where the list is null."""
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0)).astype(np.int64)


def _lists(offsets: np.ndarray, values: pa.Array, like: pa.Array) -> pa.Array:
    make = pa.LargeListArray if pa.types.is_large_list(like.type) else pa.ListArray
    place = pa.array(offsets, pa.int64() if pa.types.is_large_list(like.type) else pa.int32())
    gone = like.is_null() if like.null_count else None
    return make.from_arrays(place, values, mask=gone).cast(like.type)
