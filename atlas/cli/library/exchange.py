"""atlas library import, export: to and from SKOS, CSV and Parquet."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from atlas.cli.flags import NONE
from atlas.cli.library.app import DryRun, FolderArgument, app


class Form(StrEnum):
    skos = "skos"
    csv = "csv"
    parquet = "parquet"


class Facet(StrEnum):
    content = "content"
    entity = "entity"
    tone = "tone"
    form = "form"


Language = Annotated[str, typer.Option(help="Language of the labels in SKOS (BCP 47).")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="SKOS (.ttl, .rdf, .xml, .nt, .nq, .jsonld), .csv or .parquet.")],
    out: Annotated[Path, typer.Option(help="Folder of library YAML: a new one, or one to add to.")],
    form: Annotated[
        Form | None, typer.Option("--format", help="Where the file's ending doesn't tell.", show_default=NONE)
    ] = None,
    facet: Annotated[Facet, typer.Option(help="Facet of concepts whose file gives none.")] = Facet.content,
    scheme: Annotated[
        str | None, typer.Option(help="Take only SKOS concepts of this concept scheme.", show_default=NONE)
    ] = None,
    language: Language = "en",
    new_ids: Annotated[
        bool, typer.Option("--new-ids", help="The file's ids are another library's: give new ones.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Known terms take the file's name, description and taxonomy.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Bring the concepts of a thesaurus, a spreadsheet or another library into a library."""
    from atlas.library import history, store
    from atlas.library.concept import Library
    from atlas.library.exchange import files, sources
    from atlas.library.exchange.merge import merge
    from atlas.library.exchange.noted import note
    from atlas.library.lint import lint

    there = out.is_dir() and any(out.glob("*.yaml"))
    base = store.load(out) if there else Library(())
    reading = files.read(file, form.value if form else None, facet=facet.value, language=language, scheme=scheme)
    merged = merge(
        base,
        sources.load(out),
        reading.entries,
        next_id=history.next_id(base, history.read(out)),
        new_ids=new_ids,
        update=update,
    )
    errors = [finding for finding in lint(merged.library) if finding.severity == "error"]
    known = {finding for finding in lint(base) if finding.severity == "error"}
    if not dry_run:
        out.mkdir(parents=True, exist_ok=True)
        store.save(merged.library, out)
        sources.save(merged.sources, out)
        note(out, base, merged.library, "import", f"took in {len(reading.entries):,} concepts of {file.name}")
    print(f"{len(reading.entries):,} concepts read from {file}")
    _tell(merged.became)
    _tell(reading.losses)
    print(f"{out} {'would hold' if dry_run else 'holds'} {len(merged.library.concepts):,} concepts")
    if fresh := [finding for finding in errors if finding not in known]:
        print(f"{len(fresh):,} errors of lint came with it, such as: {fresh[0].concept_id} {fresh[0].message}")
        print(f"see them all with: atlas library lint {out}")


@app.command()
def export(
    folder: FolderArgument,
    file: Annotated[Path, typer.Argument(help="File to write: .ttl, .rdf or .xml (SKOS), .csv, .parquet.")],
    language: Language = "en",
) -> None:
    """Write a library as SKOS, CSV or Parquet; importing the file gives the same library again."""
    from atlas.library import store
    from atlas.library.exchange import files, sources

    library = store.load(folder)
    files.write(library, sources.load(folder), file, language)
    print(f"{len(library.concepts):,} concepts written to {file}")


def _tell(counts: Mapping[str, int]) -> None:
    for what, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        print(f"  {count:>7,} {what}")
