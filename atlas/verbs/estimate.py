"""The verb that says what tagging will cost."""

from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.tagging.config import TagConfig
from atlas.tagging.estimate import Estimate
from atlas.tagging.estimate import estimate as reckon


def estimate(corpus: CorpusConfig, chunk: ChunkConfig, config: TagConfig, *, paid: bool = True) -> Estimate:
    """What tagging will come to, from the corpus's beginning and a few chunks tagged for real. Writes nothing.

    Without ``paid``, an engine that takes long to start or may send a bill is not asked, and less is known.
    """
    from atlas.tagging.probe import chunk_cost, look

    seen = look(DocumentSource(corpus), chunk, config.sample)
    return reckon(config.sample, seen.available, chunk_cost(config, seen.chunks, paid=paid))
