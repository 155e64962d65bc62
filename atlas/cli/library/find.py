"""atlas library stats, sample, search, show: what a library holds."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.flags import NONE
from atlas.cli.library.app import DEFAULT, AsJson, Concept, CountedRun, Folder, FolderArgument, app

if TYPE_CHECKING:
    from atlas.library.concept import Concept as Entry
    from atlas.library.concept import Library
    from atlas.products.report.evaluation import Quality

NEAR = 5  # neighbours that show names
TAGS = 12  # member tags in one line
AREAS = 8


@app.command()
def stats(
    library: FolderArgument = DEFAULT,
    run: CountedRun = None,
    as_json: AsJson = False,
) -> None:
    """Count a library's concepts: by facet and area, dead and biggest ones, retired ones, and the share of chunks."""
    from atlas.cli.show import table
    from atlas.library import store
    from atlas.library.summary import numbers

    loaded = store.load(library)
    coverage = None
    if run is not None:
        from atlas.products.preview import covered
        from atlas.products.remap.source import annotated_run

        coverage = covered(annotated_run(run, ended=False))
    found = numbers(loaded, None if coverage is None else coverage.per_concept)
    if as_json:
        counted = {} if coverage is None else {"chunks": coverage.chunks, "covered": coverage.with_concept}
        print(json.dumps({**asdict(found), "digest": loaded.digest, **counted}, ensure_ascii=False))
        return
    rows = [[f.facet, f.concepts, f.members, float(f.median_members), f.seen, f.biggest] for f in found.facets]
    print(table(rows, ["facet", "concepts", "member tags", "median", "seen", "most frequent"]))
    if [area for area, _ in found.areas] not in ([], ["(none)"]):
        more = f", {len(found.areas) - AREAS} more" if len(found.areas) > AREAS else ""
        print("areas    " + ", ".join(f"{area} {count:,}" for area, count in found.areas[:AREAS]) + more)
        how_sure = "" if found.mean_confidence is None else f", of which {found.mean_confidence:.0%} are likely right"
        print(f"places   {found.placed_by_people:,} by people, {found.placed_by_model:,} by Atlas{how_sure}")
    if found.biggest:
        print("biggest  " + ", ".join(f"{id_} {name!r} {chunks:,}" for id_, name, chunks in found.biggest))
    print(f"dead     {found.dead:,} active concepts on no chunk")
    if coverage is not None:
        share = coverage.with_concept / max(1, coverage.chunks)
        print(f"covered  {coverage.with_concept:,} of {coverage.chunks:,} chunks have a concept ({share:.1%})")
    print(f"{found.active:,} active, {found.retired:,} retired, digest {loaded.digest}")


@app.command()
def sample(
    number: Annotated[int, typer.Argument(min=1, help="How many concepts.")] = 10,
    library: Folder = DEFAULT,
    facet: Annotated[str | None, typer.Option("--facet", help="Only of this facet.", show_default=NONE)] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Draw them by this seed.", show_default="spread evenly")
    ] = None,
) -> None:
    """Print a few active concepts to look at, the same ones each time."""
    from atlas.errors import AtlasError
    from atlas.library import store
    from atlas.library.summary import sample as draw
    from atlas.tables import FACETS

    if facet is not None and facet not in FACETS:
        raise AtlasError(f"{facet!r} is no facet; choose one of {', '.join(FACETS)}")
    concepts = [c for c in store.load(library).active if facet in (None, c.facet)]
    if not concepts:
        raise AtlasError(f"{library}: has no active concept{'' if facet is None else f' of facet {facet}'}")
    print("\n\n".join(_block(concept) for concept in draw(concepts, number, seed)))


