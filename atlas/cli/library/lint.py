"""atlas library lint, schema: check a library, and tell editors what belongs in one."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from atlas.cli.flags import NONE
from atlas.cli.library.app import DEFAULT, FolderArgument, JsonLines, app


@app.command()
def lint(
    library: FolderArgument = DEFAULT,
    as_json: JsonLines = False,
    rule: Annotated[
        list[str] | None, typer.Option(help="Only this rule; repeat it for more.", show_default=NONE)
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings too.")] = False,
    meaning: Annotated[
        bool,
        typer.Option(
            "--meaning", help="Look for near synonyms too, by the sentence model (minutes for a big library)."
        ),
    ] = False,
    rules: Annotated[bool, typer.Option("--list", help="Show all rules, and check nothing.")] = False,
) -> None:
    """Check a library; exits with 1 where it has an error (warnings alone are fine)."""
    from atlas.library.lint import lint_folder

    if rules:
        _show_rules()
        return
    embed = None
    if meaning:
        from atlas.models.int8 import quick_encoder

        embed = quick_encoder("all-minilm-l6-v2").encode
    reading, findings = lint_folder(library, rule or (), embed)
    concepts = reading.library.by_id
    for finding in findings:
        concept = concepts.get(finding.concept_id or 0)
        if as_json:
            said: dict[str, Any] = {key: getattr(finding, key) for key in finding.__slots__}
            print(json.dumps(said | {"name": concept and concept.name, "path": str(finding.path)}))
        else:
            named = f"{concept.id} {concept.name!r}: " if concept is not None else ""
            line = f":{finding.line}" if finding.line else ""
            print(f"{finding.path}{line}: {finding.severity}: {named}{finding.message} [{finding.rule}]")
    severities = Counter(finding.severity for finding in findings)
    if not as_json:
        for (severity, name), count in sorted(Counter((f.severity, f.rule) for f in findings).items()):
            print(f"{count:>7,} {severity}{'s' * (count > 1)} of {name}")
        errors, warnings = severities["error"], severities["warning"]
        print(f"{len(concepts):,} concepts, {errors:,} errors, {warnings:,} warnings")
    if severities["error"] or (strict and findings):
        raise typer.Exit(1)


def _show_rules() -> None:
    from atlas.cli.show import table
    from atlas.library.lint import OTHERS, RULES

    rows = [[rule.name, rule.severity, rule.what, rule.mend] for rule in RULES] + [list(other) for other in OTHERS]
    print(table(rows, ["rule", "severity", "what", "what to do"]))


@app.command()
def schema(
    out: Annotated[
        Path | None, typer.Option(help="Write it to this file, instead of printing it.", show_default=NONE)
    ] = None,
) -> None:
    """Print the JSON Schema of library files, with which editors complete keys and mark mistakes."""
    from atlas.library.schema import TEXT
    from atlas.storage import write_text

    if out is None:
        print(TEXT, end="")
    else:
        write_text(out, TEXT)
        print(out)
