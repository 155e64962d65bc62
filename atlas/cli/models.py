"""atlas models: which models Atlas knows, and bringing them here."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="See which models Atlas knows by name, and fetch them.")


@app.command("list")
def list_models() -> None:
    """List the catalogue: models that install from the package index, without a model hub."""
    from atlas.cli.show import table
    from atlas.models.catalogue import catalogue
    from atlas.models.fetch import cached

    rows = [[m.name, m.kind, m.licence, str(cached(m) or "not fetched"), m.description] for m in catalogue().values()]
    print(table(rows, ["name", "kind", "licence", "where", "what"]))


@app.command("fetch")
def fetch_models(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models to fetch; all of the catalogue where not given.")
    ] = None,
) -> None:
    """Download, check and prepare models, once; they are kept in the cache folder."""
    from atlas.models.catalogue import catalogue
    from atlas.models.fetch import locate

    for name in names or list(catalogue()):
        print(f"{name}  {locate(name)}")
