"""Commands for single stages: chunk, tag, retag, canonicalize, train, evaluate, annotate. Settings are flags."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from atlas.annotator.config import TrainConfig
from atlas.canonical.config import CanonicalizeConfig
from atlas.chunking.config import ChunkConfig
from atlas.cli.common_flags import (
    CorpusArgument,
    DryRun,
    Estimate,
    LibraryFolder,
    ModelFolder,
    Out,
    TagsFolder,
    execution,
    following,
    watching,
)
from atlas.cli.flags import NONE, checked, with_config, with_flags
from atlas.corpus.config import CorpusConfig
from atlas.tagging.config import SampleConfig

if TYPE_CHECKING:
    from atlas.cli.progress import Watching
    from atlas.runner.run import Execution

PricePerHour = Annotated[float, typer.Option(min=0, help="Price of an hour of the engine's hardware.")]
PriceOfPrompts = Annotated[float, typer.Option(min=0, help="Price of a million tokens read, for --engine openai.")]
PriceOfAnswers = Annotated[float, typer.Option(min=0, help="Price of a million tokens written, for --engine openai.")]
ChunksPerSecond = Annotated[float | None, typer.Option(help="The engine's rate.", show_default="found out by a probe")]


@with_config("chunking", ChunkConfig)
@with_config("columns", CorpusConfig, skip=("path",))
@with_flags("how", execution)
@with_flags("seen", watching)
def chunk(
    corpus: CorpusArgument,
    out: Out,
    columns: CorpusConfig,
    chunking: ChunkConfig,
    *,
    how: "Execution",
    dry_run: DryRun = False,
    seen: "Watching",
) -> None:
    """Cut a corpus into chunks: one row a chunk, in Parquet parts."""
    from atlas import verbs
    from atlas.chunking.stage import ChunkStage
    from atlas.cli import plan, progress

    read = columns.model_copy(update={"path": corpus})
    if dry_run:
        print(plan.stage(ChunkStage(chunking), read, out, verify=how.verify))
        return
    with progress.shown(seen, label="chunking") as hooks:
        result = verbs.chunk(read, chunking, out, how, hooks)
    _finish(result, out, hooks.tally())


@with_config("columns", CorpusConfig, skip=("path",))
@with_flags("how", execution)
@with_flags("seen", watching)
def annotate(
    corpus: CorpusArgument,
    model: ModelFolder,
    out: Out,
    columns: CorpusConfig,
    chunk_text: Annotated[bool, typer.Option(help="Write each chunk's text too.")] = True,
    rejected: Annotated[bool, typer.Option(help="Write the concepts considered for a chunk and not given.")] = False,
    evidence: Annotated[
        bool, typer.Option(help="Write where in the chunk each concept stands; takes several times longer.")
    ] = False,
    tokens: Annotated[bool, typer.Option(help="Write each chunk's token ids, for a trainer to stream.")] = False,
    library: Annotated[
        Path | None,
        typer.Option(
            "--library", help="Refuse an annotator that was not trained with this library.", show_default=NONE
        ),
    ] = None,
    *,
    how: "Execution",
    dry_run: DryRun = False,
    seen: "Watching",
) -> None:
    """Label every chunk of a corpus of any size: chunk and annotate in one pass, into Parquet parts.

    Stop it at any moment and run the same command again: finished parts are kept, nothing is lost or doubled.
    """
    from atlas import verbs
    from atlas.annotator.stage import AnnotateStage
    from atlas.cli import plan, progress
    from atlas.products.beside import library_of

    read = columns.model_copy(update={"path": corpus})
    if dry_run:
        stage = AnnotateStage(str(model), chunk_text, rejected, evidence, tokens)
        print(plan.stage(stage, read, out, verify=how.verify))
        return
    with progress.shown(seen, label="annotating") as hooks:
        result = verbs.annotate(
            read,
            model,
            out,
            text=chunk_text,
            rejected=rejected,
            evidence=evidence,
            tokens=tokens,
            library=library,
            execution=how,
            hooks=hooks,
        )
    further = "`atlas export --help`, `atlas query --help`"
    if "://" not in str(out):  # a report is made of a local run
        named = "" if library_of(str(out)) else " --library LIBRARY"
        further = f"`atlas report {out}{named}`, or {further}"
    _finish(result, out, hooks.tally(), further)


@with_config("sampling", SampleConfig)
@with_config("chunking", ChunkConfig)
@with_config("columns", CorpusConfig, skip=("path",))
@with_flags("how", execution)
@with_flags("seen", watching)
def tag(
    corpus: CorpusArgument,
    out: Out,
    columns: CorpusConfig,
    chunking: ChunkConfig,
    sampling: SampleConfig,
    engine: Annotated[
        Literal["ctranslate2", "openai", "vllm"], typer.Option(help="Engine that completes prompts.")
    ] = "ctranslate2",
    model: Annotated[
        str | None,
        typer.Option(help="Model: catalogue name, path, hub id, or the server's name.", show_default="by engine"),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Server, for --engine openai: http://host:port/v1.", show_default=NONE)
    ] = None,
    device: Annotated[
        Literal["gpu", "cpu"], typer.Option(help="What the installed vLLM is built for, for --engine vllm.")
    ] = "gpu",
    prompt: Annotated[str | None, typer.Option(help="Prompt version or file.", show_default="the model's")] = None,
    price_per_hour: PricePerHour = 0.0,
    price_per_million_input: PriceOfPrompts = 0.0,
    price_per_million_output: PriceOfAnswers = 0.0,
    chunks_per_s: ChunksPerSecond = None,
    *,
    how: "Execution",
    estimate: Estimate = False,
    dry_run: DryRun = False,
    seen: "Watching",
) -> None:
    """Have an LLM write tags for a sample of a corpus's chunks. The key of a server comes from $OPENAI_API_KEY."""
    from atlas import verbs
    from atlas.cli import costs, plan, progress
    from atlas.errors import AtlasError
    from atlas.llm.costs import prices
    from atlas.tagging.config import TagConfig

    settings: dict[str, Any] = {"kind": engine}
    if model is not None:
        settings["model"] = model
    if engine == "openai":
        if base_url is None or model is None:
            raise AtlasError("--engine openai needs --base-url and --model")
        settings["base_url"] = base_url
    if engine == "vllm":
        settings["device"] = device
    if engine != "openai" and (price_per_million_input or price_per_million_output):
        raise AtlasError("--price-per-million-input and -output are for --engine openai; give --price-per-hour")
    settings |= _costs(price_per_hour, price_per_million_input, price_per_million_output, chunks_per_s)
    where = {"executor": how.executor, "workers": how.workers, "max_workers": how.max_workers, "address": how.address}
    given = {"engine": settings, "prompt": prompt, "sample": sampling.model_dump(), **where}
    config = checked(lambda: TagConfig.model_validate(given))
    read = columns.model_copy(update={"path": corpus})
    if dry_run:
        print(plan.tag(read, chunking, config, out))
        return
    if estimate:
        print(plan.estimated(read, chunking, config))
        return
    with progress.shown(seen, prices(config.engine)) as hooks:
        chosen = Path(out) / "sample.parquet"
        hooks.say("choosing the chunks to tag")
        verbs.sample(read, chunking, config.sample, config.chunks_per_unit, chosen, tag=config)
        hooks.say(f"tagging with {config.engine.model}")
        result = verbs.tag(chosen, config, Path(out) / "tags", hooks, execution=how)
    cost = costs.spent(verbs.spent(result, config, Path(out) / "tags"))
    _finish(result, f"{out}/tags", hooks.tally(), f"`atlas canonicalize --tags {out}/tags --out LIBRARY`", cost)


