"""Notes in a library's history of what a whole file or a placement changed."""

from pathlib import Path

from atlas.library import history
from atlas.library.concept import Library


def note(folder: Path, before: Library, after: Library, command: str, what: str) -> None:
    """Add an entry to the history, where anything changed: who, when, and each change of a concept that was there.

    Of new concepts only the ids, as a thesaurus may bring tens of thousands.
    """
    made = tuple(concept.id for concept in after.concepts if concept.id not in before.by_id)
    known = Library(tuple(concept for concept in after.concepts if concept.id in before.by_id))
    changes = history.changes(before, known)
    if made or changes:
        ids = tuple(sorted({*made, *map(int, changes)}))
        who, digests = history.author(folder), (before.digest, after.digest)
        entry = history.Entry(history.now(), who, command, what, ids=ids, made=made, changes=changes, library=digests)
        history.append(folder, entry)
