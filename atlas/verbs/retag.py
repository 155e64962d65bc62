"""The verb that reads a tag run's answers again, as another prompt file reads them and chooses; no LLM is needed."""

import os
from pathlib import Path

from atlas.corpus.source import TableSource
from atlas.runner.run import Execution, Result
from atlas.tables import TAGS
from atlas.tagging.config import TagConfig
from atlas.verbs.hooks import HERE, QUIET, Hooks
from atlas.verbs.noted_run import noted_run
from atlas.verbs.tag_run import opened


def retag(
    tags: Path, out: str | Path, prompt: str | None = None, execution: Execution = HERE, hooks: Hooks = QUIET
) -> Result:
    """Write a tag run anew to ``out``: its kept answers read as ``prompt`` reads them, topics chosen as it does.

    The run may still be growing: do it again, and what has come since is read too.

    Args:
        tags: folder of a tag run, or of one that was made by this.
        prompt: name or file of a prompt that asks what the run was asked; not given, the one made for its model.

    Raises:
        AtlasError: the folder holds no tag run, or one without a part.
    """
    from atlas.tagging.prompt import default_prompt
    from atlas.tagging.reread import RetagStage

    _, manifest = opened(tags)
    made = manifest["recipe"]
    model = made["model"] if "model" in made else TagConfig.model_validate(made["tag"]).engine.model
    name = prompt or default_prompt(model)
    parts = str((tags / "parts").absolute())
    recipe = {"prompt": str(Path(name).absolute()) if Path(name).is_file() else name, "parts": parts, "model": model}
    stage, source = RetagStage(name), TableSource(parts, TAGS)
    return noted_run(stage, source, out, os.path.normpath(tags), recipe, execution, hooks)
