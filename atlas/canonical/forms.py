"""From raw tags to forms: tags that differ by spelling alone, counted together."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from atlas.library.names import normal_form
from atlas.tables import FACETS

ChunkKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Form:
    """All spellings of one tag of a facet, and the chunks it is on (positions in the tag table)."""

    facet: str
    form: str
    surfaces: Counter[str]
    chunks: tuple[int, ...]

    @property
    def surface(self) -> str:
        """The spelling seen most often; the first in the alphabet among equals."""
        return min(self.surfaces, key=lambda s: (-self.surfaces[s], s))


def collect(tags: pa.Table) -> list[Form]:
    """The forms of a table of schema TAGS, by facet and then most frequent first."""
    surfaces: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    chunks: dict[tuple[str, str], list[int]] = defaultdict(list)
    for facet in FACETS:
        for row, listed in enumerate(tags.column(facet).to_pylist()):
            for tag in listed:
                key = (facet, normal_form(tag))
                if not key[1]:
                    continue
                surfaces[key][tag] += 1
                if not chunks[key] or chunks[key][-1] != row:
                    chunks[key].append(row)
    found = [Form(f, n, surfaces[f, n], tuple(chunks[f, n])) for f, n in surfaces]
    return sorted(found, key=lambda form: (FACETS.index(form.facet), -len(form.chunks), form.form))


def support(forms: Iterable[Form]) -> set[int]:
    """Chunks that carry at least one of the forms."""
    return {row for form in forms for row in form.chunks}
