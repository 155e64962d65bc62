"""What ``atlas library`` commands share: the command group, and the flags and arguments that several have."""

from pathlib import Path
from typing import Annotated

import typer

from atlas.cli.flags import NONE

app = typer.Typer(
    no_args_is_help=True,
    help="Look at a concept library, check it, edit it, and carry labelled data over to the edited one.",
)
Folder = Annotated[Path, typer.Option("--library", help="Folder of library YAML.")]
FolderArgument = Annotated[Path, typer.Argument(help="Folder of library YAML.")]
DEFAULT = Path("concept_library")
Concept = Annotated[str, typer.Argument(metavar="CONCEPT", help="Id, name or alias.")]
CountedRun = Annotated[str | None, typer.Option("--run", help="Count chunks in this annotated run.", show_default=NONE)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
