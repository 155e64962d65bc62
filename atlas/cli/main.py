"""The ``atlas`` command: parse flags, call a verb, print. Exit status 0: done; 1: not in balance; 2: wrong input."""

import sys

import typer

from atlas.cli import complain_on_error
from atlas.cli.library import app as library_app
from atlas.cli.models import app as models_app
from atlas.cli.runs import add_run_commands
from atlas.cli.stages import add_stage_commands

app = typer.Typer(
    name="atlas",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Label language-model corpora with human-understandable concepts.\n\n"
    "Start with `atlas run pipelines/quickstart.yaml`: it tags a sample of a corpus with an LLM, builds a concept "
    "library from the tags, trains an annotator, and labels every chunk.",
)
add_run_commands(app)
add_stage_commands(app)
app.add_typer(library_app, name="library")
app.add_typer(models_app, name="models")


def main() -> None:
    """Entry point: errors that a user can mend become one message, not a traceback."""
    sys.exit(complain_on_error(app))


if __name__ == "__main__":
    main()
