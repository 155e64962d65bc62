"""Where in a chunk a concept stands: the window of its tokens without which the concept is least likely.

Every window is left out in turn and the rest scored again (occlusion; Zeiler and Fergus 2014,
https://arxiv.org/abs/1311.2901). So evidence says what the annotator goes by, not what a reader would mark.
"""

from collections.abc import Sequence

import numpy as np

from atlas.annotator.choose import Chosen
from atlas.annotator.features import Featurizer
from atlas.annotator.model import Scored, Weights, scored_logits
from atlas.chunking.offsets import spans
from atlas.chunking.tokenizer import Tokenizer

WIDTH, STRIDE = 16, 8  # tokens; a phrase of up to 9 tokens stands whole in some window
TOGETHER = 64  # chunks whose windows are scored together; bounds the memory of their views
SAME = 1e-4  # logits that differ by less are equal but for rounding, which depends on what is scored together


def located(
    weights: Weights,
    featurizer: Featurizer,
    tokens: Sequence[np.ndarray],
    texts: Sequence[str],
    named: Tokenizer,
    labels: Chosen,
) -> tuple[np.ndarray, np.ndarray]:
    """First code point of each label's evidence in its chunk's text and the one behind its last, int32 [labels] each.

    A window that cuts a character is widened to the whole of it.

    Args:
        tokens: ids of each chunk, int32. texts: of the chunks; none with a label is empty. labels: of the chunks.
    """
    windows_of = token_evidence(weights, featurizer, tokens, labels)
    found = np.zeros((2, len(labels.columns)), dtype=np.int32)
    for chunk, mine in _labelled(labels):
        starts, ends = spans(texts[chunk], tokens[chunk], named)
        found[:, mine] = starts[windows_of[0][mine]], ends[windows_of[1][mine] - 1]
    return found[0], found[1]


def token_evidence(
    weights: Weights, featurizer: Featurizer, tokens: Sequence[np.ndarray], labels: Chosen
) -> tuple[np.ndarray, np.ndarray]:
    """First token of each label's evidence and the one behind its last, int64 [labels] each.

    Of windows that do equally well the first is taken. A chunk of at most ``WIDTH`` tokens is its own evidence.
    """
    starts = np.zeros(len(labels.columns), dtype=np.int64)
    counts = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    searched = [(chunk, mine) for chunk, mine in _labelled(labels) if counts[chunk] > WIDTH]
    for begin in range(0, len(searched), TOGETHER):
        some = searched[begin : begin + TOGETHER]
        left_out = [windows(len(tokens[chunk])) for chunk, _ in some]
        edges = np.cumsum([0, *map(len, left_out)])
        shortened = [
            without(tokens[chunk], start, start + WIDTH)
            for (chunk, _), firsts in zip(some, left_out, strict=True)
            for start in firsts
        ]
        found = scored_logits(weights, featurizer, shortened)
        for place, (_, mine) in enumerate(some):
            left = logits_of(found, labels.columns[mine], edges[place], edges[place + 1])
            starts[mine] = left_out[place][np.argmax(left <= left.min(axis=0) + SAME, axis=0)]
    return starts, np.minimum(starts + WIDTH, counts[labels.rows])


def windows(count: int) -> np.ndarray:
    """First tokens of the windows of a chunk of so many tokens, ascending, int64; the last ends with the chunk."""
    last = max(0, count - WIDTH)
    return np.append(np.arange(0, last, STRIDE), last)


def without(ids: np.ndarray, start: int, end: int) -> np.ndarray:
    """A chunk's token ids but for ``start:end``."""
    return np.concatenate([ids[:start], ids[end:]])


def logits_of(found: Scored, columns: np.ndarray, first: int, stop: int) -> np.ndarray:
    """Logits of some concepts for the chunks ``first:stop``, float32 [chunks, concepts].

    Minus infinity where a concept is no candidate.

    Args:
        columns: int32 [concepts], each once.
    """
    pairs = slice(found.starts[first], found.starts[stop])
    rows = np.repeat(np.arange(stop - first), np.diff(found.starts[first : stop + 1]))
    order = np.argsort(columns)
    place = order[np.minimum(np.searchsorted(columns, found.columns[pairs], sorter=order), len(order) - 1)]
    asked = columns[place] == found.columns[pairs]
    dense = np.full((stop - first, len(columns)), -np.inf, dtype=np.float32)
    dense[rows[asked], place[asked]] = found.scores[pairs][asked]
    return dense


def _labelled(labels: Chosen) -> list[tuple[int, slice]]:
    """Chunks that have a label, and the places of their labels."""
    ends = np.cumsum(labels.sizes)
    return [
        (int(chunk), slice(ends[chunk] - labels.sizes[chunk], ends[chunk])) for chunk in np.flatnonzero(labels.sizes)
    ]
