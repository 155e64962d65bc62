"""Where do the microseconds of a chunk go, and is labelling as fast as tokenizing? Chunks of 110 tokens, one core.

    python benchmarks/annotator_speed.py --data DIR [--sets a,b]

The annotator is trained on the training part of ``annotator.py``'s split, once for the set's own labels and once with
concepts by real names of other sets up to 33,732. Steps are timed from the text on, in batches of 256. Beside them,
from the same texts: Hugging Face's ``tokenizers`` with the same BPE of 100,000 entries, tiktoken, and Atlas's own
encoder, which is the annotator's first step and the fastest of the three. ``over_tokenizers`` is all of the annotator's
time over that of ``tokenizers``; each is the median of five rounds that take turns.
"""

import base64
import os
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from annotator_atlas import TOKENIZER, train_fast
from annotator_data import SETS, split
from label_sets import label_names
from rows import Row, arguments, finish
from tokenizers import Tokenizer

from atlas.annotator.artefact import Annotator
from atlas.annotator.features import weigh
from atlas.annotator.judge import logits
from atlas.annotator.model import calibrate
from atlas.annotator.views import pairs_of
from atlas.chunking.tokenizer import CL100K_PATTERN, Tiktoken, tokenizer

LIMIT = 10_000  # training documents
CONCEPTS = 33_732  # of the largest published system of this kind
TOKENS, MOST, TOGETHER, ROUNDS = 110, 5_120, 256, 5
STEPS = ("tokenize", "fold", "count", "weigh", "candidates and views", "rank", "calibrate")


def main() -> None:
    options = arguments(__doc__.splitlines()[0], list(SETS))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows: list[Row] = []
    for name in options.sets.split(","):
        task = split(options.data, name, 0, LIMIT, False)
        labels = [sorted(own) for own in task.training.gold]
        texts = chunks(task.training.texts + task.report.texts)
        for names in (task.names, padded(task.names, options.data)):
            with tempfile.TemporaryDirectory() as work:
                trained = train_fast(task.training.texts, labels, names, Path(work)).annotator
            rows.append({"dataset": name, "concepts": len(names), **measured(trained, texts)})
    finish([{"benchmark": "annotator_speed", "system": "atlas-fast", **row} for row in rows], options.json)


def chunks(documents: list[str]) -> list[str]:
    """The first pieces of documents that have 110 tokens."""
    named = tokenizer(TOKENIZER)
    assert isinstance(named, Tiktoken)
    found: list[str] = []
    for text in documents:
        ids = named.encode(text)
        ends = np.concatenate([[0], np.cumsum(named.byte_lengths(ids))])[::TOKENS]
        raw = text.encode()
        found += [raw[start:end].decode(errors="ignore") for start, end in pairwise(ends)]
        if len(found) >= MOST:
            break
    return found[:MOST]


def padded(names: list[str], data: Path) -> list[str]:
    others = [name for other in ("yso-abstracts", "tib-core") for name in label_names(data, other).values() if name]
    return list(dict.fromkeys([*names, *others]))[:CONCEPTS]


def measured(annotator: Annotator, texts: list[str]) -> Row:
    bpe = hugging_face(TOKENIZER)
    steps = np.array([timed(annotator, texts) for _ in range(ROUNDS + 1)])[1:]
    named = tokenizer(TOKENIZER)
    assert isinstance(named, Tiktoken)
    theirs, tiktokens = [], []
    for _ in range(ROUNDS):
        start = perf_counter()
        for text in texts:
            bpe.encode(text, add_special_tokens=False)
        middle = perf_counter()
        for text in texts:
            Tiktoken.encode(named, text)
        theirs.append(middle - start)
        tiktokens.append(perf_counter() - middle)
    each = np.median(steps, axis=0) / len(texts) * 1e6
    whole = float(np.median(steps.sum(axis=1)))
    return {
        **{f"{step}, us": round(float(us), 1) for step, us in zip(STEPS, each, strict=True)},
        "chunks_per_s": len(texts) / whole,
        "over_tokenizers": whole / median(theirs),
        "over_tiktoken": whole / median(tiktokens),
        "over_own_encoder": whole / float(np.median(steps[:, 0])),
    }


def timed(annotator: Annotator, texts: list[str]) -> list[float]:
    """Seconds of each step."""
    weights, featurizer, named = annotator.weights, annotator.featurizer, tokenizer(TOKENIZER)
    seconds = [0.0] * len(STEPS)
    for start in range(0, len(texts), TOGETHER):
        clock = [perf_counter()]
        tokens = [named.encode(text) for text in texts[start : start + TOGETHER]]
        clock.append(perf_counter())
        words = featurizer.fold(tokens)
        clock.append(perf_counter())
        counts = featurizer.counts(words)
        clock.append(perf_counter())
        weighed = weigh(counts, weights.idf)
        clock.append(perf_counter())
        found = pairs_of(words, weighed, weights.tables)
        clock.append(perf_counter())
        ranked = logits(weights.judges, weights.tables, found)
        clock.append(perf_counter())
        calibrate(weights, ranked)
        clock.append(perf_counter())
        seconds = [sum(both) for both in zip(seconds, np.diff(clock), strict=True)]
    return seconds


def hugging_face(name: str) -> Tokenizer:
    """The same vocabulary run by Hugging Face's library."""
    from transformers.convert_slow_tokenizer import TikTokenConverter

    named = tokenizer(name)
    assert isinstance(named, Tiktoken)
    with tempfile.NamedTemporaryFile("wb", suffix=".tiktoken") as file:
        for token, rank in named.ranks.items():
            file.write(base64.b64encode(token) + b" " + str(rank).encode() + b"\n")
        file.flush()
        return TikTokenConverter(vocab_file=file.name, pattern=CL100K_PATTERN).converted()


if __name__ == "__main__":
    main()
