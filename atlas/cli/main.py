"""The ``atlas`` command: parse flags, call a verb, print. Exit status 0: done; 1: not in balance; 2: wrong input."""

import sys
from typing import Annotated

import typer

from atlas import __version__
from atlas.cli import complain_on_error
from atlas.cli.lazy import Later, group_of

RUNS, STAGES = "atlas.cli.runs", "atlas.cli.stages"
COMMANDS = {  # a command's module is imported when the command is called; its first line stands here for the help
    "run": Later(
        RUNS,
        "run",
        "Run every stage of a pipeline file: sample, tag, canonicalize, train, evaluate, annotate, report.",
    ),
    "status": Later(RUNS, "status", "Say what a run holds and how far it is; exits with 1 if incomplete."),
    "retry": Later(
        RUNS,
        "retry",
        "Process again what a chunk, tag or annotate run put in quarantine, and units of inputs mended since.",
    ),
    "report": Later(RUNS, "report", "Write the HTML report of a pipeline's folder or of an annotated run."),
    "chunk": Later(STAGES, "chunk", "Cut a corpus into chunks: one row a chunk, in Parquet parts."),
    "tag": Later(
        STAGES,
        "tag",
        "Have an LLM write tags for a sample of a corpus's chunks. The key of a server comes from $OPENAI_API_KEY.",
    ),
    "retag": Later(
        STAGES,
        "retag",
        "Read a tag run's kept answers again, by another prompt file or another version of Atlas; no LLM is asked.",
    ),
    "canonicalize": Later(
        STAGES,
        "canonicalize",
        "Build the concept library from tags, or bring the library in --out up to date; ids are kept.",
    ),
    "train": Later(STAGES, "train", "Train an annotator on tagged chunks and a library."),
    "evaluate": Later(
        STAGES,
        "evaluate",
        "Measure an annotator on the documents kept out of its training, beside baselines.",
    ),
    "annotate": Later(
        STAGES,
        "annotate",
        "Label every chunk of a corpus of any size: chunk and annotate in one pass, into Parquet parts.",
    ),
    "export": Later(
        "atlas.cli.export",
        "app",
        "Make products of an annotated run: token stream, field guide, co-occurrence, lift sets, datasets.",
    ),
    "query": Later(
        "atlas.cli.query",
        "query",
        "Ask SQL of an annotated run: documents, chunks, annotations, concepts, by DuckDB.",
    ),
    "ask": Later("atlas.cli.ask", "app", "Ready questions about annotated runs, for auditors."),
    "library": Later(
        "atlas.cli.library",
        "app",
        "Look at a concept library, check it, edit it, and carry labelled data over to the edited one.",
    ),
    "models": Later("atlas.cli.models", "app", "See which models Atlas knows by name, and fetch them."),
}

app = typer.Typer(
    name="atlas",
    cls=group_of(COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Label language-model corpora with human-understandable concepts.\n\n"
    "Start with `atlas run pipelines/quickstart.yaml`: it tags a sample of a corpus with an LLM, builds a concept "
    "library from the tags, trains an annotator, and labels every chunk.",
)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"atlas {__version__}")
        raise typer.Exit


@app.callback()  # makes it a group, though nothing is added at once
def _atlas(
    version: Annotated[
        bool, typer.Option("--version", help="Print Atlas's version.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: errors that a user can mend become one message, not a traceback."""
    sys.exit(complain_on_error(app))


if __name__ == "__main__":
    main()
