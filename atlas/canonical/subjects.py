"""Places for a library's topics. The vectors of the outline's 7,000 subjects are computed once and kept."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pyarrow.fs as pafs

from atlas.canonical.outline import Outline, outline
from atlas.canonical.place import Placement, place, words
from atlas.digest import of_json
from atlas.library.concept import Concept, Library
from atlas.models.encoder import Encoder
from atlas.models.fetch import cache_folder
from atlas.models.int8 import Int8Encoder
from atlas.storage import atomic_output


def subject_vectors(subjects: Outline, model: Encoder | Int8Encoder) -> np.ndarray:
    """Vectors of ``subjects.voters``, float32 [n, d], L2-normalised; from the models folder where they are known."""
    texts = [text for _, text in subjects.voters]
    path = cache_folder() / "outlines" / f"{model.digest}-{of_json(texts)}.npy"
    if path.exists():
        return np.load(path)
    vectors = model.encode(texts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(pafs.LocalFileSystem(), str(path)) as stream:
        np.save(stream, vectors)
    return vectors


def unplaced(
    library: Library, every: bool = False, by_people: bool = False, edited: Collection[int] = ()
) -> list[Concept]:
    """Topics that may be given a place: active, not locked, and without one.

    Args:
        every: also those whose place is Atlas's own; a place without a confidence is a person's.
        by_people: also those whose place is a person's.
        edited: ids of topics whose place is a person's although a confidence stands beside it.
    """

    def is_free(concept: Concept) -> bool:
        if not concept.taxonomy:
            return True
        is_theirs = concept.confidence is None or concept.id in edited
        return by_people if is_theirs else every

    return [c for c in library.active if c.facet == "content" and not c.locked and is_free(c)]


def places(
    library: Library, model: Encoder | Int8Encoder, asked: Collection[Concept] | None = None
) -> dict[int, Placement]:
    """The place of every topic that was ``asked`` for (or lacks one) and has a clear one, by concept id.

    All active topics lend their votes, those with a place too: else a topic's place would hang on who is asked with it,
    and a rebuild from the same tags would place what the build before it did not.
    """
    wanted = {concept.id for concept in (unplaced(library) if asked is None else asked)}
    if not wanted:
        return {}
    topics = [concept for concept in library.active if concept.facet == "content"]
    subjects = subject_vectors(outline(), model)
    found = place([words(concept) for concept in topics], outline(), model.encode, subjects=subjects)
    of_topic = zip(topics, found, strict=True)
    return {concept.id: place for concept, place in of_topic if place is not None and concept.id in wanted}


def placed(library: Library, found: dict[int, Placement]) -> Library:
    """The library with these places filled in, and how sure each is, to two decimals."""

    def at(concept: Concept, place: Placement | None) -> Concept:
        if place is None:
            return concept
        return replace(concept, taxonomy=place.taxonomy, confidence=round(place.confidence, 2))

    return replace(library, concepts=tuple(at(concept, found.get(concept.id)) for concept in library.concepts))
