"""atlas library stats, search, show: what a library holds."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from atlas.cli.library.app import DEFAULT, Folder, app


@app.command()
def stats(library: Annotated[Path, typer.Argument(help="Folder of library YAML.")] = DEFAULT) -> None:
    """Count a library's concepts by facet, and say how often they were seen."""
    from atlas.cli.show import table
    from atlas.library import store

    loaded = store.load(library)
    rows = []
    for facet, count in Counter(c.facet for c in loaded.active).most_common():
        ours = [c for c in loaded.active if c.facet == facet]
        rows.append(
            [
                facet,
                count,
                sum(len(c.members) for c in ours),
                sum(c.counts.chunks > 0 for c in ours),
                max(ours, key=lambda c: c.counts.chunks).name,
            ]
        )
    print(table(rows, ["facet", "concepts", "member tags", "seen", "most frequent"]))
    retired = len(loaded.concepts) - len(loaded.active)
    print(f"{len(loaded.active):,} active, {retired:,} retired, digest {loaded.digest}")


@app.command()
def search(
    words: Annotated[str, typer.Argument(help="What to look for, in any words.")],
    library: Folder = DEFAULT,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
    meaning: Annotated[bool, typer.Option(help="Search by meaning too (loads the sentence model).")] = True,
) -> None:
    """Find concepts by name, alias or member tag, then by meaning."""
    from atlas.cli.show import table
    from atlas.library import store
    from atlas.library.search import by_meaning, by_words

    loaded = store.load(library)
    found = by_words(loaded, words)[:limit]
    if meaning and len(found) < limit:
        from atlas.models.encoder import encoder

        known = {concept.id for concept in found}
        near = by_meaning(loaded, words, encoder("all-minilm-l6-v2").encode, limit + len(known))
        found += [concept for concept in near if concept.id not in known][: limit - len(found)]
    print(
        table(
            [[c.id, c.name, c.facet, c.counts.chunks, c.description] for c in found],
            ["id", "name", "facet", "chunks", "description"],
        )
    )


@app.command()
def show(
    concept: Annotated[str, typer.Argument(help="Id, or exact name.")],
    library: Folder = DEFAULT,
) -> None:
    """Print everything that the library says of one concept."""
    import yaml

    from atlas.errors import AtlasError
    from atlas.library import store
    from atlas.library.names import normal_form

    loaded = store.load(library)
    form = normal_form(concept)
    matches = [c for c in loaded.concepts if str(c.id) == concept or normal_form(c.name) == form]
    if not matches:
        raise AtlasError(f"{concept!r}: no concept of {library} has this id or name; try `atlas library search`")
    print(
        yaml.dump(
            [store.entry(c) for c in matches], Dumper=store.Dumper, sort_keys=False, allow_unicode=True, width=110
        ),
        end="",
    )
