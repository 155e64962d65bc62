"""atlas library place: fill in where concepts stand in the Library of Congress Classification."""

from collections import Counter
from typing import Annotated

import typer

from atlas.cli.library.app import DEFAULT, DryRun, FolderArgument, app

SHOWN = 20


@app.command()
def place(
    library: FolderArgument = DEFAULT,
    every: Annotated[bool, typer.Option("--all", help="Place anew those that Atlas placed, too.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Place anew those that a person placed, too.")] = False,
    dry_run: DryRun = False,
    encoder: Annotated[str, typer.Option(help="Sentence model: catalogue name, path or hub id.")] = "all-minilm-l6-v2",
) -> None:
    """Give topics without a taxonomy their place in the Library of Congress Classification, where it is clear.

    Locked and retired concepts, other facets than content, and places that a person wrote stay as they are.
    """
    from atlas.canonical.subjects import placed, places, unplaced
    from atlas.cli.show import table
    from atlas.library import history, store
    from atlas.library.exchange.noted import note
    from atlas.models.encoder import encoder as load

    loaded = store.load(library)
    edited = history.edited_since(loaded, history.read(library))
    by_hand = {number for number, keys in edited.items() if "taxonomy" in keys}
    asked = unplaced(loaded, every, overwrite, by_hand)
    found = places(loaded, load(encoder), asked)
    if not dry_run:
        after = placed(loaded, found)
        store.save(after, library)
        note(library, loaded, after, "place", f"placed {len(found):,} topics in the Library of Congress Classification")
    else:
        shown = [(loaded.by_id[number], p) for number, p in list(found.items())[:SHOWN]]
        print(
            table([[c.id, c.name, p.taxonomy, p.confidence] for c, p in shown], ["id", "name", "place", "confidence"])
        )
    for name, count in Counter(p.path[0] for p in found.values()).most_common():
        print(f"{count:>7,} {name}")
    print(f"{len(found):,} of {len(asked):,} topics {'would be ' if dry_run else ''}placed in {library}")
