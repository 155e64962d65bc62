"""Commands about whole runs: run, status, retry, report."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.common_flags import DryRun, Estimate, Verify, watching
from atlas.cli.flags import with_flags

if TYPE_CHECKING:
    from atlas.cli.progress import Watching

PAGE = 1_000  # records in quarantine that are held and laid out at a time

OutPath = Annotated[str, typer.Argument(help="Folder or URL of a run, or folder of a pipeline.")]


@with_flags("seen", watching)
def run(
    pipeline: Annotated[Path, typer.Argument(help="Pipeline file, such as pipelines/quickstart.yaml.")],
    verify: Verify = False,
    dry_run: DryRun = False,
    estimate: Estimate = False,
    *,
    seen: "Watching",
) -> None:
    """Run every stage of a pipeline file: sample, tag, canonicalize, train, evaluate, annotate, report.

    Work that is done is kept: run it again after a stop, or after changing a setting, and only what the change
    affects is done again.
    """
    from atlas.cli import plan, progress, show
    from atlas.config import load
    from atlas.llm.costs import prices
    from atlas.pipeline import run as run_pipeline

    config = load(pipeline)
    if dry_run:
        print(plan.pipeline(config))
        return
    if estimate:
        print(plan.estimated(config.corpus, config.chunk, config.tag))
        return
    with progress.shown(seen, prices(config.tag.engine)) as hooks:
        outcome = run_pipeline(config, hooks, verify=verify)
    print(show.pipeline(outcome))


def status(
    folder: OutPath,
    verify: Annotated[bool, typer.Option("--verify", help="Read every part to its last byte.")] = False,
    quarantine: Annotated[bool, typer.Option("--quarantine", help="List the quarantined records.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a run, one a line.")] = False,
) -> None:
    """Say what a run holds and how far it is; exits with 1 if incomplete.

    Works while the run is going on, and touches nothing.
    """
    import json

    from atlas.cli import show, show_status
    from atlas.runner.folder import RunFolder
    from atlas.runner.inspect import quarantined
    from atlas.runner.inspect import status as inspect

    complete = True
    for path in _runs(folder):
        at = RunFolder.at(path)
        found = inspect(at, verify=verify)
        complete &= found.complete
        if as_json:
            print(json.dumps(show_status.as_json(path, found)))
            continue
        print(show_status.status(path, found))
        if quarantine:
            rows = (list(row.values()) for row in quarantined(at, ["location", "doc_id", "reason", "detail"]))
            while page := list(islice(rows, PAGE)):
                print(show.table(page, ["where", "doc_id", "reason", "detail"]))
    if not complete:
        raise typer.Exit(1)


def _runs(folder: str) -> list[str]:
    """The run itself, or those in a pipeline's folder."""
    from atlas.errors import AtlasError
    from atlas.runner.folder import MANIFEST

    here = Path(folder)
    if "://" in folder or (here / MANIFEST).is_file():
        return [folder]
    runs = [str(manifest.parent) for manifest in sorted(here.glob(f"*/{MANIFEST}"))]
    if not runs:
        raise AtlasError(f"{folder}: holds no run, nor does a folder in it")
    return runs


def retry(folder: OutPath) -> None:
    """Process again what a chunk, tag or annotate run put in quarantine, and units of inputs mended since.

    Where an input has changed since a record of it was put there, its units are made anew, whole. Of others, the
    records on which the stage failed are taken up. Nothing else is touched.
    """
    from atlas import verbs
    from atlas.cli import show
    from atlas.runner.folder import RunFolder
    from atlas.runner.inspect import reasons

    done = verbs.retry(folder)
    waiting = reasons(RunFolder.at(folder)) if done.left else {}
    print(show.retried(done, folder, waiting))
    if done.problems:
        raise typer.Exit(1)


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a pipeline, or of an annotated run.")],
    out: Annotated[Path | None, typer.Option(help="Where to write it.", show_default="FOLDER/report.html")] = None,
    annotations: Annotated[Path | None, typer.Option(help="Annotated run.", show_default="FOLDER/annotations")] = None,
    library: Annotated[
        Path | None, typer.Option(help="Library folder.", show_default="FOLDER/library, or beside run or annotator")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Annotator, for the map.", show_default="FOLDER/annotator")] = None,
) -> None:
    """Write the HTML report of a pipeline's folder or of an annotated run."""
    from atlas import verbs
    from atlas.errors import AtlasError
    from atlas.pipeline import Places
    from atlas.products.beside import library_of

    places = Places.below(str(folder))
    itself = (folder / "parts").is_dir()
    model = model or (places.annotator if places.annotator.is_dir() else None)
    run = annotations or (folder if itself else places.annotations)
    if library is None:
        library = places.library if places.library.is_dir() else library_of(str(run))
    if library is None:
        raise AtlasError(
            f"{run}: there is no library beside it or its annotator; give the one that it was annotated with: --library"
        )
    written = verbs.report(
        run,
        library,
        out or places.report,
        model=model,
        evaluation=places.evaluation,
        title=folder.name,
    )
    print(written)
