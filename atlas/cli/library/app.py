"""What every ``atlas library`` command shares: the command group and the folder flag."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Look at a concept library, check it, edit it, carry it on.")
Folder = Annotated[Path, typer.Option("--library", help="Folder of library YAML.")]
DEFAULT = Path("concept_library")