@with_flags("how", execution)
@with_flags("seen", watching)
def retag(
    tags: TagsFolder,
    out: Out,
    prompt: Annotated[
        str | None, typer.Option(help="Prompt version or file, by which answers are read.", show_default="the model's")
    ] = None,
    *,
    how: "Execution",
    seen: "Watching",
) -> None:
    """Read a tag run's kept answers again, by another prompt file or another version of Atlas; no LLM is asked."""
    from atlas import verbs
    from atlas.cli import progress

    with progress.shown(seen, label="reading answers again") as hooks:
        result = verbs.retag(tags, out, prompt, how, hooks)
    _finish(result, out, hooks.tally(), f"`atlas canonicalize --tags {out} --out LIBRARY`")


@with_config("config", CanonicalizeConfig, skip=("words",))
@with_flags("seen", following)
def canonicalize(
    tags: TagsFolder,
    out: Annotated[Path, typer.Option("--out", help="Library folder to write or bring up to date.")],
    config: CanonicalizeConfig,
    seen: "Watching",
) -> None:
    """Build the concept library from tags, or bring the library in --out up to date; ids are kept."""
    from atlas import verbs
    from atlas.cli import progress

    with progress.shown(seen) as hooks:
        _, funnel = verbs.canonicalize(tags, config, out, hooks)
    for name, value in funnel.items():
        shown = f"{value:,}" if isinstance(value, int) else ", ".join(value) or "none"
        print(f"{name.replace('_', ' '):14} {shown}")
    print(f"{'written':14} {out}")