def _block(concept: "Entry") -> str:
    """A concept as a person reads it."""
    seen = f", {concept.counts.chunks:,} chunks" if concept.counts.chunks else ""
    tags = sorted(concept.members, key=lambda tag: (-concept.members[tag], tag))
    lines = [f"{concept.id} {concept.name} ({concept.facet}{seen})", f"  {concept.description}"]
    if concept.aliases:
        lines.append(f"  also: {', '.join(concept.aliases)}")
    if tags:
        more = f", {len(tags) - TAGS} more" if len(tags) > TAGS else ""
        lines.append(f"  tags: {', '.join(tags[:TAGS])}{more}")
    lines += [f"  “{' '.join(example.quote.split())}” — {example.doc_id}" for example in concept.examples[:1]]
    return "\n".join(lines)


@app.command()
def search(
    words: Annotated[str, typer.Argument(help="What to look for, in any words.")],
    library: Folder = DEFAULT,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
    meaning: Annotated[bool, typer.Option(help="Search by meaning too (loads the sentence model).")] = True,
) -> None:
    """Find concepts by name, alias or member tag, then those that the words may mean, by name and by description."""
    from atlas.cli.show import table
    from atlas.errors import AtlasError
    from atlas.library import store
    from atlas.library.search import by_words

    if not words.strip():
        raise AtlasError("no words to look for; give some, such as `atlas library search 'plate tectonics'`")
    loaded = store.load(library)
    if meaning:
        from atlas.canonical.search import search as find
        from atlas.models.int8 import quick_encoder
        from atlas.models.kept_vectors import remembering
        from atlas.models.static import static_encoder

        name = "all-minilm-l6-v2"
        model, quick = quick_encoder(name), static_encoder(name)
        embed_library = remembering(model.encode, model.digest, str(library.resolve()))
        found = find(loaded, words, model.encode, quick.encode, limit, embed_library)
    else:
        found = by_words(loaded, words)[:limit]
    print(
        table(
            [[c.id, c.name, c.facet, c.counts.chunks, c.description] for c in found],
            ["id", "name", "facet", "chunks", "description"],
        )
    )


@app.command()
def show(
    concept: Concept,
    library: Folder = DEFAULT,
    evaluation: Annotated[
        Path | None,
        typer.Option(help="Also say how well the annotator finds it, by `evaluation.json`.", show_default=NONE),
    ] = None,
) -> None:
    """Print everything that the library says of one concept, its history, and concepts with like names."""
    import yaml

    from atlas.cli.library.edit import line
    from atlas.errors import AtlasError
    from atlas.library import history, store
    from atlas.library.search import called, neighbours, unknown
    from atlas.products.report.evaluation import read

    loaded = store.load(library)
    matches = called(loaded, concept)
    if not matches:
        raise AtlasError(f"{library}: {unknown(loaded, concept)}")
    entries = history.read(library)
    since = history.edited_since(loaded, entries)
    cards = read(evaluation).concepts if evaluation is not None else {}
    for match in matches:
        shown = yaml.dump([store.entry(match)], Dumper=store.Dumper, sort_keys=False, allow_unicode=True, width=110)
        print(shown, end="")
        for entry in history.of_concept(entries, match.id):
            print(f"# {line(entry)}")
        if match.id in since:
            print(f"# {', '.join(since[match.id])} by hand since, in the YAML")
        near = ", ".join(f"{other.id} {other.name!r}" for other in neighbours(loaded, match, NEAR))
        if near:
            print(f"# near: {near}")
        if match.id in cards:
            print(f"# found: {card(cards[match.id], loaded)}")


def card(quality: "Quality", library: "Library") -> str:
    """How well the annotator finds a concept, in one line."""
    examples = "" if quality.examples is None else f"{quality.examples:,} training chunks; "
    rates = {
        "precision": quality.precision,
        "recall": quality.recall,
        "AUC": quality.roc_auc,
        "given from": quality.threshold,
    }
    told = ", ".join(f"{name} {value:.2f}" for name, value in rates.items() if value is not None)
    others = ", ".join(f"{id_} {library.by_id[id_].name!r}" for id_ in quality.confused_with if id_ in library.by_id)
    instead = f"; given in its place: {others}" if others else ""
    return f"{examples}on {quality.support:,} held-out chunks: {told or 'nothing to measure'}{instead}"
