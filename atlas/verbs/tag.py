"""The verb that has a language model write tags, and what that has cost."""

import os
from dataclasses import replace
from pathlib import Path

from atlas.chunking.config import ChunkConfig
from atlas.cores import cores
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import TableSource
from atlas.llm.costs import prices
from atlas.runner.folder import RunFolder
from atlas.runner.plan import plan
from atlas.runner.run import Execution, Result
from atlas.tables import CHUNKS
from atlas.tagging.config import TagConfig
from atlas.tagging.spending import Spent, noted_seconds, noting
from atlas.tagging.spending import spent as reckon
from atlas.verbs.hooks import QUIET, Hooks
from atlas.verbs.noted_run import noted_run


def tag(
    chunks: Path, config: TagConfig, out: Path, hooks: Hooks = QUIET, *, execution: Execution | None = None
) -> Result:
    """Tag a table of chunks with the configured engine, where the configuration says or as ``execution`` says."""
    from atlas.llm.engines import beside_others
    from atlas.tagging.stage import TagStage

    how = execution or Execution(config.executor, config.workers, config.address, max_workers=config.max_workers)
    engine = config.engine
    if how.executor == "ray":
        engine, needs = beside_others(engine)
        how = replace(how, cpus=max(how.cpus, needs.cpus), gpus=max(how.gpus, needs.gpus))
    elif how.workers and how.workers > 1:
        engine, _ = beside_others(engine, threads=max(1, cores() // how.workers))
    stage = TagStage(config.model_copy(update={"engine": engine}))
    recipe = {"tag": config.model_dump(mode="json"), "chunks": str(chunks.absolute())}
    source = TableSource(str(chunks.absolute()), CHUNKS)
    watch = noting(out, hooks.watch)
    return noted_run(stage, source, out, os.path.normpath(chunks), recipe, how, replace(hooks, watch=watch))


def tagged(corpus: CorpusConfig, chunk: ChunkConfig, config: TagConfig, chunks: Path, out: Path) -> int | None:
    """How many chunks a tag run holds that has nothing left to do; None where something is left, or is not known.

    Asks no LLM, and touches nothing.

    Args:
        chunks: the sample, as of ``sample``. out: folder of the tag run.
    """
    from atlas.tagging.sample import is_made
    from atlas.tagging.stage import TagStage

    if not is_made(corpus, chunk, config.sample, config.chunks_per_unit, chunks, config):
        return None
    planned = plan(TagStage(config), TableSource(str(chunks.absolute()), CHUNKS), RunFolder.at(out))
    return None if planned.todo else sum(counts.records_out for counts in planned.done.values())


def spent(result: Result, config: TagConfig, out: Path) -> Spent:
    """What a tag run has cost since its first part, from its parts and the notes beside them."""
    counts = result.counts
    units = [part.rsplit("/", 1)[-1].removesuffix(".parquet") for part in result.parts]
    return reckon(counts.records_out, counts.sums, noted_seconds(out, units), prices(config.engine))
