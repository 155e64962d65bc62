"""Does evidence hold what a concept's score rests on? Documents with human labels, the annotator trained on others.

    python benchmarks/evidence.py --data DIR [--sets a,b]

The split of ``annotator.py``; report documents are cut to their first tokens, as long as a chunk. Of each, the best
labels that it is given get their evidence; then the evidence is left out, and in its stead spans of as many tokens
drawn anywhere in the chunk. ``share``: of all such pairs, in how many the concept's logit falls lower without the
evidence; ``ties``: in how many equally low (the same span was drawn, or the concept is no candidate either way).
Evidence is chosen by leaving out, so to check it by leaving out is easy: this says that the search finds its windows,
and how much they matter, not that a reader would mark them. ``in_label``: of the labels whose name has a word that
stands in the chunk, once, the share whose evidence holds it; ``in_random``: the same of the drawn spans.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from annotator_atlas import TOKENIZER, train_fast
from annotator_data import SETS, Task, split
from rows import Row, arguments, finish, median_seconds

from atlas.annotator import choose
from atlas.annotator.artefact import Annotator
from atlas.annotator.choose import Chosen
from atlas.annotator.evidence import WIDTH, located, logits_of, token_evidence, without
from atlas.annotator.model import scored_logits
from atlas.annotator.stage import score_chunks
from atlas.chunking.offsets import spans
from atlas.chunking.tokenizer import tokenizer

LIMIT = 10_000  # training documents
REPORTED = 200  # documents
TOKENS = 110
BEST = 3  # labels of a document
DRAWS = 5  # spans for each label
SEED = 0


def main() -> None:
    options = arguments(__doc__.splitlines()[0], list(SETS))
    finish([measured(split(options.data, name, 0, LIMIT, False)) for name in options.sets.split(",")], options.json)


def measured(task: Task) -> Row:
    with tempfile.TemporaryDirectory() as work:
        labels = [sorted(own) for own in task.training.gold]
        annotator = train_fast(task.training.texts, labels, task.names, Path(work)).annotator
    named = tokenizer(TOKENIZER)
    texts = [_cut(text) for text in task.report.texts[:REPORTED]]
    tokens = [named.encode(text) for text in texts]
    given = _best(_given(tokens, annotator))
    every = _given(tokens, annotator)
    plain = median_seconds(lambda: _given(tokens, annotator))
    search = median_seconds(lambda: located(annotator.weights, annotator.featurizer, tokens, texts, named, every))
    return {
        "benchmark": "evidence",
        "dataset": task.dataset,
        "system": "atlas-fast",
        **_compared(tokens, texts, task.names, given, annotator),
        "labels_per_chunk": float(every.sizes.mean()),
        "chunks_per_s": len(tokens) / plain,
        "chunks_per_s_evidence": len(tokens) / (plain + search),
    }


def _cut(text: str) -> str:
    """The beginning of a text, of about ``TOKENS`` tokens, in whole characters."""
    named = tokenizer(TOKENIZER)
    ids = named.encode(text)
    return text if len(ids) <= TOKENS else text[: spans(text, ids, named)[1][TOKENS - 1]]


def _given(tokens: list[np.ndarray], annotator: Annotator) -> Chosen:
    return choose.given(
        score_chunks(tokens, annotator), annotator.weights.thresholds, np.zeros(len(tokens), dtype=bool)
    )


def _best(labels: Chosen) -> Chosen:
    place = np.arange(len(labels.columns)) - np.repeat(np.cumsum(labels.sizes) - labels.sizes, labels.sizes)
    return Chosen(labels.columns[place < BEST], labels.scores[place < BEST], np.minimum(labels.sizes, BEST))


def _compared(
    tokens: list[np.ndarray], texts: list[str], names: list[str], labels: Chosen, annotator: Annotator
) -> Row:
    """Evidence beside drawn spans; chunks that are no longer than a window have nothing to compare."""
    generator = np.random.default_rng(SEED)
    starts, _ = token_evidence(annotator.weights, annotator.featurizer, tokens, labels)
    lower: list[bool] = []
    equal: list[bool] = []
    drops: list[float] = []
    in_label: list[bool] = []
    in_random: list[bool] = []
    counted = 0
    for label, (chunk, column) in enumerate(zip(labels.rows, labels.columns, strict=True)):
        ids = tokens[chunk]
        if len(ids) <= WIDTH:
            continue
        counted += 1
        tried = [int(starts[label]), *generator.integers(0, len(ids) - WIDTH + 1, DRAWS).tolist()]
        left_out = [without(ids, start, start + WIDTH) for start in tried]
        found = scored_logits(annotator.weights, annotator.featurizer, [ids, *left_out])
        whole, evidence, *drawn = logits_of(found, np.array([column]), 0, len(left_out) + 1)[:, 0].tolist()
        lower += [evidence < other for other in drawn]
        equal += [evidence == other for other in drawn]
        drops += [whole - evidence] if np.isfinite(evidence) else []
        if (word := _only_word(names[column], texts[chunk])) is not None:
            held = list(_holds(texts[chunk], ids, tried, word))
            in_label.append(held[0])
            in_random += held[1:]
    return {
        "labels": counted,
        "share": float(np.mean(lower)),
        "ties": float(np.mean(equal)),
        "median_drop": float(np.median(drops)),
        "named_labels": len(in_label),
        "in_label": float(np.mean(in_label)) if in_label else None,
        "in_random": float(np.mean(in_random)) if in_random else None,
    }


def _only_word(name: str, text: str) -> tuple[int, int] | None:
    """Where the one place is at which a long word of a name stands in a text; None where there is no such word."""
    for word in re.findall(r"\w{4,}", name.casefold()):
        places = [match.span() for match in re.finditer(rf"\b{re.escape(word)}", text.lower())]
        if len(places) == 1:
            return places[0]
    return None


def _holds(text: str, ids: np.ndarray, tried: list[int], word: tuple[int, int]) -> Iterator[bool]:
    starts, ends = spans(text, ids, tokenizer(TOKENIZER))
    for start in tried:
        yield bool(starts[start] <= word[0] and word[1] <= ends[start + WIDTH - 1])


if __name__ == "__main__":
    main()
