"""Which labels a trainer sees: some concepts, above a score, by the ids of today's library."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.digest import of_bytes
from atlas.errors import AtlasError
from atlas.library.successors import DROPPED, UNKNOWN, Translation
from atlas.reader.block import Labels

NONE = -1  # in place of a concept id where there is no concept


@dataclass(frozen=True)
class LabelFilter:
    """What is done to the labels of a chunk, in this order: translated, chosen, numbered.

    ``translation``: what each id is today; ``closed``: whether it knows every id there may be; ``concepts``: ids of
    today that are kept, ascending (None: all); ``least``: the lowest score that is kept; ``dense``: ids become their
    number among ``concepts``.
    """

    translation: Translation | None = None
    closed: bool = True
    concepts: np.ndarray | None = None
    least: float = 0.0
    dense: bool = False

    @property
    def idle(self) -> bool:
        return self.translation is None and self.concepts is None and self.least <= 0

    @property
    def digest(self) -> str:
        """Of all that changes what comes out; empty where nothing does."""
        if self.idle:
            return ""
        arrays = [] if self.translation is None else [self.translation.ids, self.translation.targets]
        arrays += [] if self.concepts is None else [self.concepts]
        return of_bytes(
            [repr((self.least, self.dense, self.closed)).encode(), *(array.tobytes() + b";" for array in arrays)]
        )

    def __call__(self, labels: Labels, place: str) -> Labels:
        """The labels that are left, still best first.

        Raises:
            AtlasError: an id that the library does not have; ``place`` names where it was found.
        """
        if self.idle or not len(labels.ids):
            return labels
        ids, kept = labels.ids, labels.scores >= np.float32(self.least)
        if self.translation is not None:
            ids = self.translation(ids)
            unknown = ids == UNKNOWN
            if self.closed and unknown.any():
                raise AtlasError(
                    f"{place}: concept id {labels.ids[unknown][0]} is not in the library given; "
                    "give the library that the corpus was annotated with, or a later state of it"
                )
            ids = np.where(unknown, labels.ids, ids)
            kept &= ids != DROPPED
        if self.concepts is not None:
            numbers = np.minimum(np.searchsorted(self.concepts, ids), len(self.concepts) - 1)
            kept &= self.concepts[numbers] == ids
            ids = numbers.astype(np.int32) if self.dense else ids
        owner = np.repeat(np.arange(len(labels.sizes)), labels.sizes)
        if self.translation is not None:
            kept &= _first_of_each(owner, ids, kept)
        sizes = np.bincount(owner[kept], minlength=len(labels.sizes))
        return Labels(sizes, ids[kept], labels.scores[kept])


def _first_of_each(owner: np.ndarray, ids: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Whether a label is its chunk's first with its id: of two ids that became one, the better score stays."""
    pairs = np.where(kept, owner * (np.int64(1) << 32) + ids, -1)
    first = np.zeros(len(ids), bool)
    first[np.unique(pairs, return_index=True)[1]] = True
    return first


def label_filter(
    library: Any = None, concepts: Iterable[int] | None = None, min_score: float = 0.0, dense: bool = False
) -> LabelFilter:
    """A filter from what a trainer has.

    Args:
        library: as of ``translation_of``; None: ids stay what they are.
        concepts: ids to keep; None: all of the library.
        min_score: lowest score kept.
        dense: number the kept concepts 0, 1, …; needs ``concepts`` or ``library``.

    Raises:
        AtlasError: a concept that is not in the library or not active; nothing to number; no such library.
    """
    if not 0 <= min_score <= 1:
        raise AtlasError(f"min_score {min_score}: must be from 0 to 1")
    translation = None if library is None else translation_of(library)
    closed = not isinstance(library, Mapping)
    active = None
    if translation is not None and closed:
        active = translation.ids[translation.ids == translation.targets]
    chosen = active if dense else None
    if concepts is not None:
        chosen = np.unique(np.array(list(concepts), np.int32))
        if active is not None and len(strange := np.setdiff1d(chosen, active)):
            raise AtlasError(
                f"concepts: {strange[0]} is no active concept of the library; name the ids that hold today"
            )
        if not len(chosen):
            raise AtlasError("concepts: none is named, so no chunk would have a label; leave it out to keep all")
    if dense and chosen is None:
        raise AtlasError("dense: needs concepts=…, or a whole library=…, to know which ids there are")
    return LabelFilter(translation, closed, chosen, float(min_score), dense)


def translation_of(library: Any) -> Translation:
    """What each id of a library is today.

    Args:
        library: a mapping from ids that changed to today's (None: nothing took over); a ``Library``; a
            ``Translation``; a table of concepts (``concept_id`` or ``id``, ``status``, ``replaced_by``) or the path of
            one as Parquet; or the path of a library folder.

    Raises:
        AtlasError: it is none of these, or ``replaced_by`` leads in a circle or out of the library.
    """
    if isinstance(library, Translation):
        return library
    if isinstance(library, Mapping):
        heirs = {int(old): new for old, new in library.items() if new != old}
        stay = {int(new) for new in library.values() if new is not None and new not in heirs}
        return _resolved(heirs, stay)
    if isinstance(library, pa.Table):
        return _of_table(library)
    if hasattr(library, "concepts") and hasattr(library, "by_id"):
        return Translation.of(library)
    path = Path(library)
    if path.is_dir():
        from atlas.library import store  # reads YAML, which a trainer who has a table needs not

        return Translation.of(store.load(path))
    try:
        return _of_table(pq.read_table(path))
    except (OSError, pa.ArrowInvalid) as error:
        raise AtlasError(f"{path}: is no library folder and no Parquet table of concepts ({error})") from error


def _of_table(table: pa.Table) -> Translation:
    names = set(table.column_names)
    id_column = "concept_id" if "concept_id" in names else "id"
    if not {id_column, "status", "replaced_by"} <= names:
        raise AtlasError("library: a table of concepts has the columns concept_id (or id), status and replaced_by")
    ids, status, heirs = (table[name].to_pylist() for name in (id_column, "status", "replaced_by"))
    active = {one for one, state in zip(ids, status, strict=True) if state == "active"}
    return _resolved(dict(zip(ids, heirs, strict=True)), active)


def _resolved(heirs: Mapping[int, int | None], active: set[int]) -> Translation:
    targets = []
    ids = sorted({*heirs, *active})
    for one in ids:
        seen, now = {one}, one
        while now not in active:
            following = heirs.get(now)
            if following is None:
                now = DROPPED
                break
            if following in seen or (following not in heirs and following not in active):
                raise AtlasError(f"library: replaced_by of concept {now} leads to {following}: in a circle or nowhere")
            seen.add(following)
            now = following
        targets.append(now)
    return Translation(np.array(ids, np.int32), np.array(targets, np.int32))
