"""The verb that chooses what the LLM will see."""

from pathlib import Path

import pyarrow as pa

from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.tagging.config import SampleConfig, TagConfig


def sample(
    corpus: CorpusConfig,
    chunk: ChunkConfig,
    config: SampleConfig,
    unit_chunks: int,
    out: Path,
    *,
    tag: TagConfig | None = None,
) -> pa.Table:
    """Choose the chunks that the LLM will see and write them to ``out``.

    A budget in tokens, minutes or money needs ``tag``, the engine and prompt that will be used.
    """
    from atlas.tagging.sample import write_sample

    return write_sample(corpus, chunk, config, unit_chunks, out, tag)
