"""atlas library lint."""

import json
from pathlib import Path
from typing import Annotated

import typer

from atlas.cli.library.app import DEFAULT, app


@app.command()
def lint(
    library: Annotated[Path, typer.Argument(help="Folder of library YAML.")] = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Check a library; exits with 1 where it has an error (warnings alone are fine)."""
    from atlas.library import store
    from atlas.library.lint import lint as check

    loaded = store.load(library)
    findings = check(loaded)
    for finding in findings:
        name = loaded.by_id[finding.concept_id].name
        if as_json:
            print(json.dumps({"name": name, **{k: getattr(finding, k) for k in finding.__slots__}}))
        else:
            print(f"{finding.severity}: {finding.concept_id} {name!r}: {finding.message} [{finding.rule}]")
    errors = sum(finding.severity == "error" for finding in findings)
    if not as_json:
        print(f"{len(loaded.concepts):,} concepts, {errors:,} errors, {len(findings) - errors:,} warnings")
    if errors:
        raise typer.Exit(1)
