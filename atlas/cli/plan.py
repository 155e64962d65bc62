"""Dry runs: what would be done, and how long it would take, from a small piece done in memory."""

from pathlib import Path

from atlas import verbs
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.cli import costs
from atlas.cli.probe import probe as _probe
from atlas.config import PipelineConfig
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.corpus.units import Unit
from atlas.pipeline import Places
from atlas.runner.folder import RunFolder
from atlas.runner.plan import plan as plan_run
from atlas.stage import Stage
from atlas.tagging.config import TagConfig


def stage(stage: Stage, corpus: CorpusConfig, out: str, *, verify: bool = False) -> str:
    """The plan of a chunk or annotate run."""
    source = DocumentSource(corpus)
    planned = plan_run(stage, source, RunFolder.at(out), verify=verify)
    units = [task.unit for task in planned.tasks]
    documents, tokens, seconds = _probe(stage, source, units)
    left = _size([task.unit for task in planned.todo]) / max(1, _size(units))
    return "\n".join(
        [
            *_input_lines(units),
            f"documents  {_about(documents)}",
            f"tokens     {_about(tokens)}",
            f"to do      {len(planned.todo):,} of {len(units):,} units ({len(planned.done):,} already in {out})",
            f"time       about {costs.duration(seconds * left)} on one core" if planned.todo else "time       none",
            "nothing was written",
        ]
    )


def tag(corpus: CorpusConfig, chunk: ChunkConfig, config: TagConfig, out: str) -> str:
    """The plan of a tag run."""
    source = DocumentSource(corpus)
    units = source.units()
    documents, tokens, _ = _probe(ChunkStage(chunk), source, units)
    return "\n".join(
        [
            *_input_lines(units),
            f"documents  {_about(documents)}",
            f"tokens     {_about(tokens)}",
            *_tag_lines(corpus, chunk, config, Path(out) / "sample.parquet", Path(out) / "tags"),
            f"into       {out}",
            "nothing was written",
        ]
    )


def pipeline(config: PipelineConfig) -> str:
    """The plan of a pipeline."""
    source = DocumentSource(config.corpus)
    units = source.units()
    documents, tokens, seconds = _probe(ChunkStage(config.chunk), source, units)
    places = Places.below(config.out)
    steps = {
        "sample": places.sample,
        "tag": places.tags,
        "canonicalize": places.library,
        "train": places.annotator,
        "annotate": places.annotations,
        "report": places.report,
    }
    return "\n".join(
        [
            *_input_lines(units),
            f"documents  {_about(documents)}",
            f"tokens     {_about(tokens)} (chunking takes about {costs.duration(seconds)} on one core)",
            *_tag_lines(config.corpus, config.chunk, config.tag, places.sample, places.tags),
            *(f"{name:12} → {path}{'  (there)' if path.exists() else ''}" for name, path in steps.items()),
            "nothing was written",
        ]
    )


def estimated(corpus: CorpusConfig, chunk: ChunkConfig, config: TagConfig) -> str:
    """What tagging will come to; a few chunks are tagged to find out."""
    return costs.estimated(verbs.estimate(corpus, chunk, config))


def _tag_lines(corpus: CorpusConfig, chunk: ChunkConfig, config: TagConfig, sample: Path, tags: Path) -> list[str]:
    """What tagging takes; an LLM is asked only where something is left to tag."""
    done = verbs.tagged(corpus, chunk, config, sample, tags)
    if done is not None:
        return [f"tagging    nothing left to do: {done:,} chunks are tagged"]
    found = verbs.estimate(corpus, chunk, config, paid=False)
    return costs.plan_lines(found, f"{config.engine.kind}: {config.engine.model}, prompt {config.prompt_name}")


def _input_lines(units: list[Unit]) -> list[str]:
    files = {unit.path for unit in units}
    return [f"files      {len(files):,}", f"units      {len(units):,} ({sum(u.bytes for u in units):,} bytes)"]


def _size(units: list[Unit]) -> int:
    """Bytes; rows of datasets, which don't tell their bytes."""
    return sum(unit.bytes or unit.rows for unit in units)


def _about(number: float) -> str:
    return f"about {number:,.0f}"
