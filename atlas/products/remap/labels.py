"""New ids for the labels of chunks, as arithmetic on list columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.errors import AtlasError
from atlas.library.successors import UNKNOWN, Translation

IDS = "concept_ids"
SCORES = "scores"
REJECTED = "rejected_ids"


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
    new = translation(ids)
    touched = new != ids
    unknown = new == UNKNOWN
    if unknown.any():
        raise AtlasError(_not_there(ids[unknown]))
    kept = new >= 0
    owner = np.repeat(np.arange(len(sizes)), sizes)
    mended = np.zeros(len(sizes), bool)  # only a chunk that gets a new id can have it twice
    mended[owner[touched & kept]] = True
    labels = np.flatnonzero(kept & mended[owner])
    kept[labels[_again(owner[labels], new[labels], None if scores is None else scores[labels])]] = False
    return Kept(kept, new[kept], np.bincount(owner[kept], minlength=len(sizes)))


def _again(owner: np.ndarray, ids: np.ndarray, scores: np.ndarray | None) -> np.ndarray:
    """Places of the labels that their chunk has already, with a better score or the same and earlier, int64.

    Labels mostly come sorted by score. Then one whole number holds chunk, id and place, and to sort these is ten times
    as fast as to sort by three columns.
    """
    if not len(ids):
        return np.zeros(0, np.int64)
    bits = [int(top).bit_length() for top in (owner[-1], ids.max(), len(ids))]
    falling = scores is None or bool(((scores[1:] <= scores[:-1]) | (owner[1:] != owner[:-1])).all())
    if falling and sum(bits) < 64:
        keys = owner.astype(np.uint64) << np.uint64(bits[1]) | ids.astype(np.uint64)
        keys = np.sort(keys << np.uint64(bits[2]) | np.arange(len(ids), dtype=np.uint64))
        labels = keys >> np.uint64(bits[2])
        return (keys[1:][labels[1:] == labels[:-1]] & np.uint64((1 << bits[2]) - 1)).astype(np.int64)
    strength = np.zeros(len(ids)) if scores is None else -scores
    order = np.lexsort((np.arange(len(ids)), strength, ids, owner))
    same = (owner[order][1:] == owner[order][:-1]) & (ids[order][1:] == ids[order][:-1])
    return order[1:][same]


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