@with_config("config", TrainConfig)
@with_config("chunking", ChunkConfig)
@with_flags("seen", following)
def train(
    tags: TagsFolder,
    library: LibraryFolder,
    out: Annotated[Path, typer.Option("--out", help="Folder for the annotator.")],
    config: TrainConfig,
    chunking: ChunkConfig,
    seen: "Watching",
) -> None:
    """Train an annotator on tagged chunks and a library."""
    from atlas import verbs
    from atlas.cli import progress

    with progress.shown(seen) as hooks:
        card = verbs.train(tags, library, chunking, config, out, hooks)
    print(
        f"trained on {card['chunks']:,} chunks of {card['documents']:,} documents, {card['concepts']:,} concepts "
        f"({card['concepts_with_examples']:,} with examples), {card['seconds']['total']:.0f} s"
    )
    if found := card.get("metrics"):
        named = [name for name in ("p@1", "p@5", "r@10", "micro_f1", "ece") if name in found]
        shown = ", ".join(f"{name} {found[name]:.3f}" for name in named)
        print(f"on {found['chunks']:,} held-out chunks: {shown}")
    print(f"written {out}")


def evaluate(
    model: ModelFolder,
    tags: TagsFolder,
    library: LibraryFolder,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write everything as JSON.", show_default=NONE)
    ] = None,
    baselines: Annotated[bool, typer.Option(help="Measure baselines beside it.")] = True,
    cross_validation: Annotated[bool, typer.Option(help="Also cross-validate on all tagged chunks.")] = False,
) -> None:
    """Measure an annotator on the documents kept out of its training, beside baselines."""
    from atlas import verbs
    from atlas.cli import show

    result = verbs.evaluate(model, tags, library, json_file, baselines=baselines, cross_validation=cross_validation)
    print(show.evaluation(result))


def _costs(hour: float, read: float, written: float, rate: float | None) -> dict[str, Any]:
    """An engine's settings about cost, such as were given."""
    by_token = {"price_per_million_input": read, "price_per_million_output": written}
    return {name: value for name, value in {"price_per_hour": hour, "chunks_per_s": rate, **by_token}.items() if value}


def _finish(result: Any, out: str, tally: Any, then: str = "", spent: str = "") -> None:
    from atlas.cli import show
    from atlas.errors import IncompleteRun
    from atlas.runner.folder import RunFolder
    from atlas.runner.inspect import reasons

    waiting = reasons(RunFolder.at(out)) if result.counts.quarantined else {}
    print(show.run_result(result, out, tally, waiting, then))
    if spent:
        print(f"tagging   {spent}")
    if not result.sound:
        wrong = "nothing came out" if result.balanced else "the balance does not hold"
        raise IncompleteRun(f"{out}: {wrong}; see above")
