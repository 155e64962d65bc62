"""Flags and arguments that several commands have, each with its one help text."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from atlas.cli.flags import NONE

if TYPE_CHECKING:
    from atlas.cli.progress import Watching
    from atlas.runner.run import Execution

CorpusArgument = Annotated[
    str,
    typer.Argument(help="File, folder, glob or URL (Parquet, JSON Lines, text), saved dataset, or hf:NAME[:SPLIT]."),
]
Out = Annotated[str, typer.Option("--out", help="Folder or URL to write to.")]
TagsFolder = Annotated[Path, typer.Option("--tags", help="Folder of a tag run.")]
LibraryFolder = Annotated[Path, typer.Option("--library", help="Folder of library YAML.")]
ModelFolder = Annotated[Path, typer.Option("--model", help="Folder of a trained annotator.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan (files, units, time) and touch nothing.")]
Verify = Annotated[
    bool, typer.Option("--verify", help="Read the parts that are there to their last byte, and make damaged ones anew.")
]
Estimate = Annotated[
    bool, typer.Option("--estimate", help="Tag a few chunks to find out what tagging will cost, and write nothing.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress, as --progress none.")]
Progress = Annotated[
    Literal["auto", "bar", "json", "none"],
    typer.Option(
        help="auto: a bar on a terminal, else a line every half minute; json: an object a line. On standard error."
    ),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Serve metrics for Prometheus at this port meanwhile.", show_default=NONE),
]
MetricsFile = Annotated[
    Path | None,
    typer.Option(help="Keep metrics in this file, for node_exporter (NAME.prom).", show_default=NONE),
]
Executor = Annotated[Literal["local", "ray"], typer.Option(help="Processes of this machine, or a Ray cluster.")]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="Processes at work at a time.", show_default="one locally, as many as there is room for on Ray"
    ),
]
Address = Annotated[
    str | None, typer.Option(help="Address of a running Ray cluster.", show_default="one is started here")
]
MaxWorkers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="On Ray: --workers are asked for (one, where not given), and up to so many work where there is room.",
        show_default="what is asked for",
    ),
]
WorkerCpus = Annotated[float, typer.Option(min=0, help="CPUs set aside on Ray for each worker.")]
WorkerGpus = Annotated[float, typer.Option(min=0, help="GPUs set aside on Ray for each worker; 0.25: four share one.")]
WorkerMemory = Annotated[
    float, typer.Option("--worker-memory-gib", min=0, help="Memory set aside on Ray for each worker, in GiB.")
]
Shard = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        help="Work on every N-th unit from the I-th on; N such runs into one folder make one run.",
        show_default=NONE,
    ),
]
GIB = 1 << 30


def execution(
    executor: Executor = "local",
    workers: Workers = None,
    address: Address = None,
    max_workers: MaxWorkers = None,
    worker_cpus: WorkerCpus = 1,
    worker_gpus: WorkerGpus = 0,
    worker_memory: WorkerMemory = 0,
    verify: Verify = False,
    shard: Shard = None,
) -> "Execution":
    """How a run is made, from its flags."""
    from atlas.runner.run import Execution

    return Execution(
        executor,
        workers,
        address,
        worker_cpus,
        worker_gpus,
        memory=int(worker_memory * GIB),
        max_workers=max_workers,
        verify=verify,
        shard=(1, 1) if shard is None else shard_of(shard),
    )


def shard_of(text: str) -> tuple[int, int]:
    """``I/N`` as numbers.

    Raises:
        AtlasError: it is not of that form, or I is not from 1 to N.
    """
    from atlas.errors import AtlasError

    number, _, shards = text.partition("/")
    if number.isdecimal() and shards.isdecimal() and 1 <= int(number) <= int(shards):
        return int(number), int(shards)
    raise AtlasError(f"--shard {text}: give the number of the shard, from 1, and of how many, such as 2/8")


def watching(
    progress: Progress = "auto",
    metrics_port: MetricsPort = None,
    metrics_file: MetricsFile = None,
    quiet: Quiet = False,
) -> "Watching":
    """How a run is watched, from its flags."""
    from atlas.cli.progress import Watching

    return Watching("none" if quiet else progress, metrics_port, metrics_file)


def following(progress: Progress = "auto", quiet: Quiet = False) -> "Watching":
    """How work that is no run of units is watched, from its flags."""
    return watching(progress, quiet=quiet)
