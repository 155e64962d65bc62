"""atlas library place: fill in where concepts stand in the Library of Congress Classification."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from atlas.cli.library.app import DEFAULT, app

SHOWN = 20


@app.command()
def place(
    library: Annotated[Path, typer.Argument(help="Folder of library YAML.")] = DEFAULT,
    every: Annotated[bool, typer.Option("--all", help="Place anew those that have a place, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show places; write nothing.")] = False,
    encoder: Annotated[str, typer.Option(help="Sentence model: catalogue name, path or hub id.")] = "all-minilm-l6-v2",
) -> None:
    """Give topics without a taxonomy their place in the Library of Congress Classification, where it is clear.

    Locked and retired concepts, and other facets than content, stay as they are.
    """
    from atlas.canonical.outline import outline
    from atlas.canonical.place import place as places
    from atlas.canonical.place import words
    from atlas.canonical.subjects import subject_vectors
    from atlas.cli.show import table
    from atlas.library import store
    from atlas.models.encoder import encoder as load

    loaded = store.load(library)
    asked = [c for c in loaded.active if c.facet == "content" and not c.locked and (every or not c.taxonomy)]
    model = load(encoder)
    subjects = subject_vectors(outline(), model)
    found = places([words(concept) for concept in asked], outline(), model.encode, subjects=subjects)
    placed = {c.id: p for c, p in zip(asked, found, strict=True) if p is not None}
    if not dry_run:
        concepts = [replace(c, taxonomy=placed[c.id].taxonomy) if c.id in placed else c for c in loaded.concepts]
        store.save(replace(loaded, concepts=tuple(concepts)), library)
    else:
        shown = [(loaded.by_id[number], p) for number, p in list(placed.items())[:SHOWN]]
        print(
            table([[c.id, c.name, p.taxonomy, p.confidence] for c, p in shown], ["id", "name", "place", "confidence"])
        )
    for name, count in Counter(p.path[0] for p in placed.values()).most_common():
        print(f"{count:>7,} {name}")
    print(f"{len(placed):,} of {len(asked):,} topics {'would be ' if dry_run else ''}placed in {library}")
