"""Concepts of an edited library that no renaming of ids can give: only an annotator can say which chunks have them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from atlas.annotator import artefact
from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.library.history import Entry, splits
from atlas.products.remap.source import AnnotatedRun


@dataclass(frozen=True, slots=True)
class Need:
    """A concept that needs re-annotation, and why."""

    concept_id: int
    facet: str
    name: str
    why: str


def needs(library: Library, known: Collection[int] | None, history: Sequence[Entry] = ()) -> tuple[Need, ...]:
    """Active concepts that the run's annotator did not know, or knew in another extent.

    Args:
        known: ids of the concepts that it knew; where that can't be told, None: then all that was ever added or split
            according to the history counts as new.
    """
    split = splits(history)
    origin = {part: id_ for id_, parts in split.items() for part in parts if part != id_}
    made = {id_ for entry in history for id_ in entry.made}
    new = {c.id for c in library.active if (c.id not in known if known is not None else c.id in made)}
    found = []
    for concept in library.active:
        if concept.id in new:
            of = origin.get(concept.id)
            why = "new" if of is None else f"split from {of}"
        elif any(part in new for part in split.get(concept.id, ())):
            parts = ", ".join(str(part) for part in split[concept.id] if part != concept.id)
            why = f"narrower: parts went to {parts}"
        else:
            continue
        found.append(Need(concept.id, concept.facet, concept.name, why))
    return tuple(found)


def known(source: AnnotatedRun, old: Library | None) -> set[int] | None:
    """Ids of the concepts that a run's annotator knew: of the old library, else of the annotator itself.

    The annotator is looked for where the run's recipe says; one that was trained again since does not count. None
    where neither is at hand.
    """
    if old is not None:
        return {concept.id for concept in old.active}
    folder = source.manifest.get("recipe", {}).get("model")
    wanted = {footer.get("annotator") for footer in source.parts.values()}
    if not folder or not (Path(folder) / artefact.CONFIG).is_file():
        return None
    try:
        if wanted != {artefact.digest(Path(folder))}:
            return None
        return {int(id_) for id_ in artefact.load(Path(folder)).weights.concept_ids}
    except AtlasError:
        return None
