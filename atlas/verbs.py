"""Atlas's verbs as plain functions: what the command line calls, and what a notebook can.

Each takes settings and paths, does its whole job, and returns what it found out. Each is safe to repeat:
work that is done is kept.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from atlas.annotator.config import TrainConfig
from atlas.canonical.config import CanonicalizeConfig
from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource, TableSource
from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.library import history, store
from atlas.library.concept import Library
from atlas.llm.costs import prices
from atlas.runner.folder import MANIFEST, RunFolder
from atlas.runner.inspect import Status
from atlas.runner.inspect import status as inspect
from atlas.runner.retry import Retried
from atlas.runner.retry import retry as retry_records
from atlas.runner.run import Execution, Plan, Result, Watch
from atlas.runner.run import run as run_stage
from atlas.stage import Stage
from atlas.storage import write_text
from atlas.tables import CHUNKS, TAGS
from atlas.tagging.config import SampleConfig, TagConfig
from atlas.tagging.estimate import Estimate
from atlas.tagging.spending import Spent, noted_seconds, noting
from atlas.tagging.spending import spent as reckon_spent

Say = Callable[[str], None]
EVALUATION = "evaluation.json"
FUNNEL = "build.json"


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where progress goes. The defaults keep quiet."""

    say: Say = lambda _: None
    started: Callable[[Plan], None] | None = None
    watch: Watch | None = None


QUIET = Hooks()
HERE = Execution(workers=1)


def chunk(
    corpus: CorpusConfig,
    config: ChunkConfig,
    out: str | Path,
    execution: Execution = HERE,
    hooks: Hooks = QUIET,
) -> Result:
    """Cut a corpus into chunks; one row a chunk, schema CHUNKS."""
    from atlas.chunking.stage import ChunkStage

    return _run(ChunkStage(config), DocumentSource(corpus), out, corpus, execution, hooks, chunk=config)


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
    from atlas.annotator.stage import AnnotateStage

    if library is not None:
        _check_library(model, store.load(library), library)
    stage = AnnotateStage(str(model.absolute()), text)
    return _run(stage, DocumentSource(corpus), out, corpus, execution, hooks, model=str(model.absolute()), text=text)


def _run(
    stage: Stage,
    source: DocumentSource,
    out: str | Path,
    corpus: CorpusConfig,
    execution: Execution,
    hooks: Hooks,
    **settings: Any,
) -> Result:
    plain = {k: v.model_dump(mode="json") if hasattr(v, "model_dump") else v for k, v in settings.items()}
    path = _from_anywhere(corpus.path)  # a retry may start in another folder
    recipe = {"corpus": corpus.model_copy(update={"path": path}).model_dump(mode="json"), **plain}
    return run_stage(stage, source, out, _as_given(corpus.path), recipe, execution, hooks.watch, hooks.started)


def _as_given(path: str) -> str:
    """A corpus's path as a run is known by: not made absolute, so that a folder may move with its corpus."""
    return path if "://" in path or path.startswith("hf:") else os.path.normpath(path)


def _from_anywhere(path: str) -> str:
    """The path of a corpus as it can be found from any folder."""
    return path if "://" in path or path.startswith("hf:") else os.path.abspath(path)  # noqa: PTH100 (globs)


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


def estimate(corpus: CorpusConfig, chunk: ChunkConfig, config: TagConfig, *, paid: bool = True) -> Estimate:
    """What tagging will come to, from the corpus's beginning and a few chunks tagged for real. Writes nothing.

    Without ``paid``, an engine that takes long to start or may send a bill is not asked, and less is known.
    """
    from atlas.tagging.estimate import estimate as reckon
    from atlas.tagging.probe import chunk_cost, look

    seen = look(DocumentSource(corpus), chunk, config.sample)
    return reckon(config.sample, seen.available, chunk_cost(config, seen.chunks, paid=paid))


