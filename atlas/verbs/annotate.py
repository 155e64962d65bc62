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
    rejected: bool = False,
    evidence: bool = False,
    tokens: bool = False,
    library: Path | None = None,
    execution: Execution = HERE,
    hooks: Hooks = QUIET,
) -> Result:
    """Chunk and label a corpus with a trained annotator, in one pass.

    With ``rejected``, each chunk also carries the concepts that were considered and not given; with ``evidence``, where
    in the chunk each of its concepts stands; with ``tokens``, its token ids, for a trainer to stream.

    Raises:
        AtlasError: ``model`` holds no annotator; ``library`` is given and is not the one that it was trained with.
    """
    from atlas.annotator import compile as loops
    from atlas.annotator.artefact import read_settings, refuse_other_library
    from atlas.annotator.stage import AnnotateStage

    if library is not None:
        refuse_other_library(model, store.load(library).digest, library)
    if execution.executor == "local" and loops.cold():  # each worker would do it for itself, and nobody know why
        read_settings(model)  # a folder without an annotator is told first
        hooks.say("compiling for this machine, which takes half a minute once")
        loops.compiled()
        hooks.say("annotating")
    path = str(model.absolute())
    stage = AnnotateStage(path, text, rejected, evidence, tokens)
    return run_over(corpus, stage, out, execution, hooks, model=path, text=text, **stage.chosen)
