"""The verb that labels a corpus."""

from pathlib import Path

from atlas.corpus.config import CorpusConfig
from atlas.library import store
from atlas.runner.run import Execution, Result
from atlas.verbs.corpus_run import run_over
from atlas.verbs.hooks import HERE, QUIET, Hooks


def annotate(
    corpus: CorpusConfig,
    model: Path,
    out: str | Path,
    *,
    text: bool = True,
    library: Path | None = None,
    execution: Execution = HERE,
    hooks: Hooks = QUIET,
) -> Result:
    """Chunk and label a corpus with a trained annotator, in one pass.

    Raises:
        AtlasError: ``library`` is given and is not the one that the annotator was trained with.
    """
    from atlas.annotator.artefact import refuse_other_library
    from atlas.annotator.stage import AnnotateStage

    if library is not None:
        refuse_other_library(model, store.load(library).digest, library)
    path = str(model.absolute())
    return run_over(corpus, AnnotateStage(path, text), out, execution, hooks, model=path, text=text)
