"""The verb that trains an annotator."""

import json
import time
from pathlib import Path
from typing import Any

from atlas.annotator.config import TrainConfig
from atlas.chunking.config import ChunkConfig
from atlas.digest import of_json
from atlas.library import store
from atlas.verbs.hooks import QUIET, Hooks
from atlas.verbs.tag_run import digest_of, read_tags


def train(
    tags: Path, library: Path, chunk: ChunkConfig, config: TrainConfig, out: Path, hooks: Hooks = QUIET
) -> dict[str, Any]:
    """Train an annotator on a tag run and a library; returns its card. Kept where nothing it depends on changed."""
    from atlas.annotator import artefact
    from atlas.annotator.checkpoints import Checkpoints
    from atlas.annotator.data import labelled, split
    from atlas.annotator.distill import teacher
    from atlas.annotator.evaluate import metrics_of
    from atlas.annotator.train import train as fit

    loaded = store.load(library)
    table = read_tags(tags)
    settings = {"chunk": chunk.model_dump(mode="json"), "train": config.model_dump(mode="json")}
    data_of = {"tags": digest_of(table), "library": loaded.digest}
    key = of_json({**data_of, **settings})
    if (out / artefact.CONFIG).is_file() and artefact.read_settings(out).get("key") == key:
        return json.loads((out / artefact.CARD).read_text())
    start, busy = time.perf_counter(), time.process_time()
    model = teacher(config.encoder, chunk.tokenizer)
    data = labelled(table, loaded, chunk.tokenizer, config.seed)
    training, heldout = split(data, config.heldout_share)
    hooks.say(f"training on {len(training):,} chunks, {len(heldout):,} held out, {len(loaded.active):,} concepts")
    kept = Checkpoints(out / ".training", key)
    weights, featurizer, seconds = fit(training, loaded, chunk.tokenizer, model, config, hooks.say, kept)
    embed = model.embed if config.tier == "encoder" else None
    found = metrics_of(artefact.Annotator(weights, featurizer, settings, "", embed), len(training), heldout)
    card = {
        "data": data_of,
        "chunks": len(training),
        "heldout_chunks": len(heldout),
        "documents": len(set(training.doc_ids)),
        "concepts": len(loaded.active),
        "concepts_with_examples": int((weights.positives > 0).sum()),
        "labels_per_chunk": training.labels.nnz / len(training),
        "seed": config.seed,
        "metrics": {name: round(value, 4) for name, value in found.items() if value is not None},
        "seconds": {**{k: round(v, 2) for k, v in seconds.items()}, "total": round(time.perf_counter() - start, 2)},
        "processor_seconds": round(time.process_time() - busy, 2),
    }
    artefact.save(out, weights, featurizer, {"key": key, "library_digest": loaded.digest, **settings}, card)
    kept.clear()
    return card
