"""Atlas labels language-model corpora with human-understandable concepts.

The verbs of the command line are functions here: ``atlas.annotate(...)`` does what ``atlas annotate`` does, and
``atlas.export.lift(...)`` what ``atlas export lift`` does. They are imported when first used, so that ``import atlas``
costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_VERBS = {
    "run": ("atlas.pipeline", "run"),
    "chunk": ("atlas.verbs", "chunk"),
    "sample": ("atlas.verbs", "sample"),
    "estimate": ("atlas.verbs", "estimate"),
    "tag": ("atlas.verbs", "tag"),
    "retag": ("atlas.verbs", "retag"),
    "canonicalize": ("atlas.verbs", "canonicalize"),
    "train": ("atlas.verbs", "train"),
    "evaluate": ("atlas.verbs", "evaluate"),
    "annotate": ("atlas.verbs", "annotate"),
    "report": ("atlas.verbs", "report"),
    "status": ("atlas.verbs", "status"),
    "retry": ("atlas.verbs", "retry"),
    "export": ("atlas.verbs", "export"),
    "token_stream": ("atlas.verbs.token_stream", "token_stream"),
    "query": ("atlas.verbs", "query"),
    "carries": ("atlas.verbs", "carries"),
    "source": ("atlas.verbs", "source"),
    "compare": ("atlas.verbs", "compare"),
    "contamination": ("atlas.verbs", "contamination"),
    "open_corpus": ("atlas.reader", "open_corpus"),
    "read_windows": ("atlas.reader", "read_windows"),
    "AnnotateConfig": ("atlas.config", "AnnotateConfig"),
    "CanonicalizeConfig": ("atlas.config", "CanonicalizeConfig"),
    "ChunkConfig": ("atlas.config", "ChunkConfig"),
    "CorpusConfig": ("atlas.config", "CorpusConfig"),
    "Execution": ("atlas.runner.run", "Execution"),
    "PipelineConfig": ("atlas.config", "PipelineConfig"),
    "SampleConfig": ("atlas.tagging.config", "SampleConfig"),
    "TagConfig": ("atlas.config", "TagConfig"),
    "TrainConfig": ("atlas.config", "TrainConfig"),
}

__all__ = ["__version__", *_VERBS]


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'atlas' has no attribute {name!r}")
    module, attribute = _VERBS[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
