"""The verb that processes again what a run put in quarantine."""

from pathlib import Path
from typing import Any

from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource, TableSource
from atlas.errors import AtlasError
from atlas.runner import sittings
from atlas.runner.folder import MANIFEST, RunFolder
from atlas.runner.part import Source
from atlas.runner.plan import Plan
from atlas.runner.retry import Retried
from atlas.runner.retry import retry as retry_records
from atlas.runner.sittings import Sitting
from atlas.stage import Stage
from atlas.tables import CHUNKS, TAGS
from atlas.tagging.config import TagConfig
from atlas.verbs.hooks import QUIET, Hooks
from atlas.verbs.noted_run import why


def retry(run: str | Path, hooks: Hooks = QUIET) -> Retried:
    """Process again what a chunk, tag or annotate run put in quarantine, and note in the run's log who did and when."""
    folder = RunFolder.at(run)
    manifest = folder.read(MANIFEST)
    if manifest is None:
        raise AtlasError(f"{run}: holds no run ({MANIFEST} is missing)")
    found = _repeated(manifest["stage"], manifest["recipe"])
    if found is None:
        raise AtlasError(f"{run}: a {manifest['stage']} run is retried by running it again")
    stage, source = found
    begun: list[Sitting] = []

    def started(planned: Plan) -> None:
        how = {"verb": "retry", "executor": "local", "workers": 1}
        begun.append(sittings.begun(planned, how, stage.identity()))
        sittings.write(folder, begun[0])

    def end(outcome: str) -> None:
        for sitting in begun:
            sittings.write(folder, sittings.ended(sitting, outcome))

    try:
        retried = retry_records(stage, source, folder, started)
    except BaseException as error:
        end(why(error))
        raise
    end(f"{retried.mended:,} records came out of quarantine, {retried.left:,} are left")
    return retried


def _repeated(stage: str, recipe: dict[str, Any]) -> tuple[Stage, Source] | None:
    """The stage and the source that a manifest's recipe speaks of; None where records alone can't be retried."""
    if stage == "annotate":
        from atlas.annotator.stage import AnnotateStage

        chosen = {name: recipe[name] for name in ("rejected", "evidence", "tokens") if name in recipe}
        labelling = AnnotateStage(recipe["model"], recipe["text"], **chosen)
        return labelling, DocumentSource(CorpusConfig(**recipe["corpus"]))
    if stage == "chunk":
        from atlas.chunking.stage import ChunkStage

        return ChunkStage(ChunkConfig(**recipe["chunk"])), DocumentSource(CorpusConfig(**recipe["corpus"]))
    if stage == "tag":
        from atlas.tagging.stage import TagStage

        return TagStage(TagConfig(**recipe["tag"])), TableSource(recipe["chunks"], CHUNKS)
    if stage == "retag":
        from atlas.tagging.reread import RetagStage

        return RetagStage(recipe["prompt"]), TableSource(recipe["parts"], TAGS)
    return None
