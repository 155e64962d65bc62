"""From raw tags to forms: tags that differ by spelling alone, counted together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.library.names import normal_form
from atlas.tables import FACETS


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """All spellings of one tag of a facet with their counts, and the chunks it is on.

    ``chunks`` are positions in the tag table, ascending, each once, int64.
    """

    facet: str
    form: str
    surfaces: Mapping[str, int]
    chunks: np.ndarray

    @property
    def surface(self) -> str:
        """The spelling seen most often; the first in the alphabet among equals."""
        return min(self.surfaces, key=lambda s: (-self.surfaces[s], s))

    @property
    def tags(self) -> int:
        return sum(self.surfaces.values())


def collect(tags: pa.Table) -> list[Form]:
    """The forms of a table of schema TAGS, by facet and then most frequent first."""
    return [form for facet in FACETS for form in _of_facet(tags.column(facet).combine_chunks(), facet)]


def _of_facet(lists: pa.ListArray, facet: str) -> list[Form]:
    if isinstance(lists, pa.ChunkedArray):  # what combine_chunks gives for a table without rows
        lists = pa.concat_arrays(lists.chunks) if lists.num_chunks else pa.array([], lists.type)
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    spelt = pc.dictionary_encode(pc.list_flatten(lists))
    surfaces = spelt.dictionary.to_pylist()
    if not surfaces:
        return []
    codes = spelt.indices.to_numpy(zero_copy_only=False)
    names = [normal_form(surface) for surface in surfaces]
    number = {name: position for position, name in enumerate(dict.fromkeys(names))}
    form_of = np.array([number[name] for name in names], np.int64)
    spellings: list[dict[str, int]] = [{} for _ in number]
    for code, count in enumerate(np.bincount(codes, minlength=len(surfaces)).tolist()):
        spellings[form_of[code]][surfaces[code]] = count
    seen = np.unique(np.stack([form_of[codes], rows]), axis=1)
    starts = np.searchsorted(seen[0], np.arange(len(number) + 1))
    found = [Form(facet, name, spellings[n], seen[1][starts[n] : starts[n + 1]]) for name, n in number.items() if name]
    return sorted(found, key=lambda form: (-len(form.chunks), form.form))


def support(forms: Iterable[Form]) -> np.ndarray:
    """Chunks that carry at least one of the forms, ascending, int64."""
    found = [form.chunks for form in forms]
    if len(found) < 2:
        return found[0] if found else np.zeros(0, np.int64)
    rows = np.sort(np.concatenate(found), kind="stable")  # which merges what is sorted already
    return rows[np.diff(rows, prepend=-1) > 0]
