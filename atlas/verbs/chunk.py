"""The verb that cuts a corpus into chunks."""

from pathlib import Path

from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.runner.run import Execution, Result
from atlas.verbs.corpus_run import run_over
from atlas.verbs.hooks import HERE, QUIET, Hooks


def chunk(
    corpus: CorpusConfig,
    config: ChunkConfig,
    out: str | Path,
    execution: Execution = HERE,
    hooks: Hooks = QUIET,
) -> Result:
    """Cut a corpus into chunks; one row a chunk, schema CHUNKS."""
    from atlas.chunking.stage import ChunkStage

    return run_over(corpus, ChunkStage(config), out, execution, hooks, chunk=config.model_dump(mode="json"))
