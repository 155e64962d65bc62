"""Run a stage over a corpus: what chunk and annotate have in common."""

import os
from pathlib import Path
from typing import Any

from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner.run import Execution, Result
from atlas.stage import Stage
from atlas.verbs.hooks import Hooks
from atlas.verbs.noted_run import noted_run


def run_over(
    corpus: CorpusConfig, stage: Stage, out: str | Path, execution: Execution, hooks: Hooks, **settings: Any
) -> Result:
    """Run ``stage`` over a corpus into ``out``; ``settings``, of plain values, are kept there for a retry."""
    found = corpus.model_copy(update={"path": _from_anywhere(corpus.path)})  # a retry may start in another folder
    recipe = {"corpus": found.model_dump(mode="json"), **settings}
    source, known_as = DocumentSource(corpus), _as_given(corpus.path)
    return noted_run(stage, source, out, known_as, recipe, execution, hooks)


def _as_given(path: str) -> str:
    """A corpus's path as a run is known by: not made absolute, so that a folder may move with its corpus."""
    return path if _is_remote(path) else os.path.normpath(path)


def _from_anywhere(path: str) -> str:
    """The path of a corpus as it can be found from any folder."""
    return path if _is_remote(path) else os.path.abspath(path)  # noqa: PTH100 (globs)


def _is_remote(path: str) -> bool:
    return "://" in path or path.startswith("hf:")