def tag(
    chunks: Path, config: TagConfig, out: Path, hooks: Hooks = QUIET, *, execution: Execution | None = None
) -> Result:
    """Tag a table of chunks with the configured engine, where the configuration says or as ``execution`` says."""
    from atlas.llm.engines import beside_others
    from atlas.tagging.stage import TagStage

    how = execution or Execution(config.executor, config.workers, config.address)
    engine = config.engine
    if how.executor == "ray":
        engine, needs = beside_others(engine)
        how = replace(how, cpus=needs.cpus, gpus=needs.gpus)
    elif how.workers and how.workers > 1:
        engine, _ = beside_others(engine, threads=max(1, (os.cpu_count() or 1) // how.workers))
    stage = TagStage(config.model_copy(update={"engine": engine}))
    recipe = {"tag": config.model_dump(mode="json"), "chunks": str(chunks.absolute())}
    source = TableSource(str(chunks.absolute()), CHUNKS)
    watch = noting(out, hooks.watch)
    return run_stage(stage, source, out, os.path.normpath(chunks), recipe, how, watch, hooks.started)


def spent(result: Result, config: TagConfig, out: Path) -> Spent:
    """What a tag run has cost since its first part, from its parts and the notes beside them."""
    counts = result.counts
    units = [part.rsplit("/", 1)[-1].removesuffix(".parquet") for part in result.parts]
    return reckon_spent(counts.records_out, counts.sums, noted_seconds(out, units), prices(config.engine))


def canonicalize(
    tags: Path, config: CanonicalizeConfig, out: Path, hooks: Hooks = QUIET
) -> tuple[Library, dict[str, int]]:
    """Build the concept library from tags, or bring the one in ``out`` up to date.

    Nothing is changed where tags, settings and library are those of the last build.
    """
    from atlas.canonical.build import build
    from atlas.canonical.subjects import placed, places
    from atlas.canonical.words import identity, reworded
    from atlas.models.int8 import quick_encoder
    from atlas.models.static import static_encoder

    table = read_tags(tags)
    folder = RunFolder.at(tags)
    base_folder = out if any(out.glob("*.yaml")) else Path(config.base) if config.base else None
    base = store.load(base_folder) if base_folder else Library(())
    noted = out / FUNNEL
    key = of_json(
        {
            "tags": [p.rsplit("/", 1)[-1] for p in folder.parts()],
            "rows": _tags_digest(table),
            "config": config.model_dump(exclude={"words"}),
        }
        | ({"words": identity(config.words)} if config.words else {})
    )
    if noted.is_file() and base_folder == out:
        before = json.loads(noted.read_text())
        if before.get("key") == key and before.get("library") == base.digest:
            return base, before["funnel"]
    hooks.say(f"building the library from {table.num_rows:,} tagged chunks")
    model = quick_encoder(config.encoder)
    entries = history.read(base_folder) if base_folder else []
    library, funnel = build(
        table,
        base,
        config,
        model.encode,
        quick=lambda texts: static_encoder(config.encoder).encode(texts),
        first_id=history.next_id(base, entries),
    )
    counted, notes = asdict(funnel), {}
    if config.words:
        written = reworded(library, base.by_id.keys(), table, config.words, out, hooks.say)
        library, counted, notes = written.library, written.counted(counted), {"words": written.notes}
        key = key if written.is_whole else ""
    if config.place:
        library = placed(library, places(library, model))
    store.save(replace(library, origin=base.origin) if base_folder == out else library, out)
    write_text(noted, json.dumps({"key": key, "library": library.digest, "funnel": counted} | notes, indent=2) + "\n")
    return library, counted


def _tags_digest(table: pa.Table) -> str:
    return of_json(table.select(["doc_id", "chunk_id", "content", "entity", "tone", "form"]).to_pylist())


def read_tags(run: Path) -> pa.Table:
    """All tagged chunks of a tag run, schema TAGS.

    Raises:
        AtlasError: the folder is no finished part of a tag run.
    """
    import pyarrow.parquet as pq

    folder = RunFolder.at(run)
    manifest = folder.read(MANIFEST)
    if manifest is None or manifest.get("stage") not in ("tag", "retag"):
        raise AtlasError(f"{run}: holds no tags; make them with `atlas tag`")
    tables = [pq.read_table(path, filesystem=folder.filesystem, columns=TAGS.names) for path in folder.parts()]
    if not tables:
        raise AtlasError(f"{run}: the tag run has no part yet; run `atlas tag` to its end")
    return pa.concat_tables(tables)


def train(
    tags: Path, library: Path, chunk: ChunkConfig, config: TrainConfig, out: Path, hooks: Hooks = QUIET
) -> dict[str, Any]:
    """Train an annotator on a tag run and a library; returns its card. Kept where nothing it depends on changed."""
    from atlas.annotator import artefact
    from atlas.annotator.data import labelled, split
    from atlas.annotator.distill import word_vectors
    from atlas.annotator.train import train as fit

    loaded = store.load(library)
    table = read_tags(tags)
    key = of_json(
        {
            "tags": _tags_digest(table),
            "library": loaded.digest,
            "chunk": chunk.model_dump(mode="json"),
            "train": config.model_dump(mode="json"),
        }
    )
    if (out / artefact.CONFIG).is_file() and artefact.read_settings(out).get("key") == key:
        return json.loads((out / artefact.CARD).read_text())
    start = time.perf_counter()
    hooks.say("distilling word vectors from the sentence model")
    vectors = word_vectors(config.encoder, chunk.tokenizer, config.dimensions)
    data = labelled(table, loaded, chunk.tokenizer, config.seed)
    training, heldout = split(data, config.heldout_share)
    hooks.say(f"training on {len(training):,} chunks, {len(heldout):,} held out, {len(loaded.active):,} concepts")
    weights, featurizer, seconds = fit(training, loaded, chunk.tokenizer, vectors, config, hooks.say)
    card = {
        "chunks": len(training),
        "heldout_chunks": len(heldout),
        "documents": len(set(training.doc_ids)),
        "concepts": len(loaded.active),
        "concepts_with_examples": int((weights.positives > 0).sum()),
        "labels_per_chunk": float(training.labels.sum() / len(training)),
        "seed": config.seed,
        "seconds": {**{k: round(v, 2) for k, v in seconds.items()}, "total": round(time.perf_counter() - start, 2)},
    }
    settings = {
        "key": key,
        "library_digest": loaded.digest,
        "chunk": chunk.model_dump(mode="json"),
        "train": config.model_dump(mode="json"),
    }
    artefact.save(out, weights, featurizer, settings, card)
    return card


def evaluate(
    model: Path,
    tags: Path,
    library: Path,
    out: Path | None = None,
    *,
    baselines: bool = True,
    cross_validation: bool = False,
    hooks: Hooks = QUIET,
) -> dict[str, Any]:
    """Measure an annotator on the documents kept out of its training, beside baselines.

    With ``cross_validation``, also train the same way on three quarters of the documents at a time and measure
    on the rest, so that every tagged chunk is scored once: slower, but steadier where few chunks are tagged.

    Raises:
        AtlasError: the library is not the one that the annotator was trained with.
    """
    from atlas.annotator import artefact
    from atlas.annotator.data import labelled, split
    from atlas.annotator.distill import word_vectors
    from atlas.annotator.evaluate import cross_validate
    from atlas.annotator.evaluate import evaluate as measure
    from atlas.models.encoder import remembering

    loaded = store.load(library)
    _check_library(model, loaded, library)
    table = read_tags(tags)
    chosen = {"baselines": baselines, "cross_validation": cross_validation}
    key = of_json({"annotator": artefact.digest(model), "tags": _tags_digest(table), **chosen})
    if out is not None and out.is_file():
        before = json.loads(out.read_text())
        if before.get("key") == key:
            return before
    hooks.say("evaluating on held-out documents")
    annotator = artefact.load(model)
    config = TrainConfig(**annotator.settings["train"])
    named = annotator.featurizer.tokenizer
    data = labelled(table, loaded, named, config.seed)
    training, heldout = split(data, config.heldout_share)
    if not heldout.labels.any():
        raise AtlasError("no held-out document has a concept, so there is nothing to measure; tag more chunks")
    embed = remembering(config.encoder) if baselines else None
    result = {"key": key, **measure(annotator, training, heldout, loaded, embed).as_json()}
    if cross_validation:
        hooks.say("cross-validating on all tagged chunks")
        vectors = word_vectors(config.encoder, named, config.dimensions)
        rows = cross_validate(data, loaded, named, vectors, config, embed)
        result["cross_validation"] = {"chunks": len(data), "documents": len(set(data.doc_ids)), "systems": rows}
    if out is not None:
        write_text(out, json.dumps(result, indent=2) + "\n")
    return result


def _check_library(model: Path, library: Library, folder: Path) -> None:
    from atlas.annotator import artefact

    wanted = artefact.read_settings(model)["library_digest"]
    if wanted != library.digest:
        raise AtlasError(
            f"{model}: was trained with library {wanted[:12]}, but {folder} is {library.digest[:12]}. "
            "Use the library it was trained with, or train it again with `atlas train`."
        )


def retry(run: str | Path, hooks: Hooks = QUIET) -> Retried:
    """Process again what a chunk, tag or annotate run put in quarantine."""
    folder = RunFolder.at(run)
    manifest = folder.read(MANIFEST)
    if manifest is None:
        raise AtlasError(f"{run}: holds no run ({MANIFEST} is missing)")
    recipe = manifest["recipe"]
    stage: Stage
    if manifest["stage"] == "annotate":
        from atlas.annotator.stage import AnnotateStage

        stage = AnnotateStage(recipe["model"], recipe["text"])
    elif manifest["stage"] == "chunk":
        from atlas.chunking.stage import ChunkStage

        stage = ChunkStage(ChunkConfig(**recipe["chunk"]))
    elif manifest["stage"] == "tag":
        from atlas.tagging.stage import TagStage

        return retry_records(TagStage(TagConfig(**recipe["tag"])), TableSource(recipe["chunks"], CHUNKS), folder)
    elif manifest["stage"] == "retag":
        from atlas.tagging.reread import RetagStage

        return retry_records(RetagStage(recipe["prompt"]), TableSource(recipe["parts"], TAGS), folder)
    else:
        raise AtlasError(f"{run}: a {manifest['stage']} run is retried by running it again")
    return retry_records(stage, DocumentSource(CorpusConfig(**recipe["corpus"])), folder)


def status(run: str | Path, *, verify: bool = False) -> Status:
    """What a run folder holds, live or dead; with ``verify`` every byte of every part is read."""
    return inspect(RunFolder.at(run), verify=verify)


def report(
    annotations: Path,
    library: Path,
    out: Path,
    *,
    model: Path | None = None,
    evaluation: Path | None = None,
    title: str = "Atlas",
    facts: dict[str, str] | None = None,
) -> Path:
    """Write the HTML report of an annotated run."""
    from atlas.annotator import artefact
    from atlas.products.report import build

    vectors = None
    if model is not None:
        weights = artefact.load(model).weights
        vectors = (weights.concept_ids, weights.meaning)
    measured = evaluation if evaluation is not None and evaluation.is_file() else None
    build(annotations, library, out, evaluation=measured, vectors=vectors, title=title, facts=facts or {})
    return out
