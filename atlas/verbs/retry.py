"""The verb that processes again what a run put in quarantine."""

from pathlib import Path
from typing import Any

from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource, TableSource
from atlas.errors import AtlasError
from atlas.runner.folder import MANIFEST, RunFolder
from atlas.runner.part import Source
from atlas.runner.retry import Retried
from atlas.runner.retry import retry as retry_records
from atlas.stage import Stage
from atlas.tables import CHUNKS, TAGS
from atlas.tagging.config import TagConfig
from atlas.verbs.hooks import QUIET, Hooks


def retry(run: str | Path, hooks: Hooks = QUIET) -> Retried:
    """Process again what a chunk, tag or annotate run put in quarantine."""
    folder = RunFolder.at(run)
    manifest = folder.read(MANIFEST)
    if manifest is None:
        raise AtlasError(f"{run}: holds no run ({MANIFEST} is missing)")
    found = _repeated(manifest["stage"], manifest["recipe"])
    if found is None:
        raise AtlasError(f"{run}: a {manifest['stage']} run is retried by running it again")
    stage, source = found
    return retry_records(stage, source, folder)


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
