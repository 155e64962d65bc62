"""Read a tag run's answers again, as another prompt file reads them and chooses; no language model is needed."""

import os
from pathlib import Path

from atlas.corpus.source import TableSource
from atlas.errors import AtlasError
from atlas.runner.folder import MANIFEST, RunFolder
from atlas.runner.run import Execution, Result
from atlas.runner.run import run as run_stage
from atlas.tables import TAGS
from atlas.tagging.config import TagConfig
from atlas.tagging.prompt import default_prompt
from atlas.tagging.reread import RetagStage
from atlas.verbs import HERE, QUIET, Hooks


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
    folder = RunFolder.at(tags)
    manifest = folder.read(MANIFEST)
    if manifest is None or manifest.get("stage") not in ("tag", "retag"):
        raise AtlasError(f"{tags}: holds no tags; make them with `atlas tag`")
    if not folder.parts():
        raise AtlasError(f"{tags}: the tag run has no part yet; run `atlas tag` first")
    made = manifest["recipe"]
    model = made["model"] if "model" in made else TagConfig.model_validate(made["tag"]).engine.model
    name = prompt or default_prompt(model)
    parts = str((tags / "parts").absolute())
    recipe = {"prompt": str(Path(name).absolute()) if Path(name).is_file() else name, "parts": parts, "model": model}
    return run_stage(
        RetagStage(name),
        TableSource(parts, TAGS),
        out,
        os.path.normpath(tags),
        recipe,
        execution,
        hooks.watch,
        hooks.started,
    )
