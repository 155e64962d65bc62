"""What a concept is, and what a library of them is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from atlas.digest import of_json
from atlas.library.names import normal_form
from atlas.tables import CONCEPTS

Status = Literal["active", "retired"]


@dataclass(frozen=True, slots=True)
class Example:
    """A quote that shows a concept, with the document it is from."""

    quote: str
    doc_id: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How often a concept was seen when the library was last built."""

    tags: int = 0
    chunks: int = 0
    documents: int = 0


@dataclass(frozen=True, slots=True)
class Concept:
    """A library entry. The id is permanent: it is never reused and never changes meaning.

    ``aliases`` are names that people gave; ``members`` are the raw tags that the build put here, with the
    number of chunks each was seen on. ``confidence`` is the probability that the first step of ``taxonomy`` is right,
    None where a person wrote it. ``locked``: a rebuild leaves every word of it as it is.
    """

    id: int
    facet: str
    name: str
    description: str
    question: str = ""
    aliases: tuple[str, ...] = ()
    taxonomy: str | None = None
    confidence: float | None = None
    status: Status = "active"
    replaced_by: int | None = None
    locked: bool = False
    members: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    counts: Counts = Counts()

    @property
    def active(self) -> bool:
        return self.status == "active"

    def names(self) -> Iterable[str]:
        """Name, aliases and member tags: every form that means this concept."""
        yield self.name
        yield from self.aliases
        yield from self.members

    def plain(self) -> dict[str, Any]:
        """Everything but the counts as plain values, in the order of a library file; members most frequent first."""
        return {
            "id": self.id,
            "facet": self.facet,
            "name": self.name,
            "description": self.description,
            "question": self.question,
            "aliases": list(self.aliases),
            "taxonomy": self.taxonomy,
            "confidence": self.confidence,
            "status": self.status,
            "replaced_by": self.replaced_by,
            "locked": self.locked,
            "members": dict(sorted(self.members.items(), key=lambda item: (-item[1], item[0]))),
            "examples": [{"quote": example.quote, "doc_id": example.doc_id} for example in self.examples],
        }

    def meaning(self) -> dict[str, object]:
        """What annotated data depends on. Counts and examples are left out."""
        return {
            "id": self.id,
            "facet": self.facet,
            "name": self.name,
            "description": self.description,
            "aliases": list(self.aliases),
            "members": sorted(self.members),
            "status": self.status,
            "replaced_by": self.replaced_by,
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """The folder that a library was read from, and the digest of each file then, by name."""

    folder: Path
    digests: Mapping[str, str]


@dataclass(frozen=True)
class Library:
    """Concepts in id order.

    ``origin`` is for ``store.save``: it refuses to write over files that were changed since they were read. Carry it
    along with ``dataclasses.replace(library, concepts=…)``; a library without origin is saved over whatever is there.
    """

    concepts: tuple[Concept, ...]
    origin: Origin | None = field(default=None, compare=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """Digest of what the concepts mean; counts, examples and file layout do not change it."""
        return of_json([concept.meaning() for concept in self.concepts])

    @cached_property
    def by_id(self) -> dict[int, Concept]:
        return {concept.id: concept for concept in self.concepts}

    @cached_property
    def active(self) -> tuple[Concept, ...]:
        return tuple(concept for concept in self.concepts if concept.active)

    @cached_property
    def _by_form(self) -> dict[tuple[str, str], int]:
        """Concept id of every (facet, normal form); names win over aliases, aliases over members."""
        forms: dict[tuple[str, str], int] = {}
        for pick in (lambda c: (c.name,), lambda c: c.aliases, lambda c: c.members):
            for concept in self.active:
                for name in pick(concept):
                    forms.setdefault((concept.facet, normal_form(name)), concept.id)
        return {key: id_ for key, id_ in forms.items() if key[1]}

    def link(self, facet: str, tag: str) -> int | None:
        """Id of the active concept that a tag of a facet means, or None."""
        return self._by_form.get((facet, normal_form(tag)))

    @property
    def next_id(self) -> int:
        return max((concept.id for concept in self.concepts), default=0) + 1

    def table(self) -> pa.Table:
        """The concepts as a table of schema CONCEPTS."""
        rows = [
            {
                "concept_id": c.id,
                "facet": c.facet,
                "name": c.name,
                "description": c.description,
                "taxonomy": c.taxonomy,
                "taxonomy_confidence": c.confidence,
                "aliases": list(c.aliases),
                "members": list(c.members),
                "status": c.status,
                "replaced_by": c.replaced_by,
                "tag_count": c.counts.tags,
                "chunk_count": c.counts.chunks,
            }
            for c in self.concepts
        ]
        return pa.Table.from_pylist(rows, schema=CONCEPTS)
