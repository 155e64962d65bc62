"""What every id of a library means today: itself, the concept that took over, or nothing any more."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from atlas.errors import AtlasError
from atlas.library.concept import Library

DROPPED, UNKNOWN = -1, -2
DENSE_IDS = 1 << 24  # up to this id a plain table (64 MiB at most) does; 33,000 concepts fit the processor's cache


def successor(library: Library, concept_id: int) -> int | None:
    """The active concept that a concept's chunks belong to, along ``replaced_by``; None where nothing took over.

    Raises:
        AtlasError: ``replaced_by`` leads in a circle.
    """
    seen: list[int] = []
    following: int | None = concept_id
    while following is not None and not library.by_id[following].active:
        if following in seen:
            circle = " → ".join(map(str, [*seen[seen.index(following) :], following]))
            raise AtlasError(f"replaced_by leads in a circle ({circle}); break it in the library's YAML")
        seen.append(following)
        following = library.by_id[following].replaced_by
    return following


@dataclass(frozen=True)
class Translation:
    """Old id → id of today, for every id of a library.

    ``ids`` ascending, ``targets`` beside them, both int32; a target is DROPPED where nothing took over.
    """

    ids: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, library: Library) -> "Translation":
        found = [successor(library, concept.id) for concept in library.concepts]
        targets = [DROPPED if id_ is None else id_ for id_ in found]
        return cls(np.array([c.id for c in library.concepts], np.int32), np.array(targets, np.int32))

    @cached_property
    def changed(self) -> np.ndarray:
        """Ids that are not themselves any more, int32, ascending."""
        return self.ids[self.ids != self.targets]

    @cached_property
    def _dense(self) -> np.ndarray | None:
        if not len(self.ids) or self.ids[-1] > DENSE_IDS:
            return None
        table = np.full(int(self.ids[-1]) + 1, UNKNOWN, np.int32)
        table[self.ids] = self.targets
        return table

    def __call__(self, ids: np.ndarray) -> np.ndarray:
        """Today's ids, int32 like ``ids``: DROPPED where nothing took over, UNKNOWN for an id that it lacks."""
        if not len(ids):
            return ids.astype(np.int32)
        if self._dense is not None and ids.min() >= 0 and ids.max() < len(self._dense):
            return self._dense[ids]
        if not len(self.ids):
            return np.full(len(ids), UNKNOWN, np.int32)
        place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[place] == ids, self.targets[place], UNKNOWN).astype(np.int32)

    def touches(self, ids: np.ndarray) -> bool:
        """Whether any of the ids is another today, or unknown."""
        return bool((self(ids) != ids).any())

    def then(self, later: "Translation") -> "Translation":
        """First this one, then ``later``: a library, and the same one edited further."""
        kept = self.targets >= 0
        targets = self.targets.copy()
        targets[kept] = later(self.targets[kept])
        return Translation(self.ids, targets)
