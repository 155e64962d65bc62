"""The verb that measures an annotator."""

import json
from pathlib import Path
from typing import Any

from atlas.annotator.config import TrainConfig
from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.library import store
from atlas.storage import write_text
from atlas.verbs.hooks import QUIET, Hooks
from atlas.verbs.tag_run import digest_of, read_tags

EVALUATION = "evaluation.json"


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
    from atlas.annotator.distill import teacher
    from atlas.annotator.evaluate import cross_validate
    from atlas.annotator.evaluate import evaluate as measure

    loaded = store.load(library)
    artefact.refuse_other_library(model, loaded.digest, library)
    table = read_tags(tags)
    chosen = {"baselines": baselines, "cross_validation": cross_validation}
    key = of_json({"annotator": artefact.digest(model), "tags": digest_of(table), **chosen})
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
    if not heldout.labels.nnz:
        raise AtlasError("no held-out document has a concept, so there is nothing to measure; tag more chunks")
    sentences = teacher(config.encoder, named)
    embed = sentences.embed if baselines else None
    result = {"key": key, **measure(annotator, training, heldout, loaded, embed).as_json()}
    if cross_validation:
        hooks.say("cross-validating on all tagged chunks")
        rows = cross_validate(data, loaded, named, sentences, config, embed)
        result["cross_validation"] = {"chunks": len(data), "documents": len(set(data.doc_ids)), "systems": rows}
    if out is not None:
        write_text(out, json.dumps(result, indent=2) + "\n")
    return result
